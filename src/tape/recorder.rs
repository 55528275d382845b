//! The recorder keeps the disk away from the core: the core pushes entries into a ring and never
//! waits, a thread of its own writes them to the tape.
//!
//! The thread looks at the ring every few milliseconds instead of being woken: waking it would
//! cost the core more than the decision it records. Nothing is dropped: a full ring and a failed
//! disk are errors of the next push, and the core stops trading on either.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use super::entry::{Channel, Entry};
use super::error::{Result, TapeError};
use super::ring::{EntryReceiver, EntrySender, ring};
use super::writer::{Writer, Written};

/// The ring's usual size in bytes: seconds of the busiest market, should the disk stall.
pub const RING_BYTES: usize = 32 * 1024 * 1024;

/// How long a follower waits for the disk.
const SYNC_PATIENCE: Duration = Duration::from_secs(10);

/// The size of a follower's ring: what comes between two flushes, and some.
const FOLLOWED_BYTES: usize = RING_BYTES / 2;

/// How long the thread rests between two looks at the ring. At 200 looks a second an idle
/// recorder costs a thousandth of a core.
const REST: Duration = Duration::from_millis(5);

/// Looks after which whatever was written is put on the disk: about a second.
const LOOKS_PER_FLUSH: u32 = 200;

/// Why the core cannot record, and so must stop trading.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PushError {
    /// The disk has not kept up: the ring has no room for the entry.
    #[error("the tape ring is full")]
    Full,
    /// The recorder has stopped: [`RecorderState::error`] says why.
    #[error("the recorder has stopped")]
    Stopped,
}

/// The core's end of the recorder. Dropping it ends the tape.
pub struct RecorderHandle {
    sender: EntrySender,
    state: Arc<RecorderState>,
    thread: Thread,
}

impl RecorderHandle {
    /// Hands an entry to the recorder. Copies it, never waits, makes no system call.
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<(), PushError> {
        if self.sender.is_abandoned() {
            return Err(PushError::Stopped);
        }
        if self.sender.push(entry) { Ok(()) } else { Err(PushError::Full) }
    }

    /// Asks for everything pushed so far to be flushed and synced to the disk, and wakes the
    /// recorder for it. The order gateway waits for [`RecorderState::synced`] to reach the ticket.
    pub fn request_sync(&self) -> u64 {
        let ticket = self.state.sync_requested.fetch_add(1, Ordering::AcqRel) + 1;
        self.thread.unpark();
        ticket
    }

    /// What the recorder is doing, for any thread to look at.
    pub fn state(&self) -> Arc<RecorderState> {
        Arc::clone(&self.state)
    }
}

/// What the recorder is doing. Each field is its own atomic: a look costs nobody anything.
#[derive(Debug, Default)]
pub struct RecorderState {
    error: OnceLock<Arc<TapeError>>,
    depth: AtomicU64,
    high_water: AtomicU64,
    entries: AtomicU64,
    bytes: AtomicU64,
    flushes: AtomicU64,
    sync_requested: AtomicU64,
    synced: AtomicU64,
    flushed: AtomicU64,
    is_left_behind: AtomicBool,
    written: [AtomicU64; 5],
}

/// Hears how long the recorder's work takes; what it does with that must not take long.
pub trait Watch: Send {
    /// A batch was written.
    fn wrote(&mut self, nanos: u64);
    /// Everything written so far was put on the disk, which took so long.
    fn synced(&mut self, nanos: u64);
    /// Everything written so far is on the disk already.
    fn nothing_to_sync(&mut self);
}

/// The recorder's numbers at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RecorderStats {
    /// Bytes that waited in the ring at the thread's last look.
    pub depth_bytes: u64,
    /// The most that ever waited at a look.
    pub high_water_bytes: u64,
    /// Entries written.
    pub entries: u64,
    /// Payload bytes written, before compression.
    pub bytes: u64,
    /// Chunks ended because it was time or because it was asked for.
    pub flushes: u64,
    /// Entries by kind: frames, other inputs, output blocks, marks, timings.
    pub by_kind: [u64; 5],
}

