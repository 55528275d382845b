//! The target: a file that tells Prometheus where a run's metrics are, in the form of its file-based
//! discovery. Every run has one beside its sessions. It goes when the run ends with nothing open; else
//! it stays until the next run of the account begins, so that the silence is noticed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::app::platform;
use crate::domain::RunId;
use crate::tape;

/// Beside the folder of the sessions.
const FOLDER: &str = "prometheus";
/// Labels that begin like this are for whoever looks at targets; no series has them.
const RUN: &str = "__tickscope_run";
const ACCOUNT: &str = "__tickscope_account";
const PID: &str = "__tickscope_pid";
const STARTED: &str = "__tickscope_process_started";

/// The file, while the run lives.
pub(super) struct Target {
    path: PathBuf,
    stays: bool,
}

impl Target {
    /// Tells where the metrics of a run of an account are. A disk that does not take it is no reason not
    /// to run.
    pub(super) fn tell(run: &RunId, account: &str, address: &str) -> Option<Self> {
        let folder = tape::default_root().ok()?.parent()?.join(FOLDER);
        Self::tell_in(&folder, run, account, address).ok()
    }

    fn tell_in(folder: &Path, run: &RunId, account: &str, address: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        remove_dead(folder, account);
        let pid = std::process::id();
        let labels = json!({
            RUN: run.0,
            ACCOUNT: account,
            PID: pid.to_string(),
            STARTED: platform::process_started(pid).unwrap_or_default(),
        });
        let targets = json!([{ "targets": [address], "labels": labels }]);
        let path = folder.join(format!("{}.json", run.0));
        // Whoever reads it meanwhile reads the whole.
        let unfinished = path.with_extension("part");
        fs::write(&unfinished, format!("{targets}\n"))?;
        fs::rename(&unfinished, &path)?;
        Ok(Self { path, stays: false })
    }

    /// The run ends, and somebody must notice that it is gone.
    pub(super) fn stay(mut self) {
        self.stays = true;
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.stays {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what runs of an account left that are gone. Another run may be doing the same.
fn remove_dead(folder: &Path, account: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let text = fs::read_to_string(&path).unwrap_or_default();
        let labels = |targets: Value| targets[0]["labels"].clone();
        let labels = serde_json::from_str(&text).map(labels).unwrap_or_default();
        let is_ours = labels[ACCOUNT].as_str() == Some(account);
        if is_ours && !is_alive(&labels) {
            let _ = fs::remove_file(&path);
        }
    }
}

/// True while the process lives that wrote it, and not merely another one of that number.
fn is_alive(labels: &Value) -> bool {
    let pid = labels[PID].as_str().and_then(|pid| pid.parse().ok());
    let started = pid.and_then(platform::process_started);
    started.is_some() && started.as_deref() == labels[STARTED].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: a run whose metrics nobody scrapes, or a target that is long gone.
    #[test]
    fn a_run_is_a_target_while_it_lives_and_the_next_one_of_its_account_removes_the_dead() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join(FOLDER);
        let names = || {
            let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
            names.map(|name| name.into_string().unwrap()).collect::<Vec<_>>()
        };
        let run = RunId("20261122-204000-k7f3".to_owned());
        let target = Target::tell_in(&folder, &run, "mine", "127.0.0.1:9746").unwrap();
        let text = fs::read_to_string(folder.join("20261122-204000-k7f3.json")).unwrap();
        assert!(text.ends_with('\n') && text.contains(r#"["127.0.0.1:9746"]"#));
        let dead = text.replace(&std::process::id().to_string(), "4194303");
        fs::write(folder.join("dead.json"), &dead).unwrap();
        let reused = text.replace(STARTED, "__tickscope_other");
        fs::write(folder.join("reused.json"), reused).unwrap();
        fs::write(folder.join("others.json"), dead.replace("mine", "another")).unwrap();
        fs::write(folder.join("someone-elses.json"), "[]").unwrap();
        let other = RunId("20261122-204001-aaaa".to_owned());
        drop(Target::tell_in(&folder, &other, "mine", "127.0.0.1:9747").unwrap());
        let mut left = names();
        left.sort_unstable();
        let own = "20261122-204000-k7f3.json";
        assert_eq!(left, [own, "others.json", "someone-elses.json"]);
        target.stay();
        assert!(names().contains(&own.to_owned()), "it ended with something open");
    }
}
