//! The hook: the command of an alert, started without a shell, given the event on standard input,
//! and watched until it ends or its time is up. Neither what it does not read nor what it says
//! can hold up anybody but the thread that watches it.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal, kill_process_group};

use super::queue::Alert;
use crate::config::section;
use crate::domain::clean_bytes;
use crate::telemetry::Word;

/// Between two looks at a command that runs.
const LOOK: Duration = Duration::from_millis(10);
/// How long a killed command may take to be gone.
const BURIAL: Duration = Duration::from_secs(1);
/// Bytes of its standard error that are kept, and characters of them that are told.
const KEPT: usize = 4_096;
const TOLD: usize = 400;

/// How a command ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Well.
    Done,
    /// Otherwise: how, and what it said.
    Failed(String, String),
    /// It was killed: why, and what it said.
    Killed(String, String),
}

/// A configured command.
#[derive(Debug)]
pub struct Hook {
    program: String,
    arguments: Vec<String>,
    deadline: Duration,
    session: String,
}

impl Hook {
    /// The command of a run; `None` when there is none.
    pub fn of(alert: &section::Alert, session: &str) -> Option<Self> {
        let (program, arguments) = alert.on_event.split_first()?;
        Some(Self {
            program: program.clone(),
            arguments: arguments.to_vec(),
            deadline: Duration::from_nanos(alert.deadline.0),
            session: session.to_owned(),
        })
    }

    /// What is started. Arguments may hold secrets: only this is told.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Runs it for an alert. `ends` says when it must be over, once that is known.
    pub fn run(&self, alert: &Alert, ends: impl Fn() -> Option<Instant>) -> Outcome {
        let began = Instant::now();
        let mut child = match self.command(alert).spawn() {
            Ok(child) => child,
            Err(error) => {
                return Outcome::Failed(format!("cannot be started: {error}"), String::new());
            }
        };
        let mut pipes = Pipes::of(&mut child, &alert.line);
        loop {
            pipes.turn();
            match child.try_wait() {
                Ok(Some(status)) => {
                    pipes.turn();
                    return ended(status, pipes.said());
                }
                Ok(None) => {}
                Err(error) => return Outcome::Failed(error.to_string(), pipes.said()),
            }
            let why = match ends() {
                Some(end) if Instant::now() >= end => "the run has ended".to_owned(),
                _ if began.elapsed() >= self.deadline => {
                    format!("it took longer than {} ms", self.deadline.as_millis())
                }
                _ => {
                    std::thread::sleep(LOOK);
                    continue;
                }
            };
            kill(&mut child);
            pipes.turn();
            return Outcome::Killed(format!("was killed: {why}"), pipes.said());
        }
    }

    fn command(&self, alert: &Alert) -> Command {
        let line: serde_json::Value = serde_json::from_slice(&alert.line).unwrap_or_default();
        let text = line["msg"].as_str().unwrap_or_default();
        let (kind, event) = (alert.kind.as_str(), alert.event.as_str());
        // The text last: what looks like a placeholder in it is none.
        let filled = |argument: &String| {
            argument.replace("{kind}", kind).replace("{event}", event).replace("{text}", text)
        };
        let mut command = Command::new(&self.program);
        command
            .args(self.arguments.iter().map(filled))
            .env("TICKSCOPE_EVENT", event)
            .env("TICKSCOPE_EVENT_KIND", kind)
            .env("TICKSCOPE_EVENT_TEXT", text)
            // So that a `tickscope flatten` in it means this run.
            .env("TICKSCOPE_SESSION", &self.session)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C is not for it, and what it starts is killed with it.
            .process_group(0);
        command
    }
}

fn ended(status: ExitStatus, said: String) -> Outcome {
    if status.success() {
        Outcome::Done
    } else {
        Outcome::Failed(format!("failed, {status}"), said)
    }
}

/// Kills a command and whatever it has started.
fn kill(child: &mut Child) {
    // It may be over by itself meanwhile.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let began = Instant::now();
    while began.elapsed() < BURIAL && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(LOOK);
    }
}

/// Both ends of what a command reads and says; neither is waited for.
struct Pipes<'a> {
    /// Gone once all is written, or nobody reads.
    stdin: Option<ChildStdin>,
    line: &'a [u8],
    stderr: Option<ChildStderr>,
    said: Vec<u8>,
}

impl<'a> Pipes<'a> {
    fn of(child: &mut Child, line: &'a [u8]) -> Self {
        // A pipe that would wait is none of ours.
        let stdin = child.stdin.take().filter(|pipe| ioctl_fionbio(pipe, true).is_ok());
        let stderr = child.stderr.take().filter(|pipe| ioctl_fionbio(pipe, true).is_ok());
        Self { stdin, line, stderr, said: Vec::new() }
    }

