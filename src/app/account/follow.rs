//! The books thread: follows the recording and commits fills within a second or two, and the state
//! every half minute.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::books::Books;
use crate::app::error::{AppError, Exit};
use crate::app::past::Testimony;
use crate::tape::Followed;

/// From one look at the recording to the next; it is flushed once a second.
const LOOK: Duration = Duration::from_millis(100);
/// From one commit to the next while nothing is filled, and after one that failed.
const COMMIT_EVERY: Duration = Duration::from_secs(30);
/// From one commit to the next while fills come.
const COMMIT_FILLS_EVERY: Duration = Duration::from_secs(2);
/// From a failed commit to the next try.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// What the thread tells of the ledger.
#[derive(Debug)]
pub enum Kept<'a> {
    /// It holds the run up to an input.
    Committed {
        /// The last one.
        input: u64,
        /// The last try had failed.
        again: bool,
    },
    /// It could not be written, for the first time since it could.
    Failed(&'a AppError),
    /// What whoever stands beside the books found.
    Found(&'a Testimony),
}

/// Who is told of the ledger.
pub type Tell = Box<dyn Fn(Kept<'_>) + Send>;

/// Starts the thread; it ends with the recording, and has then committed all of it. `tell` hears
/// when the ledger cannot be kept, and when it can again: the run goes on meanwhile, and whatever
/// is missing in the end, the next one reads from the tape.
pub fn start(books: Books, inputs: Followed, tell: Tell) -> Result<JoinHandle<()>, AppError> {
    let follower = Follower { books, inputs, tell, committed: None, failed: None };
    std::thread::Builder::new()
        .name("books".to_owned())
        .spawn(move || follower.run())
        .map_err(|error| AppError::new(Exit::Failed, error.to_string()))
}

struct Follower {
    books: Books,
    inputs: Followed,
    tell: Tell,
    committed: Option<Instant>,
    /// When the last commit failed.
    failed: Option<Instant>,
}

impl Follower {
    fn run(mut self) {
        if let Err(error) = self.follow() {
            (self.tell)(Kept::Failed(&error));
        }
    }

    fn follow(&mut self) -> Result<(), AppError> {
        loop {
            // Read before the inputs are: what came before the end is taken after it.
            let has_ended = self.inputs.has_ended();
            while let Some(entry) = self.inputs.next() {
                self.books.take(&entry)?;
            }
            let whole = self.inputs.is_whole();
            if has_ended && whole {
                self.books.end()?;
            }
            if let Some(testimony) = self.books.take_testimony() {
                (self.tell)(Kept::Found(&testimony));
            }
            if has_ended {
                self.commit(whole);
                return if whole { Ok(()) } else { Err(fell_behind()) };
            }
            if self.is_due() {
                self.commit(false);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn is_due(&self) -> bool {
        if let Some(failed) = self.failed {
            return failed.elapsed() >= TRY_AGAIN;
        }
        let every = if self.books.has_fills() { COMMIT_FILLS_EVERY } else { COMMIT_EVERY };
        // The first commit comes with the first inputs: what the run began with is in it.
        self.books.seq() > 0 && self.committed.is_none_or(|at| at.elapsed() >= every)
    }

    /// Commits; a failure loses nothing and is tried again.
    fn commit(&mut self, ends: bool) {
        // Nothing is in the ledger that a loss of power could take from the tape.
        let synced = self.inputs.sync();
        let committed = if synced { self.books.commit(ends) } else { Err(not_synced()) };
        self.committed = Some(Instant::now());
        match committed {
            Ok(()) => {
                let again = self.failed.take().is_some();
                (self.tell)(Kept::Committed { input: self.books.seq(), again });
            }
            Err(error) => {
                if self.failed.is_none() {
                    (self.tell)(Kept::Failed(&error));
                }
                self.failed = Some(Instant::now());
            }
        }
    }
}

fn fell_behind() -> AppError {
    let text = "the books have fallen too far behind the recording: the next run reads on from it";
    AppError::new(Exit::Failed, text)
}

fn not_synced() -> AppError {
    AppError::new(Exit::NotWritable, "the recording was not on the disk in time")
}
