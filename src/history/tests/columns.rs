//! Parquet: the same facts as CSV, whatever types its columns have.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArrayType, DoubleType, FixedLenByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;

/// The values of a column.
enum Values {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Flags(Vec<bool>),
    Texts(Vec<&'static str>),
    Bytes(Vec<[u8; 16]>),
}

/// Writes a file of one row group; a column whose values are fewer than `rows` lacks the last one.
fn write(path: &Path, schema: &str, packing: Compression, columns: &[Values], rows: usize) {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder().set_compression(packing).build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
    write_group(&mut writer, columns, rows);
    writer.close().unwrap();
}

fn write_group(writer: &mut SerializedFileWriter<std::fs::File>, columns: &[Values], rows: usize) {
    let mut group = writer.next_row_group().unwrap();
    for values in columns {
        let mut column = group.next_column().unwrap().unwrap();
        let levels =
            |count: usize| -> Vec<i16> { (0..rows).map(|row| i16::from(row < count)).collect() };
        match values {
            Values::Integers(values) => {
                let levels = levels(values.len());
                column.typed::<Int64Type>().write_batch(values, Some(&levels), None)
            }
            Values::Floats(values) => {
                let levels = levels(values.len());
                column.typed::<DoubleType>().write_batch(values, Some(&levels), None)
            }
            Values::Flags(values) => {
                let levels = levels(values.len());
                column.typed::<BoolType>().write_batch(values, Some(&levels), None)
            }
            Values::Texts(values) => {
                let levels = levels(values.len());
                let values: Vec<_> = values.iter().map(|text| (*text).into()).collect();
                column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)
            }
            Values::Bytes(values) => {
                let levels = levels(values.len());
                let values: Vec<_> = values.iter().map(|bytes| bytes.to_vec().into()).collect();
                column.typed::<FixedLenByteArrayType>().write_batch(&values, Some(&levels), None)
            }
        }
        .unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
}

const FLOATS: &str = "message trades {
    optional int64 id; optional double price; optional double qty; optional int64 time;
    optional boolean is_buyer_maker; }";

fn floats() -> Vec<Values> {
    vec![
        Values::Integers(vec![7, 8]),
        Values::Floats(vec![100.0, 100.5]),
        Values::Floats(vec![2.0, 1.0]),
        Values::Integers(vec![1_735_689_600_000_001, 1_735_689_600_000_002]),
        Values::Flags(vec![true, false]),
    ]
}

/// Lost if broken: history that was kept in a data frame.
#[test]
fn columns_of_any_type_give_the_facts_of_the_csv() {
    let folder = Folder::new();
    let path = folder.0.path().join("BTCUSDT-trades.parquet");
    let packings = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4_RAW,
        Compression::GZIP(parquet::basic::GzipLevel::default()),
    ];
    for packing in packings {
        write(&path, FLOATS, packing, &floats(), 2);
        let (facts, files) = read(std::slice::from_ref(&path)).unwrap();
        assert_eq!(facts.iter().map(|(_, fact)| *fact).collect::<Vec<_>>(), two_trades());
        assert_eq!(files[0].format, "trades, Parquet");
    }
    let exact = "message trades {
        required binary IsBuyerMaker (UTF8); required int64 id; optional binary price (UTF8);
        required fixed_len_byte_array(16) qty (DECIMAL(38, 8)); required int64 time (TIMESTAMP(NANOS,true));
        required int64 quote_qty (DECIMAL(18, 2)); }";
    let columns = [
        Values::Texts(vec!["True", "False"]),
        Values::Integers(vec![7, 8]),
        Values::Texts(vec!["100.00000000", "100.5"]),
        Values::Bytes(vec![200_000_000_i128.to_be_bytes(), 100_000_000_i128.to_be_bytes()]),
        Values::Integers(vec![1_735_689_600_000_001_000, 1_735_689_600_000_002_000]),
        Values::Integers(vec![20_000, 10_050]),
    ];
    write(&path, exact, Compression::SNAPPY, &columns, 2);
    let (facts, _) = read(&[path]).unwrap();
    assert_eq!(facts.iter().map(|(_, fact)| *fact).collect::<Vec<_>>(), two_trades());
}

