//! Tests of files of history: what is in them arrives, and nothing else does.

use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::domain::{Candle, Price, Quantity, Side};

mod columns;
mod refused;

const TRADES: &str = "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match";
const KLINES: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,\
                      taker_buy_volume,taker_buy_quote_volume,ignore";
/// Two trades in microseconds.
const TWO_TRADES: &str = "\
    7,100.00000000,2.00000000,200.00000000,1735689600000001,True,True\n\
    8,100.50000000,1.00000000,100.50000000,1735689600000002,False,True\n";
/// Two minutes in milliseconds; nobody traded in the second one.
const TWO_BARS: &str = "\
    1735689600000,100.0,102.0,99.0,101.0,10.0,1735689659999,1005.0,4,3.0,301.5,0\n\
    1735689660000,101.0,101.0,101.0,101.0,0.0,1735689719999,0.0,0,0.0,0.0,0\n";

/// Files in a directory of their own.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A zip of these files.
    fn zip(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let path = self.0.path().join(name);
        let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        for (name, text) in files {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        path
    }
}

/// Every fact of files with its instrument, and what came of each file.
type Read = (Vec<(String, Fact)>, Vec<FileReport>);

/// What is read; or the sentence, without the folder.
fn read(files: &[PathBuf]) -> Result<Read, String> {
    let sentence = |error: HistoryError| {
        let folder = format!("{}/", files[0].parent().unwrap().display());
        error.to_string().replace(&folder, "")
    };
    let mut history = History::open(files, &Options::default()).map_err(sentence)?;
    let (mut all, mut batch) = (Vec::new(), Vec::new());
    loop {
        history.next_batch(&mut batch, 3).map_err(sentence)?;
        if batch.is_empty() {
            return Ok((all, history.files()));
        }
        let symbol = |row: &Row| history.streams()[row.stream].symbol.clone();
        all.extend(batch.iter().map(|row| (symbol(row), row.fact)));
    }
}

/// The facts of one file of this name and content.
fn facts(name: &str, text: impl AsRef<[u8]>) -> Result<Vec<Fact>, String> {
    let folder = Folder::new();
    let path = folder.write(name, text.as_ref());
    read(&[path]).map(|(facts, _)| facts.into_iter().map(|(_, fact)| fact).collect())
}

fn trade(id: u64, micros: u64, price: &str, quantity: &str, aggressor: Side) -> Fact {
    let (price, quantity) = (price.parse().unwrap(), quantity.parse().unwrap());
    Fact::Trade(Trade { id, ts_venue: UnixNanos(micros * 1_000), price, quantity, aggressor })
}

fn two_trades() -> Vec<Fact> {
    vec![
        trade(7, 1_735_689_600_000_001, "100", "2", Side::Sell),
        trade(8, 1_735_689_600_000_002, "100.5", "1", Side::Buy),
    ]
}

fn two_bars() -> Vec<Fact> {
    let bar = |minute: u64, prices: [&str; 4], volume: &str, turnover: &str, trades| {
        let [open, high, low, close] = prices.map(|price| price.parse().unwrap());
        Fact::Candle(Candle {
            open_time: UnixNanos((1_735_689_600 + minute * 60) * UnixNanos::SECOND),
            length: 60 * UnixNanos::SECOND,
            open,
            high,
            low,
            close,
            volume: volume.parse().unwrap(),
            turnover: turnover.parse().unwrap(),
            trades,
        })
    };
    vec![bar(0, ["100", "102", "99", "101"], "10", "1005", 4), bar(1, ["101"; 4], "0", "0", 0)]
}

