//! The kept log: what the log files of a recorded run say up to a moment, for the log pane of its
//! replay. A place is found by bisection: a day's log is larger than a screen waits for.

use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::lane::segment_stamp;
use super::line::{LIMIT, cleaned};
use super::pack::unpack;
use super::rotate::{PACKED, SUFFIX};
use super::tail::MESSAGE;
use super::word::{LaneName, Word};
use crate::domain::{RunId, UnixNanos};
use crate::engine::view::LogView;

/// Bytes read at once: a line and its newline fit.
const CHUNK: usize = 4 * LIMIT;

/// The log files of a session.
#[derive(Debug)]
pub struct KeptLog {
    directory: PathBuf,
    /// Lines of other runs in the same folder are not its own.
    run: RunId,
    /// The packed segment of each lane that was read last.
    unpacked: RefCell<BTreeMap<LaneName, Unpacked>>,
}

/// A packed segment and what is in it.
type Unpacked = (PathBuf, Arc<Vec<u8>>);

/// A segment that can be read anywhere.
enum Segment {
    Plain(File),
    Packed(Arc<Vec<u8>>),
}

/// What of a line the pane shows.
#[derive(Deserialize)]
struct Row<'a> {
    ts: &'a str,
    #[serde(borrow)]
    level: Cow<'a, str>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    msg: Cow<'a, str>,
    #[serde(borrow)]
    run_id: Cow<'a, str>,
    #[serde(borrow, default)]
    decision_id: Cow<'a, str>,
    #[serde(borrow, default)]
    order_id: Cow<'a, str>,
}

impl KeptLog {
    /// The files of a run in a folder.
    pub fn new(directory: PathBuf, run: RunId) -> Self {
        Self { directory, run, unpacked: RefCell::default() }
    }

    /// The newest lines of both lanes up to a moment, `most` at most, newest last. What cannot be
    /// read, or is no longer there, has no lines.
    pub fn until(&self, time: UnixNanos, most: usize) -> Vec<Arc<LogView>> {
        let lanes = [LaneName::Decisions, LaneName::Diagnostics];
        let mut lines: Vec<Arc<LogView>> =
            lanes.into_iter().flat_map(|lane| self.lane(lane, time, most)).collect();
        lines.sort_by_key(|line| line.time);
        lines.split_off(lines.len().saturating_sub(most))
    }

    /// The same of one lane.
    fn lane(&self, lane: LaneName, time: UnixNanos, most: usize) -> Vec<Arc<LogView>> {
        let mut found: Vec<Arc<LogView>> = Vec::new();
        let after = segment_stamp(time);
        // One that began later has nothing of before.
        let began_by_then = |path: &PathBuf| stamp_of(path).is_none_or(|stamp| *stamp <= *after);
        for path in self.segments(lane).into_iter().filter(began_by_then) {
            let wanted = most - found.len();
            let segment = self.open(lane, &path);
            let lines = segment.and_then(|segment| self.lines_of(&segment, time, wanted));
            found.splice(0..0, lines.unwrap_or_default());
            if found.len() == most {
                break;
            }
        }
        found
    }

    /// Segments of a lane, newest first: their names sort by time.
    fn segments(&self, lane: LaneName) -> Vec<PathBuf> {
        let prefix = format!("{}.", lane.as_str());
        let is_one = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            let ends = |name: &str| name.ends_with(SUFFIX) || name.ends_with(PACKED);
            name.is_some_and(|name| name.starts_with(&prefix) && ends(name))
        };
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_one).collect();
        found.sort_by_key(|path| Reverse(path.clone()));
        found
    }

    fn open(&self, lane: LaneName, path: &Path) -> io::Result<Segment> {
        if !path.to_string_lossy().ends_with(PACKED) {
            return File::open(path).map(Segment::Plain);
        }
        let mut unpacked = self.unpacked.borrow_mut();
        if let Some((_, bytes)) = unpacked.get(&lane).filter(|(known, _)| known == path) {
            return Ok(Segment::Packed(Arc::clone(bytes)));
        }
        let bytes = Arc::new(unpack(path)?);
        unpacked.insert(lane, (path.to_owned(), Arc::clone(&bytes)));
        Ok(Segment::Packed(bytes))
    }

    /// The newest lines of a segment up to a moment, newest last.
    fn lines_of(
        &self,
        segment: &Segment,
        time: UnixNanos,
        most: usize,
    ) -> io::Result<Vec<Arc<LogView>>> {
        let end = segment.end_of(time)?;
        let mut size = CHUNK as u64;
        loop {
            let begin = end.saturating_sub(size);
            let bytes = segment.read(begin, end)?;
            // Within the file the first piece may be the rest of a line.
            let whole = bytes.split(|byte| *byte == b'\n').skip(usize::from(begin > 0));
            let ours = whole.filter_map(row).filter(|(run, _)| *run == self.run.0);
            let lines: Vec<_> = ours.map(|(_, line)| line).collect();
            if begin == 0 || lines.len() >= most {
                let surplus = lines.len().saturating_sub(most);
                return Ok(lines.into_iter().skip(surplus).collect());
            }
            size *= 4;
        }
    }
}

impl Segment {
    fn length(&self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => file.metadata().map(|metadata| metadata.len()),
            Self::Packed(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// Where the first line begins that is younger than a moment.
    fn end_of(&self, time: UnixNanos) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.length()?);
        while low < high {
            let middle = low + (high - low) / 2;
            let bytes = self.read(middle.saturating_sub(1), middle + CHUNK as u64)?;
            let Some((begin, line)) = first_line(&bytes, middle) else {
                high = middle;
                continue;
            };
            if begin >= high || row(line).is_some_and(|(_, row)| row.time > time) {
                high = middle;
            } else {
                low = begin + line.len() as u64 + 1;
            }
        }
        Ok(low)
    }