/// Lost if broken: rows, where a batch or a group of them ends.
#[test]
fn every_row_of_every_group_is_read_once() {
    let folder = Folder::new();
    let path = folder.0.path().join("BTCUSDT-trades.parquet");
    let schema = Arc::new(parse_message_type(FLOATS).unwrap());
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    let mut next = 1;
    for rows in [1_usize, 4_096, 9_000, 4_095, 2] {
        let ids: Vec<i64> = (next..).take(rows).collect();
        next += i64::try_from(rows).unwrap();
        let columns = [
            Values::Floats(ids.iter().map(|_| 100.25).collect()),
            Values::Floats(ids.iter().map(|_| 0.5).collect()),
            Values::Integers(ids.iter().map(|id| 1_735_689_600_000_000 + id).collect()),
            Values::Flags(ids.iter().map(|id| id % 2 == 0).collect()),
        ];
        let columns: Vec<Values> = std::iter::once(Values::Integers(ids)).chain(columns).collect();
        write_group(&mut writer, &columns, rows);
    }
    writer.close().unwrap();
    let (facts, files) = read(&[path]).unwrap();
    assert_eq!(files[0].rows, 17_194);
    for (id, (_, fact)) in (1..).zip(&facts) {
        let side = if id % 2 == 0 { Side::Sell } else { Side::Buy };
        assert_eq!(*fact, trade(id, 1_735_689_600_000_000 + id, "100.25", "0.5", side));
    }
}

/// Lost if broken: the row to look at, and the trust that an absent value is no zero.
#[test]
fn what_a_parquet_file_lacks_is_told() {
    let folder = Folder::new();
    let path = folder.0.path().join("BTCUSDT-trades.parquet");
    let said = |columns: &[Values]| {
        write(&path, FLOATS, Compression::SNAPPY, columns, 2);
        read(std::slice::from_ref(&path)).unwrap_err()
    };
    let mut absent = floats();
    absent[1] = Values::Floats(vec![100.0]);
    let sentence = "BTCUSDT-trades.parquet, row 2: price \"\" is not a plain decimal number";
    assert_eq!(said(&absent), sentence);
    for (price, expected) in [(f64::NAN, "\"NaN\" is not"), (-1.0, "-1 is not above zero")] {
        let mut broken = floats();
        broken[1] = Values::Floats(vec![100.0, price]);
        assert!(said(&broken).contains(expected));
    }
    let lacks = "message trades { optional int64 id; optional double price; optional double qty; }";
    write(&path, lacks, Compression::SNAPPY, &floats()[..3], 2);
    let sentence = read(std::slice::from_ref(&path)).unwrap_err();
    assert_eq!(sentence, "BTCUSDT-trades.parquet: has no column time, which trades need");
    let whole = std::fs::read(&path).unwrap();
    let cut = folder.write("BTCUSDT-cut.parquet", &whole[..whole.len() - 20]);
    let sentence = read(&[cut]).unwrap_err();
    assert!(sentence.starts_with("BTCUSDT-cut.parquet: is no Parquet file that can be read"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A file that was damaged on its way is a sentence, never the end of the program.
    #[test]
    fn a_damaged_parquet_file_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let folder = Folder::new();
        let path = folder.0.path().join("BTCUSDT-trades.parquet");
        write(&path, FLOATS, Compression::SNAPPY, &floats(), 2);
        let mut bytes = std::fs::read(&path).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        std::fs::write(&path, bytes).unwrap();
        let _ = read(&[path]);
    }
}

/// Lost if broken: digits, in a price that a float holds only nearly.
#[test]
fn a_float_gives_the_digits_that_were_written() {
    let folder = Folder::new();
    let path = folder.0.path().join("BTCUSDT-trades.parquet");
    let mut columns = floats();
    columns[1] = Values::Floats(vec![93_501.82, 0.000_012_34]);
    columns[2] = Values::Floats(vec![0.1 + 0.2 - 0.2, 1e-8]);
    write(&path, FLOATS, Compression::SNAPPY, &columns, 2);
    let (facts, _) = read(&[path]).unwrap();
    let seen: Vec<String> = facts.iter().map(|(_, fact)| format!("{:?}", cells(fact))).collect();
    assert_eq!(seen, ["(7, 93501.82, 0.10000000000000003)", "(8, 0.00001234, 0.00000001)"]);
}