/// Lost if broken: the files that everybody has.
#[test]
fn every_public_format_is_read_as_it_is_published() {
    let check = |name: &str, text: &str, expected: Vec<Fact>| {
        let windows = text.replace('\n', "\r\n");
        for text in
            [text.to_owned(), windows, format!("\u{feff}{text}"), text.trim_end().to_owned()]
        {
            assert_eq!(facts(name, &text), Ok(expected.clone()), "{text}");
        }
    };
    check("BTCUSDT-trades-2025-01-01.csv", TWO_TRADES, two_trades());
    check("BTCUSDT-trades-2025-01-01.csv", &format!("{TRADES}\n{TWO_TRADES}"), two_trades());
    // Futures: no is_best_match, other words for a flag, milliseconds.
    let futures = "id,price,qty,quote_qty,time,is_buyer_maker\n7,100,2,200,1735689600000,true\n";
    check(
        "BTCUSDT-trades-2025-01.csv",
        futures,
        vec![trade(7, 1_735_689_600_000_000, "100", "2", Side::Sell)],
    );
    let aggregates = "7,100.00,2.0,70,79,1735689600000001,True,True\n\
                      8,100.50,1.0,80,80,1735689600000002,False,True\n";
    check("BTCUSDT-aggTrades-2025-01-01.csv", aggregates, two_trades());
    let futures = "7,100.00,2.0,70,79,1735689600000,true\n";
    check(
        "BTCUSDT-aggTrades-2025-01-01.csv",
        futures,
        vec![trade(7, 1_735_689_600_000_000, "100", "2", Side::Sell)],
    );
    check("BTCUSDT-1m-2025-01.csv", TWO_BARS, two_bars());
    check("BTCUSDT-1m-2025-01.csv", &format!("{KLINES}\n{TWO_BARS}"), two_bars());
    let micros = TWO_BARS
        .replace("60000,", "60000000,")
        .replace("600000,", "600000000,")
        .replace("9999,", "9999999,");
    check("BTCUSDT-1m-2025-01.csv", &micros, two_bars());
    let ticks = "ts_ns,id,price,qty,side\n1735689600000001000,7,100,2,-1\n\
                 1735689600000002000,8,100.5,1,1\n";
    check("BTCUSDT.csv", ticks, two_trades());
}

/// Lost if broken: files that somebody rearranged, and said so in the header.
#[test]
fn a_header_in_another_order_is_followed() {
    let text = "time,isBuyerMaker,note,price,qty,id\n\
                1735689600000001,true,x,100,2,7\n1735689600000002,false,,100.5,1,8\n";
    assert_eq!(facts("BTCUSDT.csv", text), Ok(two_trades()));
    let quoted = text.replace("time,isBuyerMaker", "\"time\",\"isBuyerMaker\"");
    assert_eq!(facts("BTCUSDT.csv", quoted), Ok(two_trades()));
    let said = |header: &str| facts("BTCUSDT.csv", format!("{header}\n1,2,3\n")).unwrap_err();
    assert_eq!(said("id,price,qty"), "BTCUSDT.csv:1: has no column time, which trades need");
    assert!(said("a,b,c").starts_with("BTCUSDT.csv:1: is a header of no dataset"));
    assert_eq!(said(&format!("{TRADES},Price")), "BTCUSDT.csv:1: has two columns price");
}

