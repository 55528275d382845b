//! One segment being read, strictly: a tape is evidence, so a byte that cannot be what the writer
//! wrote ends the reading.
//!
//! The `mcap` crate's linear reader decompresses chunks and checks the checksums. It is handed one
//! top-level record at a time, whole, after this has checked that the record may stand there and
//! that the lengths inside it agree: lengths and opcodes lie outside the chunks' checksums, and a
//! wrong one could make a lenient reader skip over entries without a word. Messages are read from
//! chunks only, because only chunks have a checksum of their own.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use mcap::MAGIC;
use mcap::records::op;
use mcap::sans_io::{LinearReadEvent, LinearReader, LinearReaderOptions};

use super::entry::Entry;
use super::error::{Result, TapeError};
use super::message_table::{Fault, MessageTable};
use super::seek;
use crate::domain::UnixNanos;

/// The largest record and the largest chunk that is read into memory, in bytes. Bounds what a
/// damaged length can cost.
const RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Opcode and length before each record.
const RECORD_HEAD: usize = 9;

/// The part of the file that the next record belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Magic,
    Header,
    Data,
    Index,
    EndMagic,
    End,
}

/// How a segment ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SegmentEnd {
    /// With its index and its footer.
    Finished,
    /// Without: the writer was killed. Bytes from here on hold nothing that was flushed.
    Torn { at_byte: u64 },
}

pub(super) struct SegmentReader {
    path: PathBuf,
    file: BufReader<File>,
    /// The file's size when it was opened.
    length: u64,
    /// Whether the file ends as a finished one does: what is wrong before that is damage.
    sealed: bool,
    section: Section,
    /// Where the top-level record being read begins.
    record_at: u64,
    /// The first byte not yet handed to `records`.
    at: u64,
    /// Bytes of the chunk being read that its messages have not yet accounted for.
    chunk_left: u64,
    records: LinearReader,
    messages: MessageTable,
    end: Option<SegmentEnd>,
}

impl SegmentReader {
    /// Opens a segment, which must be the one with this number, if its place says which.
    pub fn open(path: &Path, number: Option<u32>) -> Result<Self> {
        Self::with(path, number, true)
    }

    /// Opens a segment at the chunk that holds the first entry received at `time` or later. What
    /// comes before is neither read nor checked.
    pub fn open_at(path: &Path, number: Option<u32>, time: UnixNanos) -> Result<Self> {
        let mut reader = Self::with(path, number, false)?;
        let plan = seek::plan(reader.file.get_ref(), time).map_err(TapeError::io("read", path))?;
        if let Err(fault) = reader.skip(&plan) {
            reader.judge(fault)?;
        }
        Ok(reader)
    }

    fn with(path: &Path, number: Option<u32>, is_whole: bool) -> Result<Self> {
        let mut file = File::open(path).map_err(TapeError::io("open", path))?;
        let length = file.metadata().map_err(TapeError::io("open", path))?.len();
        let sealed = is_sealed(&mut file, length).map_err(TapeError::io("read", path))?;
        let options = LinearReaderOptions::default()
            .with_prevalidate_chunk_crcs(true)
            .with_validate_data_section_crc(is_whole)
            .with_validate_summary_section_crc(true)
            .with_record_length_limit(RECORD_BYTES_MAX);
        Ok(Self {
            path: path.to_owned(),
            file: BufReader::new(file),
            length,
            sealed,
            section: Section::Magic,
            record_at: 0,
            at: 0,
            chunk_left: 0,
            records: LinearReader::new_with_options(options),
            messages: MessageTable::new(number),
            end: None,
        })
    }

    /// Reads what must be read before a place, and goes there.
    fn skip(&mut self, plan: &seek::Plan) -> Result<(), Fault> {
        while self.section != Section::Data {
            self.advance()?;
        }
        for chunk in &plan.announcing {
            self.go_to(*chunk)?;
            while self.chunk_left == 0 && self.end.is_none() {
                self.advance()?;
            }
            while self.chunk_left > 0 {
                self.advance()?;
            }
        }
        self.go_to(plan.from)
    }

    fn go_to(&mut self, at: u64) -> Result<(), Fault> {
        self.file.seek(SeekFrom::Start(at))?;
        self.at = at;
        Ok(())
    }

    /// Reads up to the next entry: false at the end, see [`SegmentReader::end`].
    pub fn advance_to_entry(&mut self) -> Result<bool> {
        while self.end.is_none() {
            match self.advance() {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(fault) => self.judge(fault)?,
            }
        }
        Ok(false)
    }

