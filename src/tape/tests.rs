//! Tapes written, broken and read back.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::*;
use crate::domain::UnixNanos;

/// An entry that owns its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Kept {
    topic: schema::Topic,
    seq: u64,
    time: UnixNanos,
    bytes: Vec<u8>,
}

impl From<Entry<'_>> for Kept {
    fn from(entry: Entry<'_>) -> Self {
        let Entry { channel, seq, time, bytes } = entry;
        Self { topic: channel.into(), seq, time, bytes: bytes.to_owned() }
    }
}

impl Kept {
    pub(super) fn entry(&self) -> Entry<'_> {
        let channel = self.topic.channel().unwrap();
        Entry { channel, seq: self.seq, time: self.time, bytes: &self.bytes }
    }
}

/// `count` entries of every kind, about 190 bytes each, a second apart.
pub(super) fn sample(count: u64) -> Vec<Kept> {
    let noise = |seed: u64| {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        })
    };
    (1..=count)
        .map(|seq| {
            let channel = match seq % 8 {
                0 => Channel::Answer { request: "depth/BTCUSDT", status: 200 },
                1 => Channel::Answer { request: "depth/BTCUSDT", status: 429 },
                2 => Channel::Input,
                3 => Channel::Output,
                4 => Channel::Mark,
                6 => Channel::Timing,
                5 => Channel::Stream { connection: 2 },
                _ => Channel::Stream { connection: 1 },
            };
            let length = usize::try_from(seq * 37 % 380).unwrap();
            let bytes: Vec<u8> = noise(seq).take(length).collect();
            let time = UnixNanos(1_723_161_253_000_000_000 + seq * UnixNanos::SECOND);
            Entry { channel, seq, time, bytes: &bytes }.into()
        })
        .collect()
}

pub(super) fn write_all(mut writer: Writer, entries: &[Kept]) -> Written {
    for entry in entries {
        writer.write(&entry.entry()).unwrap();
    }
    writer.finish().unwrap()
}

/// Everything that can be read, and how it ended.
pub(super) fn read_all(path: &Path) -> (Vec<Kept>, Result<TapeEnd>) {
    let mut read = Vec::new();
    let end = Reader::open(path).and_then(|mut reader| {
        loop {
            match reader.next() {
                Ok(Some(entry)) => read.push(entry.into()),
                Ok(None) => return Ok(reader.end().unwrap().clone()),
                Err(error) => {
                    assert_eq!(reader.next().unwrap(), None, "yielded after {error}");
                    return Err(error);
                }
            }
        }
    });
    (read, end)
}

fn options(compression: Compression) -> WriterOptions {
    WriterOptions { compression, chunk_bytes: 2_000, ..WriterOptions::default() }
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tape.mcap");
    (directory, path)
}

/// Lost if broken: the session.
#[test]
fn a_tape_reads_back_as_written() {
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd(3)] {
        let (_directory, path) = scratch();
        let entries = sample(200);
        let written = write_all(Writer::in_file(&path, options(compression)).unwrap(), &entries);
        assert_eq!((written.frames, written.inputs, written.outputs), (100, 25, 25));
        let (read, end) = read_all(&path);
        assert_eq!(read, entries, "{compression:?}");
        assert_eq!(end.unwrap(), TapeEnd::Finished);
    }
}

/// Lost if broken: a session that ended before its first input.
#[test]
fn a_tape_may_be_empty() {
    let (_directory, path) = scratch();
    write_all(Writer::in_file(&path, WriterOptions::default()).unwrap(), &[]);
    let (read, end) = read_all(&path);
    assert_eq!((read.len(), end.unwrap()), (0, TapeEnd::Finished));
}

/// Lost if broken: inputs after a checkpoint, and the seconds in which hours before it are read.
#[test]
fn a_tape_is_read_on_from_the_segment_of_an_input() {
    let directory = tempfile::tempdir().unwrap();
    let session = directory.path().join("session");
    let by_size = WriterOptions { segment_bytes: 20_000, ..options(Compression::None) };
    let entries = sample(1_000);
    write_all(Writer::in_directory(&session, by_size).unwrap(), &entries);
    let mut begun_later = 0;
    for seq in [0, 1, 7, 100, 500, 999, 1_000, 2_000] {
        let mut reader = Reader::open_after(&session, seq).unwrap();
        let mut read: Vec<Kept> = Vec::new();
        while let Some(entry) = reader.next().unwrap() {
            read.push(entry.into());
        }
        let after = |kept: &&Kept| kept.seq > seq;
        let wanted: Vec<_> = entries.iter().filter(after).collect();
        assert_eq!(read.iter().filter(after).collect::<Vec<_>>(), wanted, "after {seq}");
        begun_later += usize::from(read.len() < entries.len());
    }
    assert!(begun_later >= 4);
}