/// Lost if broken: zips as they are downloaded; memory and patience, to those that are not.
#[test]
fn a_zip_holds_one_file_and_is_whole() {
    let folder = Folder::new();
    let only = |files: &[(&str, &str)], name: &str| read(&[folder.zip(name, files)]);
    let (facts, files) = only(&[("anything.csv", TWO_BARS)], "BTCUSDT-1m-2025-01.zip").unwrap();
    assert_eq!(facts.iter().map(|(_, fact)| *fact).collect::<Vec<_>>(), two_bars());
    assert_eq!((files[0].format.as_str(), files[0].rows), ("klines of 1m", 2));
    // Its own name says nothing, that of the file in it does.
    let (facts, _) = only(&[("ETHUSDT-1m-2025-01.csv", TWO_BARS)], "download.zip").unwrap();
    assert_eq!(facts[0].0, "ETHUSDT");
    let said = only(&[("a.csv", TWO_BARS), ("b.csv", TWO_BARS)], "two.zip").unwrap_err();
    assert!(said.starts_with("two.zip: holds 2 files (\"a.csv\", \"b.csv\")"), "{said}");
    assert_eq!(only(&[], "none.zip").unwrap_err(), "none.zip: is a zip without a file");
    assert!(only(&[("a.csv", "")], "void.zip").unwrap_err().contains("which is empty"));
    let bomb = only(&[("a.csv", &"\n".repeat(20_000_000))], "bomb.zip").unwrap_err();
    assert!(bomb.contains("to 20000000 bytes, which market data never does"), "{bomb}");

    let many: String = (1..5_000).map(|n| TWO_TRADES.replace("7,", &format!("{n},"))).collect();
    let whole = std::fs::read(folder.zip("BTCUSDT-trades.zip", &[("a.csv", &many)])).unwrap();
    let cut = folder.write("BTCUSDT-cut.zip", &whole[..whole.len() - 40]);
    let said = read(&[cut]).unwrap_err();
    assert!(said.starts_with("BTCUSDT-cut.zip: is no whole zip archive"), "{said}");
}

/// Lost if broken: a file whose bytes changed on their way, and whose numbers still are numbers.
#[test]
fn a_zip_whose_checksum_is_wrong_is_refused_at_its_end() {
    let folder = Folder::new();
    let path = folder.0.path().join("BTCUSDT-trades.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("a.csv", stored).unwrap();
    zip.write_all(TWO_TRADES.as_bytes()).unwrap();
    zip.finish().unwrap();
    let bytes = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).find("True,True");
    let mut changed = std::fs::read(&path).unwrap();
    assert_eq!(read(std::slice::from_ref(&path)).unwrap().0.len(), 2);
    let at = changed.windows(4).position(|window| window == b"True").unwrap();
    assert!(bytes.is_some());
    changed.splice(at..at + 4, *b"true");
    std::fs::write(&path, changed).unwrap();
    let said = read(&[path]).unwrap_err();
    assert!(said.contains("the zip is damaged"), "{said}");
}

/// Lost if broken: the difference between a file that overlaps another and one that is doubled.
#[test]
fn duplicates_are_dropped_and_counted_and_instruments_merged() {
    let folder = Folder::new();
    let (first, second) = TWO_TRADES.split_at(TWO_TRADES.find('\n').unwrap() + 1);
    let doubled =
        folder.write("BTCUSDT-trades-01.csv", format!("{first}{first}{second}").as_bytes());
    let again = folder.write("BTCUSDT-trades-02.csv", TWO_TRADES.as_bytes());
    let other = folder.write("ETHUSDT-trades-01.csv", second.replace("2,F", "1,F").as_bytes());
    let (facts, files) = read(&[again.clone(), other, doubled]).unwrap();
    let seen: Vec<(&str, u64)> =
        facts.iter().map(|(symbol, fact)| (symbol.as_str(), fact.key().1)).collect();
    assert_eq!(seen, [("BTCUSDT", 7), ("ETHUSDT", 8), ("BTCUSDT", 8)]);
    let counts: Vec<_> = files.iter().map(|file| (file.rows, file.duplicates)).collect();
    assert_eq!(counts, [(2, 0), (1, 0), (0, 3)]);
    let bars = folder.write("BTCUSDT-1m-2025-01.csv", TWO_BARS.as_bytes());
    let said = read(&[again, bars]).unwrap_err();
    let expected = "BTCUSDT-1m-2025-01.csv: has klines of 1m of BTCUSDT, and BTCUSDT-trades-02.csv \
                    has trades: an instrument has one of them";
    assert_eq!(said, expected);
}

