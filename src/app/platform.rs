//! The operating system, as far as the app needs it: CPU time, memory, randomness for a name.

use std::path::Path;

use rustix::stdio;
use rustix::time::{ClockId, clock_gettime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// CPU seconds that all threads of this process used.
pub fn process_cpu() -> f64 {
    seconds(ClockId::ProcessCPUTime)
}

/// CPU seconds that this thread used.
pub fn thread_cpu() -> f64 {
    seconds(ClockId::ThreadCPUTime)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of CPU time")]
fn seconds(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The most memory that this process ever held, in MiB; 0 where the system does not tell.
pub fn peak_rss_mb() -> f64 {
    status_kib("VmHWM:") / 1_024.0
}

/// The memory that this process holds, in MiB; 0 where the system does not tell.
pub fn rss_mb() -> f64 {
    status_kib("VmRSS:") / 1_024.0
}

fn status_kib(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0.0)
}

/// Bytes that this user may still write on the disk of a path.
pub fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// A signal that asks the process to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StopSignal {
    /// The terminal has gone away.
    HangUp,
    /// Interrupt or terminate.
    Stop,
}

/// The signals that ask the process to end. Once it listens, none of them ends it by itself.
pub struct StopSignals(Option<[Signal; 3]>);

impl StopSignals {
    /// Listens from here on. Called within a runtime.
    pub fn listen() -> Self {
        let listen = || {
            let kinds = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate()]
                .map(signal);
            let [hangup, interrupt, terminate] = kinds;
            Some([hangup.ok()?, interrupt.ok()?, terminate.ok()?])
        };
        Self(listen())
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> StopSignal {
        let Some([hangup, interrupt, terminate]) = &mut self.0 else {
            // Without handlers a signal ends the process at once, which is what was asked for.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = hangup.recv() => StopSignal::HangUp,
            _ = interrupt.recv() => StopSignal::Stop,
            _ = terminate.recv() => StopSignal::Stop,
        }
    }
}

/// SIGUSR1: somebody moved the log files away. Once it listens, the signal does not end the process.
pub struct UserSignal(Option<Signal>);

impl UserSignal {
    /// Listens from here on. Called within a runtime.
    pub fn listen() -> Self {
        Self(signal(SignalKind::user_defined1()).ok())
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

/// Waits until any signal asks the process to end.
pub async fn asked_to_stop() {
    StopSignals::listen().next().await;
}

/// Lets go of a terminal that is gone: nothing is read from it or written to it any more.
pub fn leave_terminal() {
    let nowhere = std::fs::OpenOptions::new().write(true).open("/dev/null");
    if let Ok(nowhere) = nowhere {
        // Writing to a dead terminal fails anyway; this only spares the attempts.
        let _ = (stdio::dup2_stdout(&nowhere), stdio::dup2_stderr(&nowhere));
    }
}

/// When a process was started, in ticks since the machine was; `None` when there is none, or where the
/// system does not tell.
pub fn process_started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything; the 22nd field is the 20th behind it.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_owned)
}

/// True when a process of this id is alive.
pub fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}
