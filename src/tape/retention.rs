//! Retention: which of the recorded sessions may go, and why. Nothing goes whose process lives,
//! nothing that is the newest session of an account, and no torn session that is still young: what
//! led to its end may be wanted.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::error::{Result, TapeError};
use super::manifest::{Manifest, Mode};
use super::session::{MANIFEST, config_of};
use super::sessions::{SessionSummary, list};
use crate::domain::{RunId, UnixNanos};

const DAY: u64 = 86_400 * UnixNanos::SECOND;

/// Whose limits a session falls under.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Owner {
    /// The demo, whatever its account is called: it begins fresh each time.
    Demo,
    /// An account. A backtest belongs to the one that its configuration names.
    Account(String),
    /// Nobody: it does not say. What was not removed to the end is such a one.
    Nobody,
}

/// Whether a session has an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Its process lives.
    Running,
    /// It says how it ended.
    Ended,
    /// It was killed, or does not describe itself.
    Torn,
}

/// A session as retention looks at it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Its name.
    pub run_id: RunId,
    /// Its directory.
    pub directory: PathBuf,
    /// Whose it is.
    pub owner: Owner,
    /// What it was for; `None` when it does not say.
    pub mode: Option<Mode>,
    /// Whether it has an end.
    pub state: State,
    /// When it ended, or was written to last.
    pub touched: UnixNanos,
    /// Its size on disk, logs included.
    pub bytes: u64,
    /// No later session traded on its account.
    pub is_newest_of_account: bool,
}

/// How much may be kept; `None` is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Days since it ended.
    pub days: Option<u32>,
    /// Bytes of all together.
    pub bytes: Option<u64>,
    /// How many.
    pub sessions: Option<usize>,
    /// Days for which a torn session stays, whatever the size of all.
    pub torn_days: u32,
}

/// Why a session goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It is older than so many days.
    Days(u32),
    /// All together had more than so many bytes.
    Bytes(u64),
    /// There are so many newer ones.
    Sessions(usize),
}

/// A session that may go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Doomed {
    /// Which one.
    pub session: Kept,
    /// Why.
    pub reason: Reason,
}

impl Doomed {
    /// Removes it. One that somebody else has removed meanwhile is gone as well.
    pub fn remove(&self) -> Result<()> {
        let directory = &self.session.directory;
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(TapeError::io("remove", directory)(error))
            }
            _ => Ok(()),
        }
    }
}

/// All sessions, oldest first. A directory whose name is no run's is nobody's business, and one that
/// describes itself in a way that is not understood is that of another version: it is left alone.
pub fn survey(root: &Path, is_alive: impl Fn(u32) -> bool) -> Result<Vec<Kept>> {
    let is_ours = |session: &SessionSummary| {
        let describes_itself = session.directory.join(MANIFEST).exists();
        is_run_id(&session.run_id.0) && (session.manifest.is_ok() || !describes_itself)
    };
    let sessions = list(root)?.into_iter().filter(is_ours);
    let mut kept: Vec<Kept> = sessions.map(|session| Kept::of(&session, &is_alive)).collect();
    let mut seen = Vec::new();
    for session in kept.iter_mut().rev() {
        let trades = matches!(session.mode, Some(Mode::Paper | Mode::Live));
        if let (true, Owner::Account(_)) = (trades, &session.owner)
            && !seen.contains(&session.owner)
        {
            session.is_newest_of_account = true;
            seen.push(session.owner.clone());
        }
    }
    Ok(kept)
}

impl Kept {
    fn of(session: &SessionSummary, is_alive: &impl Fn(u32) -> bool) -> Self {
        let manifest = session.manifest.as_ref().ok();
        let ending = manifest.and_then(|manifest| manifest.ending.as_ref());
        let state = match (&session.runtime, ending) {
            (Some(runtime), _) if is_alive(runtime.pid) => State::Running,
            (_, Some(_)) => State::Ended,
            (_, None) => State::Torn,
        };
        let directory = &session.directory;
        Self {
            run_id: session.run_id.clone(),
            directory: directory.clone(),
            owner: manifest.map_or(Owner::Nobody, |manifest| owner(manifest, directory)),
            mode: manifest.map(|manifest| manifest.mode),
            state,
            touched: ending.map_or_else(|| written_last(directory), |ending| ending.at),
            bytes: bytes_in(directory),
            is_newest_of_account: false,
        }
    }

    fn age(&self, now: UnixNanos) -> u64 {
        now.since(self.touched)
    }

    /// It stays whatever the limits are.
    fn is_safe(&self) -> bool {
        self.state == State::Running || self.is_newest_of_account
    }

    /// It was killed not long ago.
    fn is_evidence(&self, limits: &Limits, now: UnixNanos) -> bool {
        self.state == State::Torn && self.age(now) <= u64::from(limits.torn_days) * DAY
    }
}