impl RecorderState {
    /// The numbers now.
    pub fn stats(&self) -> RecorderStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RecorderStats {
            depth_bytes: read(&self.depth),
            high_water_bytes: read(&self.high_water),
            entries: read(&self.entries),
            bytes: read(&self.bytes),
            flushes: read(&self.flushes),
            by_kind: [0, 1, 2, 3, 4].map(|kind| read(&self.written[kind])),
        }
    }

    /// The ticket of the last request to sync that has been fulfilled.
    pub fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// Why the recorder stopped before it was told to: disk full, for one.
    pub fn error(&self) -> Option<&Arc<TapeError>> {
        self.error.get()
    }

    fn observe_depth(&self, bytes: usize) {
        self.depth.store(bytes as u64, Ordering::Relaxed);
        self.high_water.fetch_max(bytes as u64, Ordering::Relaxed);
    }
}

/// The thread that writes the tape.
pub struct Recorder {
    writer: Writer,
    receiver: EntryReceiver,
    state: Arc<RecorderState>,
    looks_since_flush: u32,
    /// Whether something was written since the last flush.
    unflushed: bool,
    /// Entries handed to the follower.
    handed: u64,
    /// Who gets a copy of every input and mark; gone when that one does not keep up.
    follower: Option<EntrySender>,
    watch: Option<Box<dyn Watch>>,
}

/// The inputs of a tape that is being written, for a thread that does with them what the core does,
/// and the marks that say whether it did the same: only those that are in the file already, so that
/// nobody who follows is ahead of a recording that a kill may cut off.
pub struct Followed {
    receiver: EntryReceiver,
    state: Arc<RecorderState>,
    /// Entries yielded.
    yielded: u64,
}

impl Followed {
    /// The next input or mark that is in the file; `None` while there is none.
    pub fn next(&mut self) -> Option<Entry<'_>> {
        if self.yielded >= self.state.flushed.load(Ordering::Acquire) {
            return None;
        }
        let entry = self.receiver.pop()?;
        self.yielded += 1;
        Some(entry)
    }

    /// Has what was yielded so far put on the disk, and waits for it; false when that takes too long.
    pub fn sync(&self) -> bool {
        let ticket = self.state.sync_requested.fetch_add(1, Ordering::AcqRel) + 1;
        let began = Instant::now();
        // An ended recording was synced when it was finished.
        while self.state.synced() < ticket && !self.has_ended() {
            if began.elapsed() >= SYNC_PATIENCE {
                return false;
            }
            thread::sleep(REST);
        }
        true
    }

    /// False when inputs came faster than they were taken, and the rest will not come.
    pub fn is_whole(&self) -> bool {
        !self.state.is_left_behind.load(Ordering::Acquire)
    }

    /// True when no more will come: the tape has ended, or whoever follows has fallen too far
    /// behind.
    pub fn has_ended(&self) -> bool {
        self.receiver.is_abandoned()
    }
}

/// What the recorder's thread returns: what it wrote, or why it stopped.
pub type RecorderResult = Result<Written, Arc<TapeError>>;

impl Recorder {
    /// Starts the thread. `capacity` is the ring's size in bytes, usually [`RING_BYTES`].
    pub fn spawn(
        writer: Writer,
        capacity: usize,
    ) -> Result<(RecorderHandle, JoinHandle<RecorderResult>)> {
        Self::start(writer, capacity, Arc::default(), (None, None))
    }

    /// The same, somebody follows, and somebody watches.
    pub fn spawn_followed(
        writer: Writer,
        capacity: usize,
        watch: Box<dyn Watch>,
    ) -> Result<(RecorderHandle, JoinHandle<RecorderResult>, Followed)> {
        let (follower, receiver) = ring(FOLLOWED_BYTES);
        let state = Arc::new(RecorderState::default());
        let followed = Followed { receiver, state: Arc::clone(&state), yielded: 0 };
        let (handle, join) = Self::start(writer, capacity, state, (Some(follower), Some(watch)))?;
        Ok((handle, join, followed))
    }

