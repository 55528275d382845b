//! The input thread: reads keys, notices a new size, and notices that the terminal has gone away.
//!
//! crossterm reads a terminal that is gone for ever, without a pause: to it an end of file is no
//! event and no error. So it is asked only when there is something to read, and a terminal that
//! nobody holds any more is noticed here.
//!
//! Its `use-dev-tty` source is used, which does not forget a key that it finds together with the
//! signal of a new size, as the other one does until the next key comes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::stdio;
use rustix::termios::tcgetwinsize;

use super::run::Wake;

/// How often the thread looks whether it shall end and whether the window has a new size.
const LOOK: Duration = Duration::from_millis(100);

/// How long crossterm may look for an event; it does not look at all when it has no time.
const AT_ONCE: Duration = Duration::from_millis(1);

/// What standard input has for us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ready {
    Nothing,
    Something,
    Gone,
}

/// Reads until the screen has ended or the terminal is gone. Waits in slices, so that it does not
/// swallow a key that is meant for the shell afterwards.
pub(super) fn read_input(sender: &SyncSender<Wake>, ended: &AtomicBool) {
    let mut size = window();
    while !ended.load(Ordering::SeqCst) {
        let taken = match ready(LOOK) {
            Ready::Gone => {
                // Whoever no longer listens has ended already.
                let _ = sender.send(Wake::InputLost);
                return;
            }
            Ready::Something => take_events(sender, ended),
            Ready::Nothing => true,
        };
        let now = window();
        let resized = now != size && now.is_some();
        if let Some((width, height)) = now.filter(|_| resized) {
            size = now;
            if sender.send(Wake::Input(Event::Resize(width, height), Instant::now())).is_err() {
                return;
            }
        }
        if !taken {
            return;
        }
    }
}

/// Hands over what can be read now; false when nobody listens any more or reading failed.
fn take_events(sender: &SyncSender<Wake>, ended: &AtomicBool) -> bool {
    loop {
        let read = event::poll(AT_ONCE).and_then(|some| some.then(event::read).transpose());
        let wake = match read {
            Ok(None) => return true,
            Ok(Some(event)) => Wake::Input(event, Instant::now()),
            Err(_) => Wake::InputLost,
        };
        let lost = matches!(wake, Wake::InputLost);
        if sender.send(wake).is_err() || lost || ended.load(Ordering::SeqCst) {
            return false;
        }
    }
}

fn window() -> Option<(u16, u16)> {
    tcgetwinsize(stdio::stdout()).ok().map(|size| (size.ws_col, size.ws_row))
}

fn ready(patience: Duration) -> Ready {
    let stdin = stdio::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let patience = Timespec::try_from(patience).ok();
    if poll(&mut fds, patience.as_ref()).is_err() {
        // Interrupted by a signal; the next look tells.
        return Ready::Nothing;
    }
    let flags = fds.first().map_or_else(PollFlags::empty, PollFd::revents);
    if flags.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        Ready::Gone
    } else if flags.contains(PollFlags::IN) {
        Ready::Something
    } else {
        Ready::Nothing
    }
}

/// True when nobody holds the other end of the terminal any more.
pub(super) fn is_gone() -> bool {
    ready(Duration::ZERO) == Ready::Gone
}

/// Frees the input thread, should the terminal have gone away while crossterm was reading it:
/// standard input becomes a pipe in which never anything is, which even crossterm stops reading.
pub(super) fn release() {
    if !is_gone() {
        return;
    }
    let Ok((reader, writer)) = std::io::pipe() else { return };
    let flags = fcntl_getfl(&reader).unwrap_or(OFlags::empty());
    if fcntl_setfl(&reader, flags | OFlags::NONBLOCK).is_ok() && stdio::dup2_stdin(&reader).is_ok()
    {
        // A pipe without a writer would be at its end, and that is read for ever again.
        std::mem::forget(writer);
    }
}
