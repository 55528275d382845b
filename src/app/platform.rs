//! The operating system, as far as the app needs it: CPU time, memory, randomness for a name.

use rustix::time::{ClockId, clock_gettime};

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

/// Waits until a signal asks the process to stop: interrupt, terminate or hang-up.
pub async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    );
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = signals else {
        // Without handlers a signal ends the process at once, which is what was asked for.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

/// True when a process of this id is alive.
pub fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}
