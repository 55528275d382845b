//! The two ways from an emitter to a lane's file: one drops when it is full, one waits.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

use super::account::{LaneAccount, nanos_to_seconds};
use super::rotate::{Clock, RotatingWriter};

/// How long an idle writer waits before it tries again what it could not write.
const RETRY: Duration = Duration::from_secs(1);
/// How long a writer has to end once nothing can be saved any more.
const FAREWELL: Duration = Duration::from_millis(300);

/// A bounded queue of messages with a writer thread behind it.
pub(super) enum Transport {
    /// Drops what does not fit: the diagnostics lane.
    Lossy {
        /// The queue.
        writer: NonBlocking,
        /// How many messages did not fit.
        errors: ErrorCounter,
        /// Ends the thread when dropped.
        guard: WorkerGuard,
    },
    /// Waits until it fits: the decisions lane.
    Blocking {
        /// The queue.
        sender: SyncSender<Vec<u8>>,
        /// Disconnected when the thread ended.
        ended: Receiver<()>,
        /// Takes the time spent waiting.
        account: Arc<LaneAccount>,
        /// Measures it.
        clock: Clock,
    },
}

impl Transport {
    /// A queue that drops.
    pub(super) fn lossy(writer: RotatingWriter, capacity: usize) -> Self {
        let (writer, guard) = NonBlockingBuilder::default()
            .buffered_lines_limit(capacity)
            .lossy(true)
            .thread_name("diagnostics log")
            .finish(writer);
        Self::Lossy { errors: writer.error_counter(), writer, guard }
    }

    /// A queue that waits.
    pub(super) fn blocking(
        writer: RotatingWriter,
        capacity: usize,
        account: Arc<LaneAccount>,
        clock: Clock,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(capacity);
        let (end, ended) = sync_channel::<()>(1);
        thread::Builder::new().name("decisions log".to_owned()).spawn(move || {
            write_all(&receiver, writer);
            drop(end);
        })?;
        Ok(Self::Blocking { sender, ended, account, clock })
    }

    /// Hands over a message; false when it is lost.
    pub(super) fn send(&mut self, message: &[u8]) -> bool {
        match self {
            Self::Lossy { writer, errors, .. } => {
                let before = errors.dropped_lines();
                writer.write(message).is_ok() && errors.dropped_lines() == before
            }
            Self::Blocking { sender, account, clock, .. } => {
                match sender.try_send(message.to_vec()) {
                    Ok(()) => true,
                    Err(TrySendError::Disconnected(_)) => false,
                    Err(TrySendError::Full(message)) => {
                        let since = clock();
                        let sent = sender.send(message).is_ok();
                        account.blocked(nanos_to_seconds(clock().since(since)));
                        sent
                    }
                }
            }
        }
    }

    /// Ends the thread. It writes or gives up what it still has, and is left alone if it hangs.
    pub(super) fn finish(mut self) {
        let is_stuck = matches!(self, Self::Lossy { .. }) && !(self.send(b"") && self.send(b""));
        match self {
            // A guard that finds its queue full prints to standard output, over the screen.
            Self::Lossy { guard, .. } if is_stuck => std::mem::forget(guard),
            Self::Lossy { guard, .. } => drop(guard),
            Self::Blocking { sender, ended, .. } => {
                drop(sender);
                let _ = ended.recv_timeout(FAREWELL);
            }
        }
    }
}

/// The writer thread of the lane that waits.
fn write_all(receiver: &Receiver<Vec<u8>>, mut writer: RotatingWriter) {
    // The writer counts its errors itself and gives none back.
    loop {
        match receiver.recv_timeout(RETRY) {
            Ok(message) => {
                let _ = writer.write(&message);
                while let Ok(message) = receiver.try_recv() {
                    let _ = writer.write(&message);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let _ = writer.flush();
    }
    let _ = writer.flush();
}