    /// The entry that was read last.
    pub fn entry(&self) -> Option<Entry<'_>> {
        self.messages.current()
    }

    /// How it ended, once it has.
    pub fn end(&self) -> Option<SegmentEnd> {
        self.end
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One step of the linear reader: true when it yielded an entry.
    fn advance(&mut self) -> Result<bool, Fault> {
        match self.records.next_event() {
            Some(Ok(LinearReadEvent::Record { opcode, data })) => {
                if self.section != Section::Data || self.chunk_left == 0 {
                    return Ok(false);
                }
                let size = (RECORD_HEAD + data.len()) as u64;
                self.chunk_left =
                    self.chunk_left.checked_sub(size).ok_or(Fault::Damage(OVERFULL_CHUNK))?;
                self.messages.accept(opcode, data)
            }
            Some(Ok(LinearReadEvent::ReadRequest(_))) => self.feed().map(|()| false),
            Some(Err(error)) => Err(Fault::Mcap(error)),
            None if self.at == self.length => {
                self.end = Some(SegmentEnd::Finished);
                Ok(false)
            }
            None => Err(Fault::Damage("bytes after its end")),
        }
    }

    /// Hands the next top-level record to the linear reader.
    fn feed(&mut self) -> Result<(), Fault> {
        if self.chunk_left > 0 {
            return Err(Fault::Damage(OVERFULL_CHUNK));
        }
        self.record_at = self.at;
        let mut head = [0; RECORD_HEAD];
        let magic = matches!(self.section, Section::Magic | Section::EndMagic);
        let head_size = if magic { MAGIC.len() } else { RECORD_HEAD };
        let head = head.get_mut(..head_size).ok_or(Fault::Torn)?;
        if self.section == Section::Magic {
            self.expect_magic()?;
        }
        self.expect_left(head_size)?;
        self.file.read_exact(head)?;
        if magic && *head != *MAGIC {
            return Err(Fault::NotMcap);
        }
        let body_size = if magic { 0 } else { self.body_size(head)? };
        let size = head_size + body_size;
        self.expect_left(size)?;

        let record = self.records.insert(size);
        let (record_head, body) = record.split_at_mut_checked(head_size).ok_or(Fault::Torn)?;
        record_head.copy_from_slice(head);
        let body = body.get_mut(..body_size).ok_or(Fault::Torn)?;
        self.file.read_exact(body)?;
        self.at += size as u64;
        self.chunk_left = check_lengths(head, body)?;
        self.records.notify_read(size);
        self.section = self.section.after(head);
        Ok(())
    }

    /// Checks that the record may stand here and returns the size of its body.
    fn body_size(&self, head: &[u8]) -> Result<usize, Fault> {
        let Some((&[opcode], length)) = head.split_first_chunk() else { return Err(Fault::Torn) };
        if opcode == 0 && !self.sealed {
            return Err(Fault::Torn); // what a crash of the machine leaves of a growing file
        }
        if !self.section.allows(opcode) {
            return Err(Fault::Damage("a record that cannot stand here"));
        }
        let length = length.try_into().map_or(u64::MAX, u64::from_le_bytes);
        match usize::try_from(length) {
            Ok(size) if size <= RECORD_BYTES_MAX => Ok(size),
            _ if self.sealed => Err(Fault::Damage("a record longer than any tape holds")),
            _ => Err(Fault::Torn),
        }
    }

    /// Checks that a file too short for its magic bytes holds their beginning: the rest was torn off.
    fn expect_magic(&mut self) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        if self.length < MAGIC.len() as u64 {
            self.file.read_to_end(&mut bytes)?;
        }
        if MAGIC.starts_with(&bytes) { Ok(()) } else { Err(Fault::NotMcap) }
    }

    /// Checks that the file holds `size` bytes of this record.
    fn expect_left(&self, size: usize) -> Result<(), Fault> {
        if self.length - self.record_at >= size as u64 { Ok(()) } else { Err(Fault::Torn) }
    }

    /// Tells a torn tail, which is what a killed writer leaves, from damage. In an unsealed file
    /// the last record may be broken, no other.
    fn judge(&mut self, fault: Fault) -> Result<()> {
        let at_byte = self.record_at;
        let is_last = self.at == self.length;
        let damage = match fault {
            Fault::Io(source) => return Err(TapeError::io("read", &self.path)(source)),
            Fault::UnknownSchema { topic, schema } => {
                return Err(TapeError::UnknownSchema { path: self.path.clone(), topic, schema });
            }
            Fault::NotMcap if at_byte == 0 && !self.sealed => {
                let reason = "it does not begin as an MCAP file does";
                return Err(TapeError::NotATape { path: self.path.clone(), reason });
            }
            Fault::NotMcap => "wrong magic bytes".to_owned(),
            Fault::Torn if self.sealed => "a record reaches beyond its end".to_owned(),
            Fault::Torn => return self.torn(at_byte),
            _ if !self.sealed && (is_last || self.rest_is_blank()) => return self.torn(at_byte),
            Fault::Damage(damage) => damage.to_owned(),
            Fault::Mcap(error) => error.to_string(),
        };
        Err(TapeError::Damaged { path: self.path.clone(), at_byte, damage })
    }

    /// True when nothing but zeros is left: a machine that lost its power had promised the file more
    /// than it had written.
    fn rest_is_blank(&mut self) -> bool {
        let mut buffer = [0; 8 * 1024];
        loop {
            match self.file.read(&mut buffer) {
                Ok(0) => return true,
                Ok(read) if buffer.iter().take(read).all(|byte| *byte == 0) => {}
                _ => return false,
            }
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "reads as one of the verdicts of `judge`")]
    fn torn(&mut self, at_byte: u64) -> Result<()> {
        self.end = Some(SegmentEnd::Torn { at_byte });
        Ok(())
    }
}