    fn start(
        writer: Writer,
        capacity: usize,
        state: Arc<RecorderState>,
        (follower, watch): (Option<EntrySender>, Option<Box<dyn Watch>>),
    ) -> Result<(RecorderHandle, JoinHandle<RecorderResult>)> {
        let (sender, receiver) = ring(capacity);
        let recorder = Self {
            writer,
            receiver,
            state: Arc::clone(&state),
            looks_since_flush: 0,
            unflushed: false,
            handed: 0,
            follower,
            watch,
        };
        let join = thread::Builder::new()
            .name("tape".to_owned())
            .spawn(move || recorder.run())
            .map_err(TapeError::Thread)?;
        let handle = RecorderHandle { sender, state, thread: join.thread().clone() };
        Ok((handle, join))
    }

    /// The thread. Dropping the receiver, at its end or by a panic, is what stops the core.
    fn run(mut self) -> RecorderResult {
        let recorded = self.record();
        let result = recorded.and_then(|()| self.writer.finish()).map_err(Arc::new);
        if let Err(error) = &result {
            self.state.error.get_or_init(|| Arc::clone(error));
        } else {
            self.state.flushed.store(self.handed, Ordering::Release);
        }
        result
    }

    /// Writes until the core's end is dropped and the ring is empty.
    fn record(&mut self) -> Result<()> {
        loop {
            // Both are read before draining: what was pushed before them is drained after them.
            let ticket = self.state.sync_requested.load(Ordering::Acquire);
            let abandoned = self.receiver.is_abandoned();
            self.drain()?;
            if ticket > self.state.synced() {
                self.sync(ticket)?;
            }
            if abandoned {
                return Ok(());
            }
            self.flush_if_due()?;
            thread::park_timeout(REST);
        }
    }

    fn drain(&mut self) -> Result<()> {
        self.state.observe_depth(self.receiver.depth());
        let (began, before) = (Instant::now(), self.writer.written());
        while let Some(entry) = self.receiver.pop() {
            self.writer.write(&entry)?;
            self.unflushed = true;
            if let Some(follower) = &mut self.follower
                && (entry.channel.is_input() || entry.channel == Channel::Mark)
            {
                if follower.push(&entry) {
                    self.handed += 1;
                } else {
                    // One that does not keep up has lost the thread for good.
                    self.state.is_left_behind.store(true, Ordering::Release);
                    self.follower = None;
                }
            }
            self.state.entries.fetch_add(1, Ordering::Relaxed);
            self.state.bytes.fetch_add(entry.bytes.len() as u64, Ordering::Relaxed);
        }
        self.state.observe_depth(self.receiver.depth());
        let written = self.writer.written();
        if written != before {
            let Written { frames, inputs, outputs, marks, timings, .. } = written;
            let counts = [frames, inputs, outputs, marks, timings];
            for (counter, count) in self.state.written.iter().zip(counts) {
                counter.store(count, Ordering::Relaxed);
            }
            if let Some(watch) = &mut self.watch {
                watch.wrote(nanos(began));
            }
        }
        Ok(())
    }

    fn flush_if_due(&mut self) -> Result<()> {
        self.looks_since_flush += 1;
        if self.looks_since_flush < LOOKS_PER_FLUSH {
            return Ok(());
        }
        self.looks_since_flush = 0;
        if self.unflushed {
            return self.put_on_disk();
        }
        if let Some(watch) = &mut self.watch {
            watch.nothing_to_sync();
        }
        Ok(())
    }

    fn sync(&mut self, ticket: u64) -> Result<()> {
        self.put_on_disk()?;
        self.state.synced.store(ticket, Ordering::Release);
        Ok(())
    }