/// Lost if broken: a full disk or an endless file instead of segments that can be pruned.
#[test]
fn a_tape_rotates_by_size_and_by_time() {
    let entries = sample(400);
    let by_time =
        WriterOptions { segment_span: 100 * UnixNanos::SECOND, ..options(Compression::None) };
    let by_size = WriterOptions { segment_bytes: 20_000, ..options(Compression::None) };
    for options in [by_time, by_size] {
        let directory = tempfile::tempdir().unwrap();
        let tape = directory.path().join("session");
        let mut writer = Writer::in_directory(&tape, options).unwrap();
        for entry in &entries {
            writer.write(&entry.entry()).unwrap();
            writer.flush().unwrap();
        }
        let written = writer.finish().unwrap();
        assert!((4..=5).contains(&written.segments), "{written:?}");
        assert!(tape.join("tape-0004.mcap").exists());
        assert_eq!(fs::metadata(&tape).unwrap().permissions().mode() & 0o777, 0o700);
        let (read, end) = read_all(&tape);
        assert_eq!(read, entries);
        assert_eq!(end.unwrap(), TapeEnd::Finished);

        let alone = read_all(&tape.join("tape-0003.mcap")).0;
        assert!(entries.windows(alone.len()).any(|window| window == alone));

        fs::remove_file(tape.join("tape-0002.mcap")).unwrap();
        let missing = read_all(&tape).1.unwrap_err();
        assert!(matches!(missing, TapeError::MissingSegment { number: 2, .. }), "{missing}");
    }
}

/// Lost if broken: everything before a loss of power, which leaves a file longer than what was written.
#[test]
fn a_broken_end_in_zeros_is_torn_and_not_damaged() {
    let (_directory, path) = scratch();
    let entries = sample(200);
    let mut writer = Writer::in_file(&path, options(Compression::None)).unwrap();
    for entry in &entries {
        writer.write(&entry.entry()).unwrap();
    }
    writer.flush().unwrap();
    let written = fs::read(&path).unwrap();
    drop(writer);
    for blank in [700, 3_000, 9_000] {
        let mut bytes = written.clone();
        let from = bytes.len() - blank;
        bytes[from..].fill(0);
        bytes.extend([0; 5_000]);
        fs::write(&path, &bytes).unwrap();
        let (read, end) = read_all(&path);
        assert!(matches!(end, Ok(TapeEnd::Torn { .. })), "{blank}: {end:?}");
        assert!(read.len() > 50 && entries.starts_with(&read), "{blank}: {}", read.len());
        // With anything behind it, it is no end.
        bytes.push(7);
        fs::write(&path, &bytes).unwrap();
        assert!(read_all(&path).1.is_err(), "{blank}");
    }
}

/// Lost if broken: what was flushed before a kill -9.
#[test]
fn every_flushed_entry_survives_a_killed_writer() {
    let directory = tempfile::tempdir().unwrap();
    let tape = directory.path().join("session");
    let entries = sample(60);
    let mut writer = Writer::in_directory(&tape, options(Compression::Zstd(1))).unwrap();
    for entry in &entries[..50] {
        writer.write(&entry.entry()).unwrap();
    }
    writer.flush().unwrap();
    for entry in &entries[50..] {
        writer.write(&entry.entry()).unwrap();
    }
    // What the operating system has now is what a kill leaves.
    let left = directory.path().join("left");
    fs::create_dir(&left).unwrap();
    fs::copy(tape.join("tape-0001.mcap"), left.join("tape-0001.mcap")).unwrap();
    let (read, end) = read_all(&left);
    assert!(read.len() >= 50 && entries.starts_with(&read), "{}", read.len());
    assert!(matches!(end.unwrap(), TapeEnd::Torn { .. }));
}