    /// The bytes between two places, as far as there are any.
    fn read(&self, from: u64, to: u64) -> io::Result<Cow<'_, [u8]>> {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let file = match self {
            Self::Plain(file) => file,
            Self::Packed(bytes) => {
                let to = place(to).min(bytes.len());
                return Ok(Cow::Borrowed(bytes.get(place(from)..to).unwrap_or_default()));
            }
        };
        let mut bytes = vec![0; place(to.saturating_sub(from))];
        let mut length = 0;
        while length < bytes.len() {
            match file.read_at(&mut bytes[length..], from + length as u64)? {
                0 => break,
                more => length += more,
            }
        }
        bytes.truncate(length);
        Ok(Cow::Owned(bytes))
    }
}

/// When a segment began, as its name says: the part behind the lane's.
fn stamp_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.split('.').nth(1)
}

/// The first whole line that begins at or after a place, of which the bytes from one before it on are
/// given.
fn first_line(bytes: &[u8], place: u64) -> Option<(u64, &[u8])> {
    let is_newline = |byte: &u8| *byte == b'\n';
    let skipped = if place == 0 { None } else { Some(bytes.iter().position(is_newline)?) };
    let bytes = skipped.map_or(bytes, |skipped| &bytes[skipped + 1..]);
    let skipped = skipped.unwrap_or(0) as u64;
    let length = bytes.iter().position(is_newline)?;
    Some((place + skipped, &bytes[..length]))
}

/// A line as the pane shows it, and its run; none for a torn one.
fn row(line: &[u8]) -> Option<(String, Arc<LogView>)> {
    let Row { ts, level, event, msg, run_id, decision_id, order_id } =
        serde_json::from_slice(line).ok()?;
    let ts: Timestamp = ts.parse().ok()?;
    // As the event itself said when it was told: what an order did is about the order.
    let of_order = event.starts_with("order.") || event.starts_with("fill.");
    let line = Arc::new(LogView {
        time: UnixNanos(u64::try_from(ts.as_nanosecond()).ok()?),
        level: level.into_owned(),
        message: cleaned(&msg, MESSAGE),
        id: if of_order { order_id } else { decision_id }.into_owned(),
        event: event.into_owned(),
    });
    Some((run_id.into_owned(), line))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::pack::pack;
    use super::*;

    const RUN: &str = "20261122-200000-k7f3";

    fn line(second: u64, event: &str, message: &str) -> String {
        let ids = r#""decision_id":"k7f3-0-0001","order_id":"k7f3-0-0001-1""#;
        format!(
            "{{\"ts\":\"2026-11-22T20:{:02}:{:02}.000000000Z\",\"seq\":1,\"level\":\"INFO\",\
             \"event\":\"{event}\",\"msg\":\"{message}\",\"run_id\":\"{RUN}\",{ids}}}\n",
            second / 60,
            second % 60
        )
    }

    fn at(second: u64) -> UnixNanos {
        let begin: Timestamp = "2026-11-22T20:00:00Z".parse().unwrap();
        UnixNanos(u64::try_from(begin.as_nanosecond()).unwrap() + second * UnixNanos::SECOND)
    }

    /// Lost if broken: a replay whose log shows what had not happened yet, or hides what had.
    #[test]
    fn the_lines_up_to_a_moment_are_found_in_every_segment() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        let text = |seconds: std::ops::Range<u64>| {
            seconds.fold(String::new(), |mut text, second| {
                let filler = "x".repeat(usize::try_from(second * 37 % 900).unwrap());
                let _ =
                    write!(text, "{}", line(second, "order.filled", &format!("{second} {filler}")));
                text
            })
        };
        write("decisions.20261122T200000Z.1.jsonl", &text(0..700));
        let torn = text(700..900) + "{\"ts\":\"2026-11-22T20:59";
        write("decisions.20261122T201140Z.2.jsonl", &torn);
        write("diagnostics.20261122T200000Z.1.jsonl", &line(640, "feed.connected", "up"));

        let other = line(650, "order.filled", "of another run").replace(RUN, "another");
        write("decisions.20261122T201050Z.1.jsonl", &other);
        let packed = directory.path().join("decisions.20261122T200000Z.1.jsonl");
        pack(&packed).unwrap();

        let kept = KeptLog::new(directory.path().to_owned(), RunId(RUN.to_owned()));
        for second in (0..960).step_by(7) {
            let lines = kept.until(at(second), 50);
            let newest = second.min(899);
            let numbers = lines.iter().filter_map(|line| line.message.split(' ').next());
            let seen: Vec<u64> = numbers.filter_map(|text| text.parse().ok()).collect();
            let connected = lines.iter().filter(|line| line.event == "feed.connected").count();
            let wanted = (newest + 1).min(50 - connected as u64);
            assert_eq!(seen, (newest + 1 - wanted..=newest).collect::<Vec<_>>(), "at {second} s");
            assert_eq!(connected == 1, (640..640 + 50).contains(&newest), "at {second} s");
            assert_eq!(lines[0].id == "k7f3-0-0001-1", lines[0].event == "order.filled");
        }
        let gone = KeptLog::new(directory.path().join("gone"), RunId(RUN.to_owned()));
        assert!(gone.until(at(5), 9).is_empty());
    }
}