fn owner(manifest: &Manifest, directory: &Path) -> Owner {
    if manifest.mode == Mode::Demo {
        return Owner::Demo;
    }
    let named = manifest.account.clone().or_else(|| configured_account(directory));
    named.map_or(Owner::Nobody, Owner::Account)
}

/// The account that a session's own configuration names.
fn configured_account(directory: &Path) -> Option<String> {
    let config: toml::Table = config_of(directory).ok()?.parse().ok()?;
    Some(config.get("account")?.get("name")?.as_str()?.to_owned())
}

/// Those that are beyond the limits, oldest first. `sessions` come oldest first and fall under the
/// limits together.
pub fn doomed(sessions: &[Kept], limits: &Limits, now: UnixNanos) -> Vec<Doomed> {
    let surplus = limits.sessions.map_or(0, |most| sessions.len().saturating_sub(most));
    let mut total: u64 = sessions.iter().map(|session| session.bytes).sum();
    let mut found = Vec::new();
    // By age and number first: what they free counts before anything goes for its size.
    let mut reasons: Vec<Option<Reason>> = Vec::with_capacity(sessions.len());
    for (at, session) in sessions.iter().enumerate() {
        let too_old = |days: &u32| session.age(now) > u64::from(*days) * DAY;
        // Demos are worth nothing but their number, torn or not.
        let evidence = session.owner != Owner::Demo && session.is_evidence(limits, now);
        let by_age = limits.days.filter(too_old).map(Reason::Days);
        let by_count = limits.sessions.filter(|_| at < surplus && !evidence).map(Reason::Sessions);
        let reason = by_age.or(by_count).filter(|_| !session.is_safe());
        total -= reason.map_or(0, |_| session.bytes);
        reasons.push(reason);
    }
    for (session, reason) in sessions.iter().zip(reasons) {
        let removable = !session.is_safe() && !session.is_evidence(limits, now);
        let over = limits.bytes.filter(|most| total > *most && removable && reason.is_none());
        if over.is_some() {
            total -= session.bytes;
        }
        if let Some(reason) = reason.or(over.map(Reason::Bytes)) {
            found.push(Doomed { session: session.clone(), reason });
        }
    }
    found
}

/// True for a name such as `20261122-223843-k7f3`.
fn is_run_id(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let digits = |text: &str, many: usize| {
        text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    matches!(parts.as_slice(), [day, time, prefix]
        if digits(day, 8) && digits(time, 6) && prefix.len() == 4)
}

/// Bytes of all files below a directory.
pub fn bytes_in(directory: &Path) -> u64 {
    files_in(directory).iter().map(fs::Metadata::len).sum()
}

/// When anything in a directory was written last.
fn written_last(directory: &Path) -> UnixNanos {
    let written = files_in(directory).into_iter().filter_map(|file| {
        let since = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_nanos()).ok()
    });
    UnixNanos(written.max().unwrap_or_default())
}