/// A finished tape of about 20 kB: its path, its bytes, its entries.
fn victim(compression: Compression) -> (tempfile::TempDir, PathBuf, Vec<u8>, Vec<Kept>) {
    let (directory, path) = scratch();
    let entries = sample(75);
    write_all(Writer::in_file(&path, options(compression)).unwrap(), &entries);
    let bytes = fs::read(&path).unwrap();
    assert!((15_000..25_000).contains(&bytes.len()), "{}", bytes.len());
    (directory, path, bytes, entries)
}

/// Lost if broken: a crash that corrupts what was already recorded.
#[test]
fn every_truncation_leaves_an_exact_prefix() {
    for (compression, step) in [(Compression::None, 23), (Compression::Zstd(1), 127)] {
        let (_directory, path, bytes, entries) = victim(compression);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let mut longest = entries.len();
        for length in (0..bytes.len()).rev().step_by(step) {
            file.set_len(length as u64).unwrap();
            let (read, end) = read_all(&path);
            assert!(entries.starts_with(&read), "cut at {length}");
            assert!(read.len() <= longest, "cut at {length}");
            longest = read.len();
            match end {
                Ok(TapeEnd::Torn { at_byte, .. }) => {
                    assert!(!read.is_empty() && at_byte <= length as u64);
                }
                Err(TapeError::Empty { .. }) => assert!(read.is_empty()),
                other => panic!("cut at {length}: {other:?}"),
            }
        }
        assert_eq!(longest, 0);
    }
}

/// Lost if broken: a bit that rotted on the disk and changed a decision without a word.
#[test]
fn every_flipped_byte_is_noticed_and_leaves_an_exact_prefix() {
    for (compression, step) in [(Compression::None, 11), (Compression::Zstd(1), 97)] {
        let (_directory, path, bytes, entries) = victim(compression);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        for (at, byte) in bytes.iter().enumerate().step_by(step) {
            let flipped = byte ^ [0x01, 0x80, 0xFF, 0x03][at / step % 4];
            file.write_all_at(&[flipped], at as u64).unwrap();
            let (read, end) = read_all(&path);
            file.write_all_at(&[*byte], at as u64).unwrap();
            assert!(entries.starts_with(&read), "{byte:#x} -> {flipped:#x} at {at}");
            assert!(!matches!(end, Ok(TapeEnd::Finished)), "{byte:#x} -> {flipped:#x} at {at}");
        }
    }
}

/// Lost if broken: a damaged middle taken for a torn tail, and cut off with all that follows.
#[test]
fn damage_in_the_middle_names_segment_and_byte_even_in_a_torn_tape() {
    let (_directory, path, bytes, entries) = victim(Compression::None);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let middle = (bytes.len() / 3) as u64;
    file.write_all_at(b"rotten", middle).unwrap();
    for length in [bytes.len() as u64, bytes.len() as u64 * 3 / 4] {
        file.set_len(length).unwrap();
        let (read, end) = read_all(&path);
        assert!(!read.is_empty() && entries.starts_with(&read));
        let error = end.unwrap_err();
        let TapeError::Damaged { path: named, at_byte, .. } = &error else { panic!("{error}") };
        assert_eq!(named, &path);
        assert!(*at_byte <= middle && middle < at_byte + 4_000, "{error}");
        assert!(error.to_string().contains("tape.mcap is damaged at byte"), "{error}");
    }
}

/// Lost if broken: a session of a crashed machine, whose last pages are zero.
#[test]
fn a_tail_of_zeros_is_a_torn_tail() {
    let (_directory, path, bytes, entries) = victim(Compression::None);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let intact = bytes.len() as u64 / 2;
    file.set_len(intact).unwrap();
    let before = read_all(&path).0;
    let TapeEnd::Torn { at_byte, .. } = read_all(&path).1.unwrap() else { panic!() };
    file.set_len(at_byte).unwrap();
    file.set_len(intact).unwrap();
    let (read, end) = read_all(&path);
    assert_eq!(read, before);
    assert!(entries.starts_with(&read));
    assert!(matches!(end.unwrap(), TapeEnd::Torn { .. }));
}

/// Lost if broken: a run that records over an older one.
#[test]
fn a_tape_is_never_overwritten() {
    let (_directory, path) = scratch();
    File::create(&path).unwrap();
    let error = Writer::in_file(&path, WriterOptions::default()).err().unwrap();
    assert!(error.to_string().starts_with("cannot create "), "{error}");
}

