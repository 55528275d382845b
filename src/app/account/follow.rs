//! The books thread: follows the recording and commits every few seconds.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::books::Books;
use crate::app::error::{AppError, Exit};
use crate::ledger::Ledger;
use crate::tape::Followed;

/// From one look at the recording to the next; it is flushed once a second.
const LOOK: Duration = Duration::from_millis(100);
/// From one commit to the next.
const COMMIT_EVERY: Duration = Duration::from_secs(5);

/// What the thread returns: the ledger, or why it stopped keeping it.
pub type Kept = Result<Ledger, AppError>;

/// Starts the thread; it ends with the recording, and has then committed all of it. `lost` is told
/// why when it cannot go on: the run goes on, and the next one reads more of the tape.
pub fn start(
    mut books: Books,
    mut inputs: Followed,
    lost: impl FnOnce(&AppError) + Send + 'static,
) -> Result<JoinHandle<Kept>, AppError> {
    std::thread::Builder::new()
        .name("books".to_owned())
        .spawn(move || match follow(&mut books, &mut inputs) {
            Ok(()) => Ok(books.into_ledger()),
            Err(error) => {
                lost(&error);
                Err(error)
            }
        })
        .map_err(|error| AppError::new(Exit::Failed, error.to_string()))
}

fn follow(books: &mut Books, inputs: &mut Followed) -> Result<(), AppError> {
    // The first commit comes with the first inputs: what the run began with is in the ledger then.
    let mut committed: Option<Instant> = None;
    loop {
        // Read before the inputs are: what came before the end is taken after it.
        let has_ended = inputs.has_ended();
        while let Some(entry) = inputs.next() {
            books.take(&entry)?;
        }
        if has_ended {
            return books.commit();
        }
        if books.seq() > 0 && committed.is_none_or(|at| at.elapsed() >= COMMIT_EVERY) {
            books.commit()?;
            committed = Some(Instant::now());
        }
        std::thread::sleep(LOOK);
    }
}
