//! The run's side of its socket: accepts, hears one request a connection, asks the core, answers.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::protocol::{
    Answer, Ask, PROTOCOL, Request, VIEWS, parse_request, read_line, write_line,
};
use super::{socket, viewer};
use crate::app::error::Exit;
use crate::app::live::core::Control;
use crate::app::live::operator::Asked;
use crate::app::live::watchers::Watchers;
use crate::domain::{InstrumentId, StrategyId, UnixNanos};
use crate::engine::Command;
use crate::engine::trace::LENGTH_MAX;
use crate::engine::view::EngineView;
use crate::tape::RecorderState;
use crate::telemetry::{ProcessEvent, Telemetry};

/// Connections served at once, viewers included.
const CONNECTIONS_MAX: u32 = 32;
/// Viewers at once.
const VIEWERS_MAX: u32 = 8;
/// How long a connection may take to say what it wants, and to hear the answer.
const LINE_PATIENCE: Duration = Duration::from_secs(2);
/// How long the core may take to answer.
pub const CORE_PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer waits for the disk.
const DISK_PATIENCE: Duration = Duration::from_secs(1);
/// How long viewers may take to hear that the run ended.
const END_PATIENCE: Duration = Duration::from_millis(500);

/// What connections need of the run.
pub struct Run {
    /// The way to the core.
    pub control: mpsc::Sender<Control>,
    /// What is published.
    pub view: Arc<ArcSwap<EngineView>>,
    /// Who looks at it.
    pub watchers: Watchers,
    /// Where viewers are told and counted.
    pub telemetry: Telemetry,
    /// Names of strategies by number.
    pub strategies: Vec<String>,
    /// Symbols of instruments by number.
    pub instruments: Vec<String>,
    /// What is on the disk of the recording.
    pub recorder: Arc<RecorderState>,
}

/// What the threads of the server share.
pub(super) struct Shared {
    run: Run,
    closing: AtomicBool,
    connections: AtomicU32,
    /// How the run ended, once it has.
    ended: Mutex<Option<(u8, String)>>,
    has_ended: Condvar,
    /// Streams of viewers, to wake a thread that waits for a frozen one.
    viewers: Mutex<Vec<(u32, UnixStream)>>,
    next_viewer: AtomicU32,
}