/// Lost if broken: the reason why trading stopped.
#[test]
fn a_full_disk_is_told_as_such() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let source = fs::write("/dev/full", b"x").unwrap_err();
    let error = TapeError::io("append to", Path::new("tape-0001.mcap"))(source);
    assert!(error.is_disk_full(), "{error}");
    assert!(error.to_string().starts_with("cannot append to tape-0001.mcap: "), "{error}");
}

/// Lost if broken: a clear word to someone who opens another program's file.
#[test]
fn foreign_files_are_refused_with_a_reason() {
    let (directory, path) = scratch();
    let mut foreign = mcap::Writer::new(File::create(&path).unwrap()).unwrap();
    let schema = foreign.add_schema("tickscope.frame/9", "", &[]).unwrap();
    let channel = foreign.add_channel(schema, "stream/1", "json", &[].into()).unwrap();
    let header = mcap::records::MessageHeader {
        channel_id: channel,
        sequence: 1,
        log_time: 1,
        publish_time: 1,
    };
    foreign.write_to_known_channel(&header, b"{}").unwrap();
    foreign.finish().unwrap();
    let error = read_all(&path).1.unwrap_err();
    assert!(
        matches!(&error, TapeError::UnknownSchema { schema, .. } if schema == "tickscope.frame/9")
    );

    fs::write(&path, "time,price\n1,2\n".repeat(9)).unwrap();
    assert!(matches!(read_all(&path).1.unwrap_err(), TapeError::NotATape { .. }));
    assert!(matches!(read_all(directory.path()).1.unwrap_err(), TapeError::NotATape { .. }));
    assert!(matches!(read_all(&path.join("no")).1.unwrap_err(), TapeError::Io { .. }));
}

/// Lost if broken: causes that point billions of inputs away.
#[test]
fn sequence_numbers_beyond_32_bits_survive_and_impossible_jumps_are_refused() {
    let (_directory, path) = scratch();
    let mut writer = Writer::in_file(&path, options(Compression::None)).unwrap();
    let first = (7 << 32) - 3;
    let entry = |seq| Entry { channel: Channel::Input, seq, time: UnixNanos(seq), bytes: b"x" };
    for seq in first..first + 6 {
        writer.write(&entry(seq)).unwrap();
    }
    let error = writer.write(&entry(1)).unwrap_err();
    assert!(matches!(error, TapeError::SeqJump { seq: 1, .. }), "{error}");
    writer.finish().unwrap();
    let read: Vec<u64> = read_all(&path).0.iter().map(|kept| kept.seq).collect();
    assert_eq!(read, (first..first + 6).collect::<Vec<_>>());
}

/// Lost if broken: any moment of a long session within a second.
#[test]
fn a_tape_opened_at_a_moment_yields_all_that_came_since_and_little_more() {
    for torn in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let session = directory.path().join("session");
        let by_span = WriterOptions {
            segment_span: 150 * UnixNanos::SECOND,
            ..options(Compression::Zstd(1))
        };
        let mut entries = sample(400);
        // A channel of its own, announced late and now and then.
        for (nth, entry) in entries.iter_mut().enumerate().filter(|(nth, _)| nth % 61 == 60) {
            let request = format!("historicalTrades/BTCUSDT/{nth}");
            entry.topic = Channel::Answer { request: &request, status: 200 }.into();
        }
        write_all(Writer::in_directory(&session, by_span).unwrap(), &entries);
        if torn {
            let last = session.join("tape-0003.mcap");
            let length = last.metadata().unwrap().len();
            OpenOptions::new().write(true).open(last).unwrap().set_len(length - 3_000).unwrap();
        }
        let (whole, _) = read_all(&session);
        for first in (0..whole.len()).step_by(7) {
            let mut reader = Reader::open_at(&session, whole[first].time).unwrap();
            let mut read: Vec<Kept> = Vec::new();
            while let Some(entry) = reader.next().unwrap() {
                read.push(entry.into());
            }
            let more = read.len() - (whole.len() - first);
            assert!(more < 40, "{more} before entry {first}");
            assert_eq!(read, whole[first - more..], "from entry {first}, torn: {torn}");
            let end = reader.end().unwrap();
            assert_eq!(matches!(end, TapeEnd::Torn { .. }), torn, "{end:?}");
        }
        let after = whole.last().unwrap().time.plus(UnixNanos::SECOND);
        let mut reader = Reader::open_at(&session, after).unwrap();
        assert_eq!(reader.next().unwrap(), None);
    }
}
