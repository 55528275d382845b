//! A terminal that a test looks at: the program on a pseudo-terminal, its screen kept by vt100.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use super::home::{Home, LOOK, PATIENCE, PROGRAM, wait_for};

/// A terminal with the program in it. Dropped, it kills the program.
pub struct Terminal {
    /// Gone once the terminal was closed.
    ends: Option<(Box<dyn MasterPty + Send>, Box<dyn Write + Send>)>,
    child: Box<dyn Child + Send + Sync>,
    parser: Arc<Mutex<vt100::Parser>>,
    stalled: Arc<AtomicBool>,
    closed: Arc<AtomicBool>,
    /// How often the program has rung the bell.
    bells: Arc<AtomicUsize>,
    reader: Option<JoinHandle<()>>,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

impl Terminal {
    /// Starts the program in a terminal of this many columns and rows.
    pub fn start(
        home: &Home,
        size: (u16, u16),
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        Self::start_program(Path::new(PROGRAM), home, size, arguments, environment)
    }

    /// Starts another program in a terminal.
    pub fn start_program(
        program: &Path,
        home: &Home,
        (columns, rows): (u16, u16),
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env_clear();
        home.environment().into_iter().for_each(|(name, value)| command.env(name, value));
        for (name, value) in environment {
            command.env(name, value);
        }
        command.cwd(home.path(""));
        let child = pair.slave.spawn_command(command).unwrap();
        let parser = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(columns), 0)));
        let (screen, mut output) = (Arc::clone(&parser), pair.master.try_clone_reader().unwrap());
        let stalled = Arc::new(AtomicBool::new(false));
        let closed = Arc::new(AtomicBool::new(false));
        let (waiting, leaving) = (Arc::clone(&stalled), Arc::clone(&closed));
        let bells = Arc::new(AtomicUsize::new(0));
        let ringing = Arc::clone(&bells);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            // An error is the end: the program has closed its side.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let rung = bytes[..count].split(|byte| *byte == b'\x07').count() - 1;
                ringing.fetch_add(rung, Ordering::SeqCst);
                screen.lock().unwrap().process(&bytes[..count]);
                while waiting.load(Ordering::SeqCst) {
                    std::thread::sleep(LOOK);
                }
                if leaving.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        let ends = Some((pair.master, writer));
        Self { ends, child, parser, stalled, closed, bells, reader: Some(reader) }
    }

    /// What is to be read on the screen.
    pub fn text(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    /// Waits until the screen passes; prints it when it never does.
    pub fn wait(&mut self, what: &str, passes: impl Fn(&vt100::Screen) -> bool) {
        let began = Instant::now();
        while !passes(self.parser.lock().unwrap().screen()) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended before {what} with {ended:?}:\n{}", self.text());
            assert!(began.elapsed() < PATIENCE, "waited in vain for {what}:\n{}", self.text());
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until the screen shows a text.
    pub fn wait_text(&mut self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    /// Waits until one row of the screen shows all these texts, in this order.
    pub fn wait_row(&mut self, texts: &[&str]) {
        let shows = |row: &str| {
            let mut rest = Some(row);
            for text in texts {
                rest = rest.and_then(|rest| rest.split_once(text)).map(|(_, behind)| behind);
            }
            rest.is_some()
        };
        let passes = |screen: &vt100::Screen| screen.contents().lines().any(shows);
        self.wait(&format!("a row with {texts:?}"), passes);
    }

    /// Waits until the screen no longer shows a text.
    pub fn wait_gone(&mut self, text: &str) {
        self.wait(&format!("the end of {text}"), |screen| !screen.contents().contains(text));
    }

    /// How often the bell was rung so far.
    pub fn bells(&self) -> usize {
        self.bells.load(Ordering::SeqCst)
    }

    /// Waits until the bell was rung so often.
    pub fn wait_bells(&mut self, count: usize) {
        let bells = Arc::clone(&self.bells);
        self.wait("the bell", move |_| bells.load(Ordering::SeqCst) >= count);
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        let (_, writer) = self.ends.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Makes the window larger or smaller.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.parser.lock().unwrap().screen_mut().set_size(cells(rows), cells(columns));
        self.ends.as_ref().unwrap().0.resize(size(columns, rows)).unwrap();
    }

    /// Stops reading what the program writes, or reads on: Ctrl-S, or a dead connection.
    pub fn stall(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::SeqCst);
    }

    /// The terminal's settings, as `stty -a` shows them.
    pub fn settings(&self) -> String {
        format!("{:?}", self.ends.as_ref().unwrap().0.get_termios().unwrap())
    }

    /// Closes the window, or cuts the line: the program that draws all the time finds nobody left.
    pub fn hang_up(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        self.reader.take().unwrap().join().unwrap();
        self.ends = None;
    }

    /// The program's process.
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for the end; returns the exit code and the screen that is left.
    pub fn finish(&mut self) -> (u32, vt100::Screen) {
        let status = wait_for("the end of the program", || self.child.try_wait().unwrap());
        self.stall(false);
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        (status.exit_code(), self.parser.lock().unwrap().screen().clone())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.stall(false);
        // It has usually ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Fails unless the terminal is as a shell wants it.
pub fn expect_restored(screen: &vt100::Screen) {
    let text = screen.contents();
    assert!(!screen.alternate_screen(), "still on the alternate screen:\n{text}");
    assert!(!screen.hide_cursor(), "the cursor is hidden:\n{text}");
    assert!(!screen.bracketed_paste(), "bracketed paste is on:\n{text}");
    assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "\n{text}");
}
