//! The terminal: taken over whole, written to in whole frames, given back as it was.
//!
//! Frames leave by one raw write to file descriptor 1, never through the standard library's lock on
//! stdout. So a terminal that stops reading blocks the drawing thread alone, and [`Restorer`] can
//! give the terminal back from any thread even then.

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::style::{Attribute, SetAttribute};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    enable_raw_mode,
};
use crossterm::{clipboard, cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::stdio;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use thiserror::Error;

use super::draw::draw;
use super::model::Model;

/// Why the screen cannot be used.
#[derive(Debug, Error)]
pub enum TuiError {
    /// Standard input or output is a pipe or a file.
    #[error("no terminal to draw on: use --headless")]
    NoTerminal,
    /// The terminal refused something.
    #[error("terminal: cannot {operation}")]
    Terminal {
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

fn failed(operation: &'static str) -> impl FnOnce(io::Error) -> TuiError {
    move |source| TuiError::Terminal { operation, source }
}

/// Gives the terminal back. Every clone gives back the same terminal, the first call wins.
#[derive(Clone)]
pub struct Restorer {
    original: Arc<Termios>,
    released: Arc<AtomicBool>,
}

/// How often a full terminal is asked again before it is left as it is, and the pause between.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(2);

impl Restorer {
    /// Gives the terminal back within about 100 ms, also when it has stopped reading and another
    /// thread is stuck in writing to it. Takes no lock.
    pub fn restore_now(&self) {
        if self.released.swap(true, Ordering::SeqCst) {
            return;
        }
        let flags = fcntl_getfl(stdio::stdout()).ok();
        if let Some(flags) = flags {
            let _ = fcntl_setfl(stdio::stdout(), flags | OFlags::NONBLOCK);
        }
        write_for_a_while(&leave());
        // Nobody is left to be told of a failure: the process is about to end.
        let _ = tcsetattr(stdio::stdin(), OptionalActions::Now, &self.original);
        if let Some(flags) = flags {
            let _ = fcntl_setfl(stdio::stdout(), flags);
        }
    }

    /// True once the terminal was given back.
    pub fn is_released(&self) -> bool {
        self.released.load(Ordering::SeqCst)
    }
}

fn write_for_a_while(mut bytes: &[u8]) {
    for _ in 0..ATTEMPTS {
        match rustix::io::write(stdio::stdout(), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or(&[]),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => thread::sleep(PAUSE),
            Err(_) => return,
        }
        if bytes.is_empty() {
            return;
        }
    }
}

fn enter(mouse: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a vector cannot fail.
    let _ = queue!(bytes, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide);
    if mouse {
        let _ = queue!(bytes, EnableMouseCapture);
    }
    bytes
}

fn leave() -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = queue!(
        bytes,
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        SetAttribute(Attribute::Reset),
        cursor::Show,
        LeaveAlternateScreen
    );
    bytes
}

/// Collects what a frame writes and sends it as one synchronised update; sends nothing after the
/// terminal was given back.
struct FrameWriter {
    bytes: Vec<u8>,
    synchronised: bool,
    restorer: Restorer,
}

impl Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let mut frame = Vec::with_capacity(self.bytes.len() + 16);
        if self.synchronised {
            queue!(frame, BeginSynchronizedUpdate)?;
        }
        frame.append(&mut self.bytes);
        if self.synchronised {
            queue!(frame, EndSynchronizedUpdate)?;
        }
        self.send(&frame)
    }
}