    /// Writes and reads as much as goes without waiting.
    fn turn(&mut self) {
        if let Some(stdin) = &mut self.stdin {
            match stdin.write(self.line) {
                Ok(written) => self.line = self.line.get(written..).unwrap_or_default(),
                Err(error) if would_wait(&error) => {}
                Err(_) => self.line = &[],
            }
            if self.line.is_empty() {
                self.stdin = None;
            }
        }
        let mut bytes = [0; KEPT];
        while let Some(stderr) = &mut self.stderr {
            match stderr.read(&mut bytes) {
                Ok(count @ 1..) => {
                    let room = KEPT.saturating_sub(self.said.len()).min(count);
                    self.said.extend_from_slice(bytes.get(..room).unwrap_or_default());
                }
                Err(error) if would_wait(&error) => return,
                _ => self.stderr = None,
            }
        }
    }

    fn said(&self) -> String {
        clean_bytes(self.said.trim_ascii(), TOLD)
    }
}

fn would_wait(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::unit::TimeSpan;
    use crate::telemetry::{AlertKind, EventName};

    fn hook(on_event: &[&str], deadline_s: u64) -> Hook {
        let alert = section::Alert {
            on_event: on_event.iter().map(|word| (*word).to_owned()).collect(),
            deadline: TimeSpan::seconds(deadline_s),
            ..section::Alert::default()
        };
        Hook::of(&alert, "20261122-223843-k7f3").unwrap()
    }

    fn alert(bytes: usize) -> Alert {
        let fill = "x".repeat(bytes);
        let line = format!("{{\"msg\":\"a {{kind}} of $(id)\",\"fill\":\"{fill}\"}}\n");
        Alert { kind: AlertKind::Fill, event: EventName::FillReceived, line: line.into() }
    }

    fn run(on_event: &[&str], deadline_s: u64, alert: &Alert) -> Outcome {
        hook(on_event, deadline_s).run(alert, || None)
    }

    /// Lost if broken: what an alert is about, or the machine to whoever forges a text.
    #[test]
    fn it_gets_the_event_and_no_shell_looks_at_it() {
        let scratch = tempfile::tempdir().unwrap();
        let out = scratch.path().join("out");
        let script = "cat >\"$1\"; echo \"$2|$TICKSCOPE_EVENT_KIND|$TICKSCOPE_SESSION\" >>\"$1\"";
        let words = ["sh", "-c", script, "sh", out.to_str().unwrap(), "{event}: {text}"];
        let alert = alert(10);
        assert_eq!(run(&words, 30, &alert), Outcome::Done);
        let expected = format!(
            "{}fill.received: a {{kind}} of $(id)|fill|20261122-223843-k7f3\n",
            str::from_utf8(&alert.line).unwrap()
        );
        assert_eq!(fs::read_to_string(out).unwrap(), expected);
    }

    /// Lost if broken: the reason why nobody was told.
    #[test]
    fn failures_say_how_and_what_was_said() {
        let failed = run(&["sh", "-c", "echo \"no \u{1b}[2Jbus\" >&2; exit 3"], 30, &alert(0));
        let said = "no ·[2Jbus".to_owned();
        assert_eq!(failed, Outcome::Failed("failed, exit status: 3".to_owned(), said));
        let Outcome::Failed(how, _) = run(&["/no/such/program"], 30, &alert(0)) else {
            panic!("it ran");
        };
        assert!(how.starts_with("cannot be started: "), "{how}");
    }

    /// Lost if broken: every alert after one whose command hangs, reads nothing or floods us.
    #[test]
    fn whatever_it_does_it_ends_at_its_deadline() {
        let long = alert(1 << 20);
        assert_eq!(run(&["true"], 30, &long), Outcome::Done);
        assert_eq!(run(&["sh", "-c", "head -c 1000000 /dev/zero >&2"], 30, &long), Outcome::Done);
        // What it has started is killed with it, and keeps no pipe open that anybody waits for.
        let began = Instant::now();
        let script = "echo slow >&2; sleep 600 & wait";
        let Outcome::Killed(why, said) = run(&["sh", "-c", script], 1, &long) else {
            panic!("it ended");
        };
        assert_eq!(why, "was killed: it took longer than 1000 ms");
        // A machine may be too busy for a word in a second.
        assert!(["slow", ""].contains(&said.as_str()), "{said}");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        let now = Some(Instant::now());
        let ended = hook(&["sleep", "600"], 60).run(&long, || now);
        assert_eq!(
            ended,
            Outcome::Killed("was killed: the run has ended".to_owned(), String::new())
        );
    }
}