/// The server of a run.
pub struct Server {
    path: PathBuf,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No thread panics while it holds one of these.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// Listens in a session's directory.
    pub fn start(directory: &Path, run: Run) -> io::Result<Self> {
        let path = directory.join(socket::FILE);
        let listener = socket::bind(&path)?;
        let shared = Arc::new(Shared {
            run,
            closing: AtomicBool::new(false),
            connections: AtomicU32::new(0),
            ended: Mutex::new(None),
            has_ended: Condvar::new(),
            viewers: Mutex::new(Vec::new()),
            next_viewer: AtomicU32::new(0),
        });
        let accepted = Arc::clone(&shared);
        let accepting = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || accept(&listener, &accepted))?;
        Ok(Self { path, shared, accepting })
    }

    /// Who looks at published views.
    pub fn watchers(&self) -> Watchers {
        self.shared.run.watchers.clone()
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells viewers that the run ended, and takes the socket away.
    pub fn end(self, code: u8, reason: &str) {
        self.shared.closing.store(true, Ordering::SeqCst);
        *locked(&self.shared.ended) = Some((code, reason.to_owned()));
        self.shared.has_ended.notify_all();
        if socket::connect(&self.path).is_ok() {
            // Woken by that, it sees that it shall end.
            let _ = self.accepting.join();
        }
        let began = Instant::now();
        while !locked(&self.shared.viewers).is_empty() && began.elapsed() < END_PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        for (_, stream) in locked(&self.shared.viewers).iter() {
            // A frozen one; its thread ends by the failing write.
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Somebody else may have removed it already.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Shared {
    /// Who looks at published views.
    pub(super) fn watchers(&self) -> &Watchers {
        &self.run.watchers
    }

    /// Waits until what was done is on the disk, but not for ever: it is done all the same.
    fn wait_until_recorded(&self, ticket: u64) {
        let began = Instant::now();
        while self.run.recorder.synced() < ticket && began.elapsed() < DISK_PATIENCE {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The newest view.
    pub(super) fn view(&self) -> Arc<EngineView> {
        self.run.view.load_full()
    }

    /// Waits this long, or until the run ends; then how it ended.
    pub(super) fn wait_for_end(&self, patience: Duration) -> Option<(u8, String)> {
        let ended = locked(&self.ended);
        let waited = self.has_ended.wait_timeout_while(ended, patience, |ended| ended.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}

fn accept(listener: &UnixListener, shared: &Arc<Shared>) {
    loop {
        let accepted = listener.accept();
        if shared.closing.load(Ordering::SeqCst) {
            return;
        }
        match accepted {
            Ok((stream, _)) => spawn(stream, shared),
            // Out of file descriptors, most likely: a pause lets others give some back.
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

fn spawn(mut stream: UnixStream, shared: &Arc<Shared>) {
    let busy = shared.connections.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX;
    let serving = Arc::clone(shared);
    let spawned = !busy
        && std::thread::Builder::new()
            .name("control-peer".to_owned())
            .spawn({
                let stream = stream.try_clone();
                move || {
                    if let Ok(mut stream) = stream {
                        // Whoever asked and went away needs no answer.
                        let _ = serve(&mut stream, &serving);
                    }
                    serving.connections.fetch_sub(1, Ordering::SeqCst);
                }
            })
            .is_ok();
    if !spawned {
        shared.connections.fetch_sub(1, Ordering::SeqCst);
        let text =
            format!("{CONNECTIONS_MAX} connections are open already: close one and try again");
        // It fits into the socket's buffer, so this does not wait.
        let _ = write_line(&mut stream, &Answer::refusal(Exit::Failed.code(), text));
    }
}

fn serve(stream: &mut UnixStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(LINE_PATIENCE))?;
    stream.set_write_timeout(Some(LINE_PATIENCE))?;
    let line = read_line(stream)?;
    let request = match parse_request(&line) {
        Ok(request) => request,
        Err(text) => return write_line(stream, &Answer::refusal(Exit::Usage.code(), text)),
    };
    match request.ask {
        Ask::Attach { views, fps, read_only } => {
            attach(stream, shared, request.pid, (views, fps, read_only))
        }
        _ => write_line(stream, &command(shared, &request)),
    }
}

/// Asks the core, and waits a bounded time for what it did.
fn command(shared: &Shared, request: &Request) -> Answer {
    let command = match engine_command(&request.ask, &shared.run) {
        Ok(command) => command,
        Err(text) => return Answer::refusal(Exit::Usage.code(), text),
    };
    let (reply, replied) = sync_channel(1);
    let asked = Asked {
        command,
        by: request.by,
        pid: request.pid,
        // It holds one, and one comes: this never waits.
        reply: Box::new(move |done, ticket| drop(reply.try_send((done, ticket)))),
    };
    let failed = |text: &str| Answer::refusal(Exit::Failed.code(), text);
    match shared.run.control.try_send(Control::Command(asked)) {
        Ok(()) => {}
        Err(TrySendError::Full(_)) => {
            return failed("the core is busy and took nothing: try again");
        }
        Err(TrySendError::Closed(_)) => return failed("the run is ending and took nothing"),
    }
    match replied.recv_timeout(CORE_PATIENCE) {
        Ok((done, ticket)) => {
            shared.wait_until_recorded(ticket);
            let code = if done.is_whole() { Exit::Done } else { Exit::Failed }.code();
            Answer { tickscope: PROTOCOL, code, text: done.sentence(), done: Some(done) }
        }
        Err(_) => failed(&format!(
            "the core has not answered within {} s: the command waits and is carried out when it \
             goes on, unless the run ends before",
            CORE_PATIENCE.as_secs()
        )),
    }
}

/// A request as the engine takes it; strategies and instruments are looked up by their names.
fn engine_command(ask: &Ask, run: &Run) -> Result<Command, String> {
    let strategies = run.strategies.as_slice();
    Ok(match ask {
        Ask::Halt => Command::Halt,
        Ask::Flatten => Command::Flatten,
        Ask::CancelAll => Command::CancelAll,
        Ask::Pause(name) => Command::Pause(strategy(name, strategies)?),
        Ask::Resume(Some(name)) => Command::ResumeStrategy(strategy(name, strategies)?),
        Ask::Resume(None) => Command::Resume,
        Ask::Trace { instrument, seconds } => {
            let instrument = InstrumentId(place("instrument", instrument, &run.instruments)?);
            let length = seconds.saturating_mul(UnixNanos::SECOND);
            if !(1..=LENGTH_MAX).contains(&length) {
                return Err(format!("a trace lasts 1 s to 1 h, not {seconds} s"));
            }
            Command::Trace { instrument, length }
        }
        Ask::Attach { .. } => return Err("attaching is no command".to_owned()),
    })
}

/// The number of a strategy, or a sentence with the one that was meant and those that exist.
pub fn strategy(name: &str, strategies: &[String]) -> Result<StrategyId, String> {
    place("strategy", name, strategies).map(StrategyId)
}

/// The place of a name among those that the run has.
fn place(what: &str, name: &str, names: &[String]) -> Result<u16, String> {
    let found = names.iter().position(|known| known == name);
    if let Some(at) = found.and_then(|at| u16::try_from(at).ok()) {
        return Ok(at);
    }
    if names.is_empty() {
        return Err(format!("there is no {what} `{name}`: the run has none"));
    }
    let nearest = names
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|(distance, known)| *distance <= known.len().div_ceil(2))
        .map_or_else(String::new, |(_, known)| format!("did you mean `{known}`? "));
    Err(format!("there is no {what} `{name}`: {nearest}The run has {}", names.join(", ")))
}

/// Sends views until the run or the viewer ends.
fn attach(
    stream: &mut UnixStream,
    shared: &Shared,
    pid: u32,
    (views, fps, read_only): (u64, u16, bool),
) -> io::Result<()> {
    if views != VIEWS {
        let text = format!(
            "the run is of another build of tickscope ({}): attach with the program that started it \
             (halt, flatten and the other commands work with any)",
            env!("CARGO_PKG_VERSION")
        );
        return write_line(stream, &Answer::refusal(Exit::Failed.code(), text));
    }
    let Some(number) = enter(stream, shared)? else {
        let text = format!("{VIEWERS_MAX} screens are attached already: close one and try again");
        return write_line(stream, &Answer::refusal(Exit::Failed.code(), text));
    };
    told(shared, pid, read_only, true);
    let text = "attached".to_owned();
    let accepted = Answer { tickscope: PROTOCOL, code: 0, text, done: None };
    let sent = write_line(stream, &accepted).and_then(|()| viewer::send_views(stream, shared, fps));
    locked(&shared.viewers).retain(|(viewer, _)| *viewer != number);
    told(shared, pid, read_only, false);
    sent
}

/// Takes a place among the viewers; `None` when there is none.
fn enter(stream: &UnixStream, shared: &Shared) -> io::Result<Option<u32>> {
    let number = shared.next_viewer.fetch_add(1, Ordering::Relaxed);
    let stream = stream.try_clone()?;
    let mut viewers = locked(&shared.viewers);
    if viewers.len() >= VIEWERS_MAX as usize {
        return Ok(None);
    }
    viewers.push((number, stream));
    Ok(Some(number))
}

fn told(shared: &Shared, pid: u32, read_only: bool, attached: bool) {
    let viewers = u32::try_from(locked(&shared.viewers).len()).unwrap_or(u32::MAX);
    shared.run.telemetry.emit(&ProcessEvent::Viewer { attached, pid, read_only, viewers }.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: the way from a typo to the right word, in a moment when it counts.
    #[test]
    fn an_unknown_strategy_is_answered_with_the_nearest_and_all() {
        let known = ["trend", "reversion", "breakout"].map(str::to_owned);
        assert_eq!(strategy("reversion", &known), Ok(StrategyId(1)));
        assert_eq!(
            strategy("trnd", &known).unwrap_err(),
            "there is no strategy `trnd`: did you mean `trend`? The run has trend, reversion, breakout"
        );
        let far = strategy("x", &known).unwrap_err();
        assert_eq!(far, "there is no strategy `x`: The run has trend, reversion, breakout");
        assert!(strategy("x", &[]).unwrap_err().ends_with("the run has none"));
    }
}