/// The files below a directory; links are not followed.
fn files_in(directory: &Path) -> Vec<fs::Metadata> {
    let mut found = Vec::new();
    for item in fs::read_dir(directory).into_iter().flatten().flatten() {
        match item.metadata() {
            Ok(metadata) if metadata.is_dir() => found.extend(files_in(&item.path())),
            Ok(metadata) => found.push(metadata),
            // It has gone meanwhile.
            Err(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixNanos = UnixNanos(1_795_380_000 * UnixNanos::SECOND);

    /// An ended session of a day so long ago, with so many bytes.
    fn ended(days_ago: u64, bytes: u64) -> Kept {
        Kept {
            run_id: RunId(format!("{:08}-000000-aaaa", 20_261_231 - days_ago)),
            directory: PathBuf::new(),
            owner: Owner::Account("first".to_owned()),
            mode: Some(Mode::Paper),
            state: State::Ended,
            touched: UnixNanos(NOW.0 - days_ago * DAY - 1),
            bytes,
            is_newest_of_account: false,
        }
    }

    fn torn(days_ago: u64, bytes: u64) -> Kept {
        Kept { state: State::Torn, ..ended(days_ago, bytes) }
    }

    fn limits() -> Limits {
        Limits { days: Some(14), bytes: Some(100), sessions: None, torn_days: 14 }
    }

    /// Which of the sessions go, by their place, and why.
    fn check(sessions: &[Kept], limits: &Limits, expected: &[(usize, Reason)]) {
        let found = doomed(sessions, limits, NOW);
        let place = |d: &Doomed| sessions.iter().position(|s| *s == d.session).unwrap();
        let found: Vec<_> = found.iter().map(|doomed| (place(doomed), doomed.reason)).collect();
        assert_eq!(found, expected);
    }

    /// Lost if broken: recordings that were to be kept, or the disk.
    #[test]
    fn sessions_go_by_age_then_by_size_oldest_first() {
        check(&[], &limits(), &[]);
        check(&[ended(13, 50), ended(1, 50)], &limits(), &[]);
        let sessions = [ended(20, 500), ended(15, 10), ended(9, 60), ended(5, 30), ended(0, 70)];
        // What goes by its age leaves 160 bytes: one more is enough.
        let by_age = [(0, Reason::Days(14)), (1, Reason::Days(14))];
        check(&sessions, &limits(), &[&by_age[..], &[(2, Reason::Bytes(100))]].concat());
        let unlimited = Limits { days: None, bytes: None, ..limits() };
        check(&sessions, &unlimited, &[]);
    }

    /// Lost if broken: the session that trades, what an account continues from, and what led to a
    /// crash.
    #[test]
    fn what_runs_the_newest_of_an_account_and_young_torn_sessions_stay() {
        let mut running = ended(30, 500);
        running.state = State::Running;
        let mut newest = ended(20, 500);
        newest.is_newest_of_account = true;
        let strict = Limits { sessions: Some(0), ..limits() };
        check(&[running, newest], &strict, &[]);
        check(&[torn(13, 500), torn(1, 500)], &strict, &[]);
        check(&[torn(15, 500)], &strict, &[(0, Reason::Days(14))]);
        // A session that outgrows the size takes others with it, never itself.
        let mut large = ended(0, 900);
        large.state = State::Running;
        check(&[ended(3, 10), large], &limits(), &[(0, Reason::Bytes(100))]);
    }

    /// Lost if broken: the disk of whoever plays with the demo.
    #[test]
    fn only_so_many_demos_stay_torn_or_not() {
        let demo = |session: Kept| Kept { owner: Owner::Demo, mode: Some(Mode::Demo), ..session };
        let mut running = ended(5, 1);
        running.state = State::Running;
        let sessions = [running, ended(4, 1), torn(3, 1), ended(2, 1), ended(1, 1)].map(demo);
        let two = Limits { sessions: Some(2), ..limits() };
        check(&sessions, &two, &[(1, Reason::Sessions(2)), (2, Reason::Sessions(2))]);
    }

    /// Lost if broken: whatever else somebody keeps beside sessions.
    #[test]
    fn only_what_is_named_like_a_run_is_a_session() {
        for name in ["20261122-223843-k7f3", "20200101-000000-old1"] {
            assert!(is_run_id(name), "{name}");
        }
        for name in ["notes", "20261122-223843", "20261122-223843-k7f3-copy", "2026-22-k7f3", ""] {
            assert!(!is_run_id(name), "{name}");
        }
    }

    /// Lost if broken: the account that cannot go on where it was, because of a backtest after it.
    #[test]
    fn the_newest_session_that_traded_on_each_account_is_found() {
        let scratch = tempfile::tempdir().unwrap();
        let put = |name: &str, manifest: &str, config: &str| {
            let directory = scratch.path().join(name);
            fs::create_dir_all(directory.join("logs")).unwrap();
            fs::write(directory.join("manifest.toml"), manifest).unwrap();
            fs::write(directory.join("config.toml"), config).unwrap();
            fs::write(directory.join("logs/a.jsonl"), "0123456789").unwrap();
        };
        let of = |name: &str, mode: &str, account: &str| {
            let manifest = format!(
                "run_id = '{name}'\nprefix = 'aaaa'\nmode = '{mode}'\n{account}version = '1'\n\
                 binary_hash = ''\nconfig_hash = ''\nfill_model = ''\nschemas = []\n\
                 started = '2026-11-22T20:40:00Z'\n"
            );
            put(name, &manifest, "[account]\nname = 'old'\n");
        };
        of("20260101-000000-aaaa", "paper", "");
        of("20260102-000000-aaaa", "paper", "");
        of("20260103-000000-aaaa", "paper", "account = 'new'\n");
        of("20260104-000000-aaaa", "backtest", "account = 'new'\n");
        of("20260105-000000-aaaa", "demo", "account = 'demo'\n");
        put("20260106-000000-aaaa", "mode = 'of another version'", "");
        put("20260107-000000-aaaa", "", "");
        fs::remove_file(scratch.path().join("20260107-000000-aaaa/manifest.toml")).unwrap();
        let found = survey(scratch.path(), |_| false).unwrap();
        let told: Vec<_> =
            found.iter().map(|s| (s.owner.clone(), s.is_newest_of_account)).collect();
        let account = |name: &str| Owner::Account(name.to_owned());
        assert_eq!(
            told,
            [
                (account("old"), false),
                (account("old"), true),
                (account("new"), true),
                (account("new"), false),
                (Owner::Demo, false),
                // The one of another version is not there.
                (Owner::Nobody, false),
            ]
        );
        assert!(found.iter().all(|session| session.bytes >= 10 && session.touched.0 > 0));
    }
}