/// Lost if broken: the day that a download left out.
#[test]
fn what_is_missing_is_told_with_its_place() {
    let gaps = |dataset, facts: &[Fact]| {
        let mut gaps = Gaps::watch(std::iter::once(("BTCUSDT", dataset)));
        for fact in facts {
            gaps.note(0, fact);
        }
        let places = gaps.first.iter().map(|gap| (gap.from.clone(), gap.to.clone(), gap.missing));
        (gaps.count, gaps.missing, places.collect::<Vec<_>>())
    };
    let day = |bar: Fact| match bar {
        Fact::Candle(bar) => {
            Fact::Candle(Candle { open_time: bar.open_time.plus(86_400_000_000_000), ..bar })
        }
        fact @ Fact::Trade(_) => fact,
    };
    let bars = two_bars();
    assert_eq!(gaps(Dataset::Klines, &bars), (0, 0, vec![]));
    let place = ("2025-01-01T00:02:00Z".to_owned(), "2025-01-02T00:00:00Z".to_owned(), Some(1_438));
    assert_eq!(gaps(Dataset::Klines, &[bars[0], bars[1], day(bars[0])]), (1, 1_438, vec![place]));
    let at = |id, micros: u64| trade(id, 1_735_689_600_000_000 + micros, "1", "1", Side::Buy);
    let trades = [at(1, 0), at(2, 90_000_000_000), at(5, 90_000_000_001)];
    let (count, missing, _) = gaps(Dataset::Trades, &trades);
    assert_eq!((count, missing), (1, 2), "contiguous ids prove that nobody traded for a day");
    let (count, missing, places) = gaps(Dataset::Ticks, &trades);
    assert_eq!((count, missing, places[0].2), (1, 0, None), "only silence tells of own ticks");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However a history is cut into files, and however they overlap, it is one history.
    #[test]
    fn any_cut_into_files_gives_the_same_history(
        steps in prop::collection::vec((0_u64..3, 1_i64..1_000), 1..60),
        cuts in prop::collection::vec((0_usize..60, 0_usize..60), 0..5),
    ) {
        let mut at = 1_735_689_600_000_000;
        let lines: Vec<String> = (1..).zip(&steps).map(|(id, (step, price))| {
            at += step;
            format!("{id},{price},1,{price},{at},True,True\n")
        }).collect();
        let folder = Folder::new();
        let whole = folder.write("BTCUSDT-trades-whole.csv", lines.concat().as_bytes());
        let (expected, _) = read(std::slice::from_ref(&whole)).unwrap();
        prop_assert_eq!(expected.len(), lines.len());
        // Every line is in one file of the first cut, and some are in others as well.
        let middle = cuts.first().map_or(0, |cut| cut.0.min(lines.len()));
        let mut parts = vec![0..middle, middle..lines.len()];
        parts.extend(cuts.iter().map(|(a, b)| {
            let (a, b) = (*a.min(b), *a.max(b));
            a.min(lines.len())..b.min(lines.len())
        }));
        let files: Vec<PathBuf> = parts.iter().filter(|part| !part.is_empty()).enumerate().map(|(n, part)| {
            folder.write(&format!("BTCUSDT-trades-{n}.csv"), lines[part.clone()].concat().as_bytes())
        }).collect();
        let (facts, reports) = read(&files).unwrap();
        prop_assert_eq!(facts, expected);
        let rows: usize = parts.iter().map(ExactSizeIterator::len).sum();
        let seen: u64 = reports.iter().map(|file| file.rows + file.duplicates).sum();
        prop_assert_eq!(seen, rows as u64, "no row is lost without a count");
    }

    /// No file, whatever is in it, may bring the program down.
    #[test]
    fn any_bytes_are_a_history_or_a_sentence(
        head in prop::sample::select(vec![&b"PAR1"[..], b"PK\x03\x04", b"PK\x05\x06", b"id,", b"17", b""]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = facts("BTCUSDT-1m.csv", [head, &bytes].concat());
    }
}

/// Values of a trade as they are in a file's cells.
fn cells(fact: &Fact) -> (u64, Price, Quantity) {
    match fact {
        Fact::Trade(trade) => (trade.id, trade.price, trade.quantity),
        Fact::Candle(bar) => (bar.trades, bar.close, bar.volume),
    }
}