    fn put_on_disk(&mut self) -> Result<()> {
        let began = Instant::now();
        self.writer.sync()?;
        if let Some(watch) = &mut self.watch {
            watch.synced(nanos(began));
        }
        self.unflushed = false;
        self.state.flushed.store(self.handed, Ordering::Release);
        self.state.flushes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn nanos(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read_all, sample};
    use super::super::{Channel, Compression, TapeEnd, WriterOptions};
    use super::*;
    use crate::domain::UnixNanos;

    fn tape(directory: &tempfile::TempDir) -> Writer {
        let options = WriterOptions { compression: Compression::None, ..WriterOptions::default() };
        Writer::in_directory(&directory.path().join("session"), options).unwrap()
    }

    /// Waits for another thread; gives up after two seconds.
    fn eventually(condition: impl Fn() -> bool) -> bool {
        (0..400).any(|_| {
            thread::sleep(Duration::from_millis(5));
            condition()
        })
    }

    /// Lost if broken: inputs between the engine and the disk.
    #[test]
    fn everything_pushed_is_on_the_tape_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let (mut handle, join) = Recorder::spawn(tape(&directory), 64 * 1024).unwrap();
        let entries = sample(2_000);
        for entry in &entries {
            while handle.push(&entry.entry()) == Err(PushError::Full) {
                thread::yield_now();
            }
        }
        let state = handle.state();
        drop(handle);
        let written = join.join().unwrap().unwrap();
        let outputs = written.outputs + written.marks + written.timings;
        assert_eq!(written.frames + written.inputs + outputs, 2_000);
        let (read, end) = read_all(&directory.path().join("session"));
        assert_eq!(read, entries);
        assert_eq!(end.unwrap(), TapeEnd::Finished);
        let RecorderStats { entries, bytes, depth_bytes, high_water_bytes, .. } = state.stats();
        assert_eq!((entries, bytes, depth_bytes), (2_000, written.bytes, 0));
        assert!(high_water_bytes > 0);
    }

    /// Lost if broken: the causes of an order that was already sent when the machine died.
    #[test]
    fn a_fulfilled_sync_means_that_the_entries_are_on_disk() {
        let directory = tempfile::tempdir().unwrap();
        let (mut handle, _join) = Recorder::spawn(tape(&directory), RING_BYTES).unwrap();
        let entries = sample(20);
        for entry in &entries {
            handle.push(&entry.entry()).unwrap();
        }
        let ticket = handle.request_sync();
        let state = handle.state();
        assert!(eventually(|| state.synced() >= ticket));
        let (read, end) = read_all(&directory.path().join("session"));
        assert_eq!(read, entries);
        assert!(matches!(end.unwrap(), TapeEnd::Torn { .. }));
    }

    /// Lost if broken: trading that goes on unrecorded. The second entry is too large for a tape,
    /// which stands for any write that fails.
    #[test]
    fn a_failed_write_stops_the_recorder_and_the_core_sees_why() {
        let directory = tempfile::tempdir().unwrap();
        let (mut handle, join) = Recorder::spawn(tape(&directory), 2 * RING_BYTES).unwrap();
        let large = vec![0; super::super::ENTRY_BYTES_MAX + 1];
        let entry = |bytes| Entry { channel: Channel::Input, seq: 1, time: UnixNanos(1), bytes };
        handle.push(&entry(b"small")).unwrap();
        handle.push(&entry(&large)).unwrap();
        assert!(matches!(*join.join().unwrap().unwrap_err(), TapeError::EntryTooLarge { .. }));
        assert_eq!(handle.push(&entry(b"small")), Err(PushError::Stopped));
        assert!(handle.state().error().is_some());
        assert_eq!(read_all(&directory.path().join("session")).0.len(), 1);
    }

    /// Lost if broken: silence about a disk that does not keep up.
    #[test]
    fn a_full_ring_is_an_error_of_the_push() {
        let directory = tempfile::tempdir().unwrap();
        let (mut handle, _join) = Recorder::spawn(tape(&directory), 100).unwrap();
        let entry = Entry { channel: Channel::Input, seq: 1, time: UnixNanos(1), bytes: &[0; 100] };
        assert_eq!(handle.push(&entry), Err(PushError::Full));
    }
}
