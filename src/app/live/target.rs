//! The target: a file that tells Prometheus where a run's metrics are, in the form of its file-based
//! discovery. Every run has one beside its sessions. It goes when the run ends in order; that of a run
//! that was killed stays until the next run begins, so that its silence is noticed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::app::platform;
use crate::domain::RunId;
use crate::tape;

/// Beside the folder of the sessions.
const FOLDER: &str = "prometheus";
/// Labels that begin like this are for whoever looks at targets; no series has them.
const PID: &str = "__tickscope_pid";

/// The file, while the run lives.
pub(super) struct Target(PathBuf);

impl Target {
    /// Tells where a run's metrics are. A disk that does not take it is no reason not to run.
    pub(super) fn tell(run: &RunId, address: &str) -> Option<Self> {
        let folder = tape::default_root().ok()?.parent()?.join(FOLDER);
        Self::tell_in(&folder, run, address).ok()
    }

    fn tell_in(folder: &Path, run: &RunId, address: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        remove_dead(folder)?;
        let labels = json!({ "__tickscope_run": run.0, PID: std::process::id().to_string() });
        let targets = json!([{ "targets": [address], "labels": labels }]);
        let path = folder.join(format!("{}.json", run.0));
        // Whoever reads it meanwhile reads the whole.
        let unfinished = path.with_extension("part");
        fs::write(&unfinished, format!("{targets}\n"))?;
        fs::rename(&unfinished, &path)?;
        Ok(Self(path))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Removes what runs left that are gone.
fn remove_dead(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let pid = fs::read_to_string(&path).ok().and_then(|text| {
            let targets: serde_json::Value = serde_json::from_str(&text).ok()?;
            targets[0]["labels"][PID].as_str()?.parse().ok()
        });
        if pid.is_some_and(|pid| !platform::is_alive(pid)) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: a run whose metrics nobody scrapes, or a target that is long gone.
    #[test]
    fn a_run_is_a_target_while_it_lives_and_the_next_one_removes_those_that_died() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join(FOLDER);
        let names = || {
            let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
            names.map(|name| name.into_string().unwrap()).collect::<Vec<_>>()
        };
        let run = RunId("20261122-204000-k7f3".to_owned());
        let target = Target::tell_in(&folder, &run, "127.0.0.1:9746").unwrap();
        let text = fs::read_to_string(folder.join("20261122-204000-k7f3.json")).unwrap();
        assert!(text.ends_with('\n') && text.contains(r#"["127.0.0.1:9746"]"#));
        let dead = text.replace(&std::process::id().to_string(), "4194303");
        fs::write(folder.join("dead.json"), dead).unwrap();
        fs::write(folder.join("someone-elses.json"), "[]").unwrap();
        let other = RunId("20261122-204001-aaaa".to_owned());
        drop(Target::tell_in(&folder, &other, "127.0.0.1:9747").unwrap());
        let mut left = names();
        left.sort_unstable();
        assert_eq!(left, ["20261122-204000-k7f3.json", "someone-elses.json"]);
        drop(target);
        assert_eq!(names(), ["someone-elses.json"]);
    }
}