const OVERFULL_CHUNK: &str = "a chunk whose records do not fill it";

impl Section {
    /// The order of an MCAP file as the tape writer makes it.
    fn allows(self, opcode: u8) -> bool {
        match self {
            Self::Header => opcode == op::HEADER,
            Self::Data => matches!(opcode, op::CHUNK | op::MESSAGE_INDEX | op::DATA_END),
            Self::Index => matches!(
                opcode,
                op::SCHEMA
                    | op::CHANNEL
                    | op::STATISTICS
                    | op::CHUNK_INDEX
                    | op::SUMMARY_OFFSET
                    | op::FOOTER
            ),
            Self::Magic | Self::EndMagic | Self::End => false,
        }
    }

    fn after(self, head: &[u8]) -> Self {
        match (self, head.first()) {
            (Self::Magic, _) => Self::Header,
            (Self::Header, _) => Self::Data,
            (Self::Data, Some(&op::DATA_END)) => Self::Index,
            (Self::Index, Some(&op::FOOTER)) => Self::EndMagic,
            (Self::EndMagic, _) => Self::End,
            (same, _) => same,
        }
    }
}

/// Checks the lengths within a record against its own; returns the uncompressed size of a chunk,
/// zero for any other record.
fn check_lengths(head: &[u8], body: &[u8]) -> Result<u64, Fault> {
    let bad = Fault::Damage("lengths that do not agree");
    match head.first() {
        Some(&op::HEADER) => {
            let profile = size_at(body, 0).ok_or(Fault::Torn)?;
            let library = size_at(body, 4 + profile).ok_or(Fault::Torn)?;
            if 8 + profile + library == body.len() { Ok(0) } else { Err(bad) }
        }
        Some(&op::MESSAGE_INDEX) => {
            if size_at(body, 2).is_some_and(|entries| 6 + entries == body.len()) {
                Ok(0)
            } else {
                Err(bad)
            }
        }
        Some(&op::DATA_END) if body.len() != 4 => Err(bad),
        Some(&op::FOOTER) if body.len() != 20 => Err(bad),
        Some(&op::CHUNK) => chunk_size(body).ok_or(bad),
        _ => Ok(0),
    }
}

/// A chunk's uncompressed size, if its head agrees with the length of its record. Two times of 8
/// bytes, then uncompressed size, checksum, name of the compression, compressed size, data.
fn chunk_size(body: &[u8]) -> Option<u64> {
    let uncompressed = u64_at(body, 16)?;
    let checksum = size_at(body, 24)?;
    let name = size_at(body, 28)?;
    let compressed = u64_at(body, 32 + name)?;
    let agrees = compressed.checked_add(40 + name as u64) == Some(body.len() as u64)
        && (name > 0 || compressed == uncompressed);
    (agrees && checksum != 0 && uncompressed > 0).then_some(uncompressed)
}

fn size_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)).ok()
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Whether the file ends with the magic bytes of a finished MCAP file.
fn is_sealed(file: &mut File, length: u64) -> std::io::Result<bool> {
    let mut tail = [0; MAGIC.len()];
    if length < 2 * MAGIC.len() as u64 {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(length - MAGIC.len() as u64))?;
    file.read_exact(&mut tail)?;
    file.rewind()?;
    Ok(tail == MAGIC)
}
