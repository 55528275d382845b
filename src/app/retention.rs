//! Retention: what `tape.keep` means for the sessions of this machine. Each account's sessions fall
//! under the limits of that account's newest configuration, so that the demo, or somebody else's
//! run, never removes what another configuration keeps.

use std::path::Path;

use super::{platform, words};
use crate::config::section::Keep;
use crate::config::unit::ByteSize;
use crate::domain::{RunId, UnixNanos};
use crate::tape::{self, Doomed, Kept, Limits, Owner, Reason, TapeError};

/// What one round of removing came to.
#[derive(Debug, Default)]
pub struct Round {
    /// What is gone.
    pub removed: Vec<Doomed>,
    /// What could not be removed, and why.
    pub failed: Vec<(RunId, TapeError)>,
}

/// Every session of this machine.
pub fn survey(root: &Path) -> Result<Vec<Kept>, TapeError> {
    tape::survey(root, platform::is_alive)
}

/// Those beyond the limits of their owners. `mine` are an owner's limits as it runs with them now.
pub fn doomed(sessions: &[Kept], mine: Option<(&Owner, &Keep)>, now: UnixNanos) -> Vec<Doomed> {
    let mut owners: Vec<&Owner> = sessions.iter().map(|session| &session.owner).collect();
    owners.sort();
    owners.dedup();
    let mut found = Vec::new();
    for owner in owners {
        let own: Vec<Kept> = sessions.iter().filter(|s| s.owner == *owner).cloned().collect();
        let keep = match &mine {
            Some((me, keep)) if *me == owner => (*keep).clone(),
            _ => own.iter().rev().find_map(configured).unwrap_or_default(),
        };
        found.extend(tape::doomed(&own, &limits(owner, &keep), now));
    }
    found.sort_by(|a, b| a.session.run_id.0.cmp(&b.session.run_id.0));
    found
}

fn limits(owner: &Owner, keep: &Keep) -> Limits {
    Limits {
        days: Some(keep.days),
        bytes: Some(keep.size.0),
        sessions: (*owner == Owner::Demo).then_some(keep.sessions as usize),
        torn_days: keep.days,
    }
}

/// What a session's own configuration says; `None` when it says nothing of it.
fn configured(session: &Kept) -> Option<Keep> {
    let config: toml::Table = tape::config_of(&session.directory).ok()?.parse().ok()?;
    let keep = config.get("tape")?.get("keep")?;
    let whole = |key: &str| keep.get(key)?.as_integer()?.try_into().ok();
    let size: ByteSize = keep.get("size")?.as_str()?.parse().ok()?;
    Some(Keep { days: whole("days")?, size, sessions: whole("sessions")? })
}

/// Removes them, each for itself: one that cannot be removed keeps no other.
pub fn remove(doomed: Vec<Doomed>) -> Round {
    let mut round = Round::default();
    for session in doomed {
        match session.remove() {
            Ok(()) => round.removed.push(session),
            Err(error) => round.failed.push((session.session.run_id, error)),
        }
    }
    round
}

/// Why a session goes, in words.
pub fn why(reason: Reason) -> String {
    match reason {
        Reason::Days(days) => format!("ended more than {days} days ago"),
        Reason::Bytes(bytes) => format!("all together have more than {}", words::bytes(bytes)),
        Reason::Sessions(most) => format!("not among the newest {most}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    const NOW: UnixNanos = UnixNanos(1_795_380_000 * UnixNanos::SECOND);

    fn session(directory: PathBuf, owner: Owner, days_ago: u64, keep: &str) -> Kept {
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("config.toml"), keep).unwrap();
        Kept {
            run_id: RunId(directory.file_name().unwrap().to_str().unwrap().to_owned()),
            directory,
            owner,
            mode: Some(tape::Mode::Paper),
            state: tape::State::Ended,
            touched: UnixNanos(NOW.0 - days_ago * 86_400 * UnixNanos::SECOND - 1),
            bytes: 10,
            is_newest_of_account: false,
        }
    }

    /// Lost if broken: months of one account, by a demo or a run of another.
    #[test]
    fn each_account_is_limited_by_its_own_newest_configuration() {
        let scratch = tempfile::tempdir().unwrap();
        let account = |name: &str| Owner::Account(name.to_owned());
        let keep =
            |days: u32| format!("[tape.keep]\ndays = {days}\nsize = \"1GiB\"\nsessions = 5\n");
        let at = |name: &str| scratch.path().join(name);
        let sessions = [
            session(at("a"), account("long"), 90, &keep(14)),
            session(at("b"), account("long"), 80, &keep(365)),
            session(at("c"), account("short"), 20, &keep(14)),
            session(at("d"), account("mine"), 20, &keep(365)),
            session(at("e"), account("mine"), 10, &keep(365)),
            session(at("f"), Owner::Nobody, 20, "not TOML ["),
        ];
        let mine = (&account("mine"), &Keep { days: 15, ..Keep::default() });
        let gone = |mine| -> Vec<String> {
            doomed(&sessions, mine, NOW).iter().map(|d| d.session.run_id.0.clone()).collect()
        };
        assert_eq!(gone(Some(mine)), ["c", "d", "f"]);
        assert_eq!(gone(None), ["c", "f"]);
    }

    /// Lost if broken: room on the disk, because of one directory that belongs to somebody else.
    #[test]
    fn what_cannot_be_removed_keeps_no_other() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("a");
        fs::write(&file, "").unwrap();
        let owner = Owner::Nobody;
        let mut broken = session(scratch.path().join("b"), owner.clone(), 1, "");
        broken.directory = file;
        let whole = session(scratch.path().join("c"), owner, 1, "");
        let reason = Reason::Days(0);
        let round =
            remove([broken, whole.clone()].map(|session| Doomed { session, reason }).to_vec());
        assert_eq!((round.removed.len(), round.failed.len()), (1, 1));
        assert!(!whole.directory.exists());
        assert!(round.failed[0].1.to_string().starts_with("cannot remove "));
    }
}