impl FrameWriter {
    fn send(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() && !self.restorer.is_released() {
            match rustix::io::write(stdio::stdout(), bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or(&[]),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => thread::sleep(PAUSE),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The terminal while it is ours. Dropping it gives it back.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<FrameWriter>>,
    restorer: Restorer,
}

impl Screen {
    /// Takes the terminal over: raw mode, alternate screen, bracketed paste, and the mouse when
    /// wanted. A panic of any thread gives it back before its message is printed, unless `is_caught`
    /// says that the process goes on after it.
    pub fn open(
        mouse: bool,
        synchronised: bool,
        is_caught: fn() -> bool,
    ) -> Result<Self, TuiError> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(TuiError::NoTerminal);
        }
        let original =
            tcgetattr(stdio::stdin()).map_err(|e| failed("read its settings")(e.into()))?;
        let restorer =
            Restorer { original: Arc::new(original), released: Arc::new(AtomicBool::new(false)) };
        restore_on_panic(restorer.clone(), is_caught);
        let writer = FrameWriter { bytes: Vec::new(), synchronised, restorer: restorer.clone() };
        let terminal =
            Terminal::new(CrosstermBackend::new(writer)).map_err(failed("ask for its size"))?;
        // From here on the drop of `screen` undoes what was done, however far it came.
        let mut screen = Self { terminal, restorer };
        enable_raw_mode().map_err(failed("enter raw mode"))?;
        let writer = screen.terminal.backend_mut();
        writer.write_all(&enter(mouse)).map_err(failed("enter the alternate screen"))?;
        Write::flush(writer).map_err(failed("enter the alternate screen"))?;
        Ok(screen)
    }

    /// What gives the terminal back from any thread.
    pub fn restorer(&self) -> Restorer {
        self.restorer.clone()
    }

    /// Columns and rows.
    pub fn size(&self) -> Result<(u16, u16), TuiError> {
        let size = self.terminal.size().map_err(failed("ask for its size"))?;
        Ok((size.width, size.height))
    }

    /// Draws the model's view.
    pub(super) fn draw(&mut self, model: &Model) -> Result<(), TuiError> {
        let frame = self.terminal.draw(|frame| draw(frame, model, model.view()));
        frame.map(drop).map_err(failed("draw"))
    }

    /// Draws everything anew. Never `Terminal::clear`: it asks the terminal where the cursor is and
    /// would wait two seconds for an answer that the input thread takes away.
    pub(super) fn redraw(&mut self, model: &Model) -> Result<(), TuiError> {
        let (width, height) = self.size()?;
        let area = Rect::new(0, 0, width, height);
        self.terminal.resize(area).map_err(failed("draw anew"))?;
        self.draw(model)
    }

    /// Rings the terminal's bell.
    pub(super) fn ring(&mut self) -> Result<(), TuiError> {
        let writer = self.terminal.backend_mut();
        writer.write_all(b"\x07").and_then(|()| Write::flush(writer)).map_err(failed("ring"))
    }

    pub(super) fn set_mouse(&mut self, on: bool) -> Result<(), TuiError> {
        let writer = self.terminal.backend_mut();
        let done = if on {
            execute!(writer, EnableMouseCapture)
        } else {
            execute!(writer, DisableMouseCapture)
        };
        done.map_err(failed("switch the mouse"))
    }

    /// Puts a text on the clipboard by OSC 52, which also works over ssh.
    pub(super) fn copy(&mut self, text: &str) -> Result<(), TuiError> {
        let copy = clipboard::CopyToClipboard::to_clipboard_from(text);
        execute!(self.terminal.backend_mut(), copy).map_err(failed("copy"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.restorer.restore_now();
    }
}

/// Chains onto the hook that is there. A spent restorer does nothing, so a second screen of the
/// same process does no harm.
fn restore_on_panic(restorer: Restorer, is_caught: fn() -> bool) {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !is_caught() {
            restorer.restore_now();
        }
        previous(info);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_undoes_everything_that_entering_did() {
        let (entered, left) = (enter(true), leave());
        let (entered, left) = (String::from_utf8_lossy(&entered), String::from_utf8_lossy(&left));
        for mode in ["?1049", "?2004", "?1000", "?1002", "?1003", "?1006"] {
            assert!(entered.contains(&format!("{mode}h")) && left.contains(&format!("{mode}l")));
        }
        assert!(left.contains("?25h") && left.contains("?2026l"));
    }
}
