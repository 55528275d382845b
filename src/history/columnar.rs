//! The rows of a Parquet file: batches of each column that is used, as the text that a CSV file
//! would have.

use std::fmt::Write as _;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parquet::basic::{ConvertedType, LogicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::layout::{Cells, Layout};

/// Rows of a batch.
const BATCH: usize = 4_096;
/// Unpacked, the columns of a row group are never larger than this.
const CHUNK_BYTES_MAX: i64 = 1 << 30;

const DAMAGED: &str = "is no Parquet file that can be read: it is damaged";

type Refused<T> = Result<T, String>;

/// A Parquet file that is read from its first row to its last.
pub struct Columnar {
    file: SerializedFileReader<File>,
    layout: Layout,
    group: usize,
    columns: Vec<Column>,
    /// Rows of the batch, and the next one of them.
    rows: usize,
    next: usize,
    /// The number of the row just read, from 1.
    number: u64,
    read: Arc<AtomicU64>,
}

/// A column of the current row group, and the current batch of it as text.
struct Column {
    at: usize,
    role: usize,
    reader: Option<ColumnReader>,
    /// Digits after the point of a decimal.
    scale: Option<u32>,
    text: Vec<u8>,
    /// Where each cell ends; an absent value is an empty cell.
    ends: Vec<usize>,
    levels: Vec<i16>,
}

impl Columnar {
    /// Opens a file and finds its columns.
    pub fn open(file: File, read: Arc<AtomicU64>) -> Refused<Self> {
        let file = guarded(|| SerializedFileReader::new(file).map_err(|error| broken(&error)))?;
        let schema = file.metadata().file_metadata().schema_descr();
        if schema
            .columns()
            .iter()
            .any(|column| column.max_rep_level() > 0 || column.path().parts().len() > 1)
        {
            return Err("has nested columns, and flat ones are read".to_owned());
        }
        let layout =
            Layout::of_names(schema.columns().iter().map(|column| column.name().as_bytes()))?;
        let columns = layout.roles().map(|(at, role)| Column::new(at, role, &schema.column(at)));
        let columns = columns.collect::<Refused<Vec<_>>>()?;
        Ok(Self { layout, columns, file, group: 0, rows: 0, next: 0, number: 0, read })
    }

    /// Which columns there are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The number of the row just read, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Goes to the next row; false at the end.
    pub fn advance(&mut self) -> Refused<bool> {
        self.next += 1;
        while self.next >= self.rows {
            if !guarded(|| Ok(self.batch()? || self.open_group()?))? {
                return Ok(false);
            }
            self.next = 0;
        }
        self.number += 1;
        Ok(true)
    }

    /// The cells of the row just read.
    pub fn cells(&self) -> Cells<'_> {
        let mut cells = Cells::default();
        for column in &self.columns {
            if let Some(cell) = cells.get_mut(column.role) {
                *cell = column.cell(self.next);
            }
        }
        cells
    }

    /// Reads the next batch of every column of the row group; false when it is exhausted.
    fn batch(&mut self) -> Refused<bool> {
        let mut rows: Option<usize> = None;
        for column in &mut self.columns {
            let read = column.batch().map_err(|error| broken(&error))?;
            if *rows.get_or_insert(read) != read {
                return Err("is damaged: its columns are not of one length".to_owned());
            }
        }
        self.rows = rows.unwrap_or(0);
        Ok(self.rows > 0)
    }

    /// Opens the next row group; false after the last one.
    fn open_group(&mut self) -> Refused<bool> {
        self.rows = 0;
        if self.group >= self.file.num_row_groups() {
            return Ok(false);
        }
        let group = self.file.get_row_group(self.group).map_err(|error| broken(&error))?;
        for column in &mut self.columns {
            let chunk = group.metadata().column(column.at);
            if chunk.uncompressed_size() > CHUNK_BYTES_MAX {
                return Err("would unpack to more than 1 GiB a column".to_owned());
            }
            let start = chunk.dictionary_page_offset().unwrap_or(0).min(chunk.data_page_offset());
            if start.min(chunk.compressed_size()) < 0 {
                return Err(DAMAGED.to_owned());
            }
            column.reader =
                Some(group.get_column_reader(column.at).map_err(|error| broken(&error))?);
        }
        self.read.fetch_add(group.metadata().compressed_size().unsigned_abs(), Ordering::Relaxed);
        self.group += 1;
        Ok(true)
    }
}

