//! The other side: which runs there are, which one is meant, and one question to it.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use super::protocol::{Answer, Ask, By, PROTOCOL, Request, parse_answer, read_line, write_line};
use super::{CONTROL, server, socket};
use crate::app::error::{AppError, Exit};
use crate::app::platform;
use crate::domain::RunId;
use crate::tape;

/// How long an answer may take: as long as the run waits for its core, and a little more.
const PATIENCE: Duration = server::CORE_PATIENCE.saturating_add(Duration::from_secs(2));

/// A run that can be spoken to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instance {
    /// Its session.
    pub run_id: RunId,
    /// Its process.
    pub pid: u32,
    /// `demo`, `paper`, `live`.
    pub mode: &'static str,
    /// The session's directory.
    pub directory: PathBuf,
    /// Its socket.
    path: PathBuf,
}

impl Instance {
    /// The runs of this machine that listen now, oldest first.
    pub fn running() -> Result<Vec<Self>, AppError> {
        let root = tape::default_root()?;
        Ok(tape::list(&root)?.into_iter().filter_map(Self::of).collect())
    }

    /// `None` for a session that does not run. A killed run leaves its files, and its process id
    /// may be another process's by now: only who listens is alive.
    fn of(session: tape::SessionSummary) -> Option<Self> {
        let runtime = session.runtime?;
        let path = PathBuf::from(runtime.addresses.get(CONTROL)?);
        let listens = platform::is_alive(runtime.pid) && socket::connect(&path).is_ok();
        let mode = session.manifest.ok().map_or("?", |manifest| match manifest.mode {
            tape::Mode::Demo => "demo",
            tape::Mode::Paper => "paper",
            tape::Mode::Live => "live",
            tape::Mode::Backtest => "backtest",
            tape::Mode::Record => "record",
        });
        let (run_id, directory) = (session.run_id, session.directory);
        listens.then_some(Self { run_id, pid: runtime.pid, mode, directory, path })
    }

    /// The run that is meant: by its id or prefix, else the only one.
    pub fn choose(wanted: Option<&str>) -> Result<Self, AppError> {
        let mut running = Self::running()?;
        if let Some(wanted) = wanted {
            let found = running
                .iter()
                .rposition(|run| run.run_id.0 == wanted || run.run_id.prefix() == wanted);
            return match found {
                Some(at) => Ok(running.swap_remove(at)),
                None => Err(not_running(wanted, &running)),
            };
        }
        match running.len() {
            0 => {
                Err(AppError::new(Exit::Connection, "no run is active: `tickscope run` starts one"))
            }
            1 => Ok(running.swap_remove(0)),
            _ => {
                let text =
                    format!("several runs are active, choose with --session: {}", list(&running));
                Err(AppError::new(Exit::Usage, text))
            }
        }
    }

    /// Asks one thing and waits for the answer, at most a few seconds.
    pub fn ask(&self, by: By, ask: Ask) -> Result<Answer, AppError> {
        self.open(by, ask).map(|(answer, _)| answer)
    }

    /// The same; the connection stays open for what follows the answer.
    pub fn open(&self, by: By, ask: Ask) -> Result<(Answer, UnixStream), AppError> {
        let failed = |error: io::Error| self.failure(&error);
        let mut stream = socket::connect(&self.path).map_err(failed)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
        let request = Request { tickscope: PROTOCOL, pid: std::process::id(), by, ask };
        write_line(&mut stream, &request).map_err(failed)?;
        let line = read_line(&mut stream).map_err(failed)?;
        let answer = parse_answer(&line).map_err(|text| AppError::new(Exit::Failed, text))?;
        Ok((answer, stream))
    }

    fn failure(&self, error: &io::Error) -> AppError {
        let (run, pid) = (self.run_id.prefix(), self.pid);
        if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            let text = format!(
                "the run {run} has not answered within {} s: its process {pid} may be stopped or \
                 stuck (`kill -TERM {pid}` ends it)",
                PATIENCE.as_secs()
            );
            return AppError::new(Exit::Failed, text);
        }
        let text = format!("the run {run} (process {pid}) cannot be asked: {error}");
        AppError::new(Exit::Connection, text)
    }
}

fn not_running(wanted: &str, running: &[Instance]) -> AppError {
    let known = tape::default_root().and_then(|root| tape::resolve(wanted, &root)).is_ok();
    let what = if known { "has ended" } else { "is not known" };
    let others = match running {
        [] => "no run is active".to_owned(),
        running => format!("active: {}", list(running)),
    };
    AppError::new(Exit::Usage, format!("the session `{wanted}` {what}; {others}"))
}

fn list(running: &[Instance]) -> String {
    let each = running.iter().map(|run| format!("{} ({})", run.run_id, run.mode));
    each.collect::<Vec<_>>().join(", ")
}
