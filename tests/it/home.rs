//! A home of its own for a run of the program, and the program as a process within it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_tickscope");
/// How long anything may take before a test gives up. Long, because machines are busy; nothing
/// waits for it when all is well.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
pub const LOOK: Duration = Duration::from_millis(20);

/// Directories that nobody else uses, removed at the end.
pub struct Home {
    directory: tempfile::TempDir,
}

/// What a process left behind.
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Home {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// A path in the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file into the home.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The whole environment that the program gets.
    pub fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("HOME", self.path("home")),
            ("XDG_STATE_HOME", self.path("state")),
            ("XDG_CONFIG_HOME", self.path("config")),
            ("TICKSCOPE_METRICS__PORT", "0".into()),
            ("TERM", "xterm-256color".into()),
            ("TZ", "UTC".into()),
        ]
    }

    /// The program with these arguments, in this home.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env_clear().envs(self.environment());
        command.stdin(Stdio::null()).current_dir(self.directory.path());
        command
    }

    /// Starts the program.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_command(self.command(arguments))
    }

    /// Starts a prepared command; its outputs go to files, so that it never waits for us.
    pub fn start_command(&self, mut command: Command) -> Running {
        let directory = tempfile::tempdir_in(self.directory.path()).unwrap().keep();
        let (stdout, stderr) = (directory.join("stdout"), directory.join("stderr"));
        command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
        Running { child: command.spawn().unwrap(), stdout, stderr }
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        self.start(arguments).finish()
    }

    /// Runs the program, which must succeed.
    pub fn succeed(&self, arguments: &[&str]) -> Finished {
        self.run(arguments).expect_code(0)
    }

    /// Session directories, oldest first.
    pub fn sessions(&self) -> Vec<PathBuf> {
        let root = self.path("state/tickscope/sessions");
        let mut found: Vec<_> =
            fs::read_dir(root).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        found.sort();
        found
    }

    /// The only session.
    pub fn session(&self) -> PathBuf {
        let sessions = self.sessions();
        assert_eq!(sessions.len(), 1, "{sessions:?}");
        sessions[0].clone()
    }

    /// The only session's own address of a service, once it says it.
    pub fn address(&self, service: &str) -> String {
        let of = |session: &PathBuf| address_of(session, service);
        wait_for("runtime.toml with an address", || self.sessions().first().and_then(of))
    }
}

/// The address of a service in a session's `runtime.toml`.
pub fn address_of(session: &Path, service: &str) -> Option<String> {
    let text = fs::read_to_string(session.join("runtime.toml")).ok()?;
    let runtime: toml::Table = text.parse().ok()?;
    Some(runtime.get("addresses")?.get(service)?.as_str()?.to_owned())
}

/// The process of a session that runs.
pub fn process_of(session: &Path) -> Option<u32> {
    let runtime = fs::read_to_string(session.join("runtime.toml")).ok()?;
    runtime.lines().find_map(|line| line.strip_prefix("pid = ")?.parse().ok())
}

/// The configuration whose strategy decides on every trade.
pub fn busy() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/busy.toml")
}

/// Looks again and again until there is something.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(LOOK);
    }
}

/// The program while it runs. Dropped, it is killed.
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    /// Waits until standard output holds a text.
    pub fn wait_stdout(&mut self, text: &str) -> String {
        wait_for(&format!("{text:?} on standard output"), || {
            let stdout = fs::read_to_string(&self.stdout).unwrap();
            if stdout.contains(text) {
                return Some(stdout);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                let stderr = fs::read_to_string(&self.stderr).unwrap();
                panic!("it ended with {status} before it said {text:?}:\n{stdout}\n{stderr}");
            }
            None
        })
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Kills it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end and waits for that.
    pub fn terminate(self) -> Finished {
        self.signal(Signal::TERM);
        self.finish()
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Finished {
        let status = wait_for("the end of the process", || self.child.try_wait().unwrap());
        Finished {
            code: status.code(),
            stdout: fs::read_to_string(&self.stdout).unwrap(),
            stderr: fs::read_to_string(&self.stderr).unwrap(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has usually ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as one line of JSON.
    pub fn json(&self) -> Value {
        let lines: Vec<_> = self.stdout.lines().collect();
        assert_eq!(lines.len(), 1, "{}", self.stdout);
        serde_json::from_str(lines[0]).unwrap()
    }

    /// Fails unless standard error has all these words.
    pub fn expect_stderr(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in:\n{}", self.stderr);
        }
        self
    }
}

/// A number of a JSON result, whether written as one or as exact text.
pub fn number(result: &Value, key: &str) -> f64 {
    let value = result.get(key).unwrap_or_else(|| panic!("no {key} in {result}"));
    match value {
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    }
}