impl Column {
    fn new(at: usize, role: usize, descriptor: &ColumnDescriptor) -> Refused<Self> {
        let is_decimal = matches!(descriptor.logical_type_ref(), Some(LogicalType::Decimal(_)))
            || descriptor.converted_type() == ConvertedType::DECIMAL;
        let scale = is_decimal.then(|| descriptor.type_scale().unsigned_abs());
        if scale.is_some_and(|scale| scale > 28) {
            return Err(format!(
                "column {} has more than 28 digits after the point",
                descriptor.name()
            ));
        }
        let (text, ends, levels) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { at, role, reader: None, scale, text, ends, levels })
    }

    fn cell(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let cell =
            start.zip(self.ends.get(row)).and_then(|(start, end)| self.text.get(start..*end));
        cell.unwrap_or_default()
    }

    /// Reads a batch; how many rows it has.
    fn batch(&mut self) -> Result<usize, ParquetError> {
        self.text.clear();
        self.ends.clear();
        self.levels.clear();
        let Some(mut reader) = self.reader.take() else { return Ok(0) };
        let scale = self.scale;
        let rows = match &mut reader {
            ColumnReader::BoolColumnReader(reader) => self.fill(reader, |text, value| {
                text.extend(if *value { &b"true"[..] } else { b"false" });
            }),
            ColumnReader::Int32ColumnReader(reader) => {
                self.fill(reader, |text, value| put_integer(text, i64::from(*value), scale))
            }
            ColumnReader::Int64ColumnReader(reader) => {
                self.fill(reader, |text, value| put_integer(text, *value, scale))
            }
            // The shortest text that reads back as the same float: the digits that were written.
            ColumnReader::FloatColumnReader(reader) => self.fill(reader, put),
            ColumnReader::DoubleColumnReader(reader) => self.fill(reader, put),
            ColumnReader::ByteArrayColumnReader(reader) => {
                self.fill(reader, |text, value| put_bytes(text, value.data(), scale))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                self.fill(reader, |text, value| put_bytes(text, value.data(), scale))
            }
            ColumnReader::Int96ColumnReader(reader) => {
                self.fill(reader, |text, value| put(text, &value.to_nanos()))
            }
        }?;
        self.reader = Some(reader);
        Ok(rows)
    }

    fn fill<T: DataType>(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        write: impl Fn(&mut Vec<u8>, &T::T),
    ) -> Result<usize, ParquetError> {
        let mut values: Vec<T::T> = Vec::with_capacity(BATCH);
        let (rows, _, levels) =
            reader.read_records(BATCH, Some(&mut self.levels), None, &mut values)?;
        let mut values = values.iter();
        for row in 0..rows {
            // A column that may be absent says at each row whether it is.
            let present = levels == 0 || self.levels.get(row).is_none_or(|level| *level > 0);
            if let Some(value) = present.then(|| values.next()).flatten() {
                write(&mut self.text, value);
            }
            self.ends.push(self.text.len());
        }
        Ok(rows)
    }
}

/// Runs what reads bytes that may be anything: the reader of Parquet trusts some of them and panics
/// where they lie. What it left behind is not used again.
fn guarded<T>(read: impl FnOnce() -> Refused<T>) -> Refused<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(DAMAGED.to_owned()))
}

fn broken(error: &ParquetError) -> String {
    format!("is no Parquet file that can be read: {error}")
}

fn put(text: &mut Vec<u8>, value: &impl std::fmt::Display) {
    let mut cell = Cell(text);
    // Writing to memory cannot fail.
    let _ = write!(cell, "{value}");
}

struct Cell<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Cell<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

fn put_integer(text: &mut Vec<u8>, value: i64, scale: Option<u32>) {
    match scale {
        Some(scale) => put_decimal(text, i128::from(value), scale),
        None => put(text, &value),
    }
}

/// Text as it stands, or the big-endian integer of a decimal.
fn put_bytes(text: &mut Vec<u8>, bytes: &[u8], scale: Option<u32>) {
    let Some(scale) = scale else { return text.extend_from_slice(bytes) };
    let Some(at) = 16_usize.checked_sub(bytes.len()) else { return text.extend_from_slice(b"?") };
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xFF } else { 0 }; 16];
    if let Some(low) = wide.get_mut(at..) {
        low.copy_from_slice(bytes);
    }
    put_decimal(text, i128::from_be_bytes(wide), scale);
}

fn put_decimal(text: &mut Vec<u8>, value: i128, scale: u32) {
    let power = 10_u128.pow(scale.min(28));
    let (whole, rest) = (value.unsigned_abs() / power, value.unsigned_abs() % power);
    let mut cell = Cell(text);
    let sign = if value < 0 { "-" } else { "" };
    let _ = match scale {
        0 => write!(cell, "{sign}{whole}"),
        _ => write!(cell, "{sign}{whole}.{rest:0width$}", width = scale as usize),
    };
}
