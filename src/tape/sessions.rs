//! The sessions on this machine: where they lie, which there are, which one is meant.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::{Result, TapeError};
use super::manifest::{self, Manifest, Runtime};
use super::reader::segments;
use super::session::{MANIFEST, RUNTIME};
use crate::domain::RunId;

/// `$XDG_STATE_HOME/tickscope/sessions`, or `~/.local/state/tickscope/sessions`.
pub fn default_root() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name);
    root_in(variable("XDG_STATE_HOME").as_deref(), variable("HOME").as_deref())
}

/// The same from given values. Relative ones count as unset, as the XDG specification demands.
fn root_in(state_home: Option<&OsStr>, home: Option<&OsStr>) -> Result<PathBuf> {
    let absolute = |value: Option<&OsStr>| value.map(PathBuf::from).filter(|p| p.is_absolute());
    let state = absolute(state_home)
        .or_else(|| absolute(home).map(|home| home.join(".local/state")))
        .ok_or(TapeError::NoStateHome)?;
    Ok(state.join("tickscope/sessions"))
}

/// One session as found on disk.
#[derive(Debug)]
pub struct SessionSummary {
    /// Its name.
    pub run_id: RunId,
    /// Its directory.
    pub directory: PathBuf,
    /// What it says about itself, or why that cannot be read.
    pub manifest: Result<Manifest>,
    /// There while it runs, and after a kill: the caller asks whether the process is alive.
    pub runtime: Option<Runtime>,
    /// Number of tape segments.
    pub segments: usize,
    /// Their size on disk.
    pub bytes: u64,
}

impl SessionSummary {
    fn of(directory: PathBuf, run_id: String) -> Self {
        let files = segments(&directory).unwrap_or_default();
        let size = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len());
        Self {
            run_id: RunId(run_id),
            manifest: manifest::read(&directory.join(MANIFEST)),
            runtime: manifest::read(&directory.join(RUNTIME)).ok(),
            segments: files.len(),
            bytes: files.iter().map(|(_, path)| size(path)).sum(),
            directory,
        }
    }
}

/// All sessions, oldest first. One that cannot be read is listed with the reason; no root at all
/// is no sessions.
pub fn list(root: &Path) -> Result<Vec<SessionSummary>> {
    let summary = |name: String| SessionSummary::of(root.join(&name), name);
    Ok(names(root)?.into_iter().map(summary).collect())
}

fn names(root: &Path) -> Result<Vec<String>> {
    if !root.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for item in fs::read_dir(root).map_err(TapeError::io("list", root))? {
        let item = item.map_err(TapeError::io("list", root))?;
        let is_directory = item.file_type().is_ok_and(|kind| kind.is_dir());
        names.extend(item.file_name().into_string().ok().filter(|_| is_directory));
    }
    names.sort();
    Ok(names)
}

/// A tape that was asked for by whatever name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TapePath {
    /// A file, or a directory with segments: what [`Reader::open`](super::Reader::open) takes.
    pub path: PathBuf,
    /// The session, if it is one of this machine's.
    pub session: Option<RunId>,
}

/// Finds what a tape argument means: a file or directory, a run id, a run's four-letter prefix,
/// or `last` for the newest session that recorded a tape of its own.
pub fn resolve(argument: &str, root: &Path) -> Result<TapePath> {
    find(argument, root, Newest::WithTape)
}

/// Finds what an argument means of which only decisions are wanted: the same, but that `last` is the
/// newest session of any kind. A backtest has decisions, too, though what it read lies elsewhere.
pub fn resolve_run(argument: &str, root: &Path) -> Result<TapePath> {
    find(argument, root, Newest::Any)
}

/// Which sessions `last` may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Newest {
    WithTape,
    Any,
}

fn find(argument: &str, root: &Path, newest: Newest) -> Result<TapePath> {
    let path = Path::new(argument);
    if argument != "last" && path.exists() {
        let has_manifest = path.join(MANIFEST).is_file();
        let name = path.canonicalize().ok().and_then(|full| Some(full.file_name()?.to_owned()));
        let session = name.filter(|_| has_manifest).and_then(|name| name.into_string().ok());
        return Ok(TapePath { path: path.to_owned(), session: session.map(RunId) });
    }
    let names = names(root)?;
    let recorded = |name: &&String| segments(&root.join(name)).is_ok_and(|found| !found.is_empty());
    // A backtest's session holds records about another tape, and no input of its own.
    let is_backtest = |name: &str| {
        manifest::read::<Manifest>(&root.join(name).join(MANIFEST))
            .is_ok_and(|manifest| manifest.input.is_some())
    };
    let mut newest_first = names.iter().rev();
    let found = match (argument, newest) {
        ("last", Newest::Any) => newest_first.find(recorded),
        ("last", Newest::WithTape) => {
            newest_first.find(|name| recorded(name) && !is_backtest(name))
        }
        _ => {
            newest_first.find(|name| *name == argument || name.rsplit('-').next() == Some(argument))
        }
    };
    match found {
        Some(name) => Ok(TapePath { path: root.join(name), session: Some(RunId(name.clone())) }),
        None => Err(match names.iter().rev().find(recorded).filter(|_| argument == "last") {
            Some(newest) => {
                TapeError::OnlyBacktests { newest: RunId(newest.clone()).prefix().to_owned() }
            }
            None => TapeError::NoSuchTape { argument: argument.to_owned(), root: root.to_owned() },
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::manifest::{Ending, Mode, StrategyIdentity};
    use super::super::session::{Session, run_id};
    use super::super::tests::{sample, write_all};
    use super::super::{Writer, WriterOptions};
    use super::*;
    use crate::domain::UnixNanos;

    const START: UnixNanos = UnixNanos(1_723_161_253_937_085_768);

    fn manifest(mode: Mode, nth: u64) -> Manifest {
        let run_id = run_id(START.plus(nth * UnixNanos::SECOND), nth * 7);
        Manifest {
            prefix: run_id.prefix().to_owned(),
            run_id,
            mode,
            account: Some("first".into()),
            version: "0.1.0".into(),
            binary_hash: "b1".into(),
            config_hash: "c1".into(),
            fill_model: "book, fee in the received asset".into(),
            schemas: super::super::SCHEMAS.map(str::to_owned).into(),
            started: START,
            ending: None,
            input: None,
            strategies: vec![StrategyIdentity {
                name: "fast".into(),
                kind: "ema_cross".into(),
                params_hash: "p1".into(),
            }],
        }
    }

    fn runtime() -> Runtime {
        let addresses = [("metrics".to_owned(), "127.0.0.1:9746".to_owned())].into();
        Runtime { pid: 7, addresses }
    }

    fn session(root: &Path, mode: Mode, nth: u64) -> Session {
        let session = Session::create(root, manifest(mode, nth), "mode = \"demo\"\n", &runtime());
        let session = session.unwrap();
        let writer = Writer::in_directory(session.directory(), WriterOptions::default());
        write_all(writer.unwrap(), &sample(3));
        session
    }

    fn ending() -> Ending {
        let counts = [("fills".to_owned(), 12)].into();
        Ending { at: START.plus(5), error: None, counts }
    }

    /// Lost if broken: what ran, and who else may read it.
    #[test]
    fn a_session_tells_what_ran_and_how_it_ended() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("sessions");
        let running = session(&root, Mode::Paper, 0);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(running.directory()), 0o700);
        assert_eq!(mode(&running.directory().join("tape-0001.mcap")), 0o600);
        assert!(crate::tape::logs_of(running.directory()).is_dir());
        assert_eq!(list(&root).unwrap()[0].runtime, Some(runtime()));

        let text = fs::read_to_string(running.directory().join(MANIFEST)).unwrap();
        assert!(text.contains("started = \"2024-08-08T23:54:13.937085768Z\""), "{text}");
        let again = Session::create(&root, manifest(Mode::Paper, 0), "", &runtime());
        assert!(again.unwrap_err().to_string().starts_with("cannot create "));

        let mut expected = running.manifest().clone();
        expected.ending = Some(ending());
        running.end(ending()).unwrap();
        let found = list(&root).unwrap().remove(0);
        assert_eq!(found.manifest.unwrap(), expected);
        assert_eq!((found.runtime, found.segments), (None, 1));
        assert!(found.bytes > 0);
    }

    /// Lost if broken: `tickscope sessions`, because of one broken directory.
    #[test]
    fn broken_sessions_are_listed_with_the_reason() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path();
        assert_eq!(list(&root.join("none")).unwrap().len(), 0);
        session(root, Mode::Demo, 1).end(ending()).unwrap();
        fs::create_dir(root.join("20200101-000000-old1")).unwrap();
        fs::create_dir(root.join("20300101-000000-bad1")).unwrap();
        fs::write(root.join("20300101-000000-bad1").join(MANIFEST), "mode = 7").unwrap();
        fs::write(root.join("a file"), "").unwrap();
        let found = list(root).unwrap();
        let readable: Vec<_> = found.iter().map(|found| found.manifest.is_ok()).collect();
        assert_eq!(readable, [false, true, false]);
        let reason = found[2].manifest.as_ref().unwrap_err().to_string();
        assert!(reason.contains("manifest.toml"), "{reason}");
    }

    /// Lost if broken: the session one just watched.
    #[test]
    fn a_tape_is_found_by_path_run_id_prefix_and_last() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path();
        let older = session(root, Mode::Demo, 1);
        let newer = session(root, Mode::Demo, 2);
        fs::create_dir(root.join("20300101-000000-none")).unwrap();
        let check = |argument: &str, expected: &Session| {
            let found = resolve(argument, root).unwrap();
            assert_eq!(found.path, expected.directory());
            assert_eq!(found.session.as_ref(), Some(&expected.manifest().run_id), "{argument}");
        };
        check("last", &newer);
        check(&older.manifest().run_id.0, &older);
        check(older.manifest().run_id.prefix(), &older);
        check(older.directory().to_str().unwrap(), &older);
        let file = older.directory().join("tape-0001.mcap");
        let found = resolve(file.to_str().unwrap(), root).unwrap();
        assert_eq!(found, TapePath { path: file, session: None });
        let error = resolve("lats", root).unwrap_err().to_string();
        assert!(error.starts_with("there is no tape or session `lats` (looked for a file and in "));
    }

    /// Lost if broken: sessions scattered over working directories.
    #[test]
    fn the_root_follows_the_xdg_specification() {
        let root = |state: Option<&str>, home: Option<&str>| {
            root_in(state.map(OsStr::new), home.map(OsStr::new)).ok()
        };
        let expected = |path: &str| Some(PathBuf::from(path));
        assert_eq!(root(Some("/s"), Some("/h")), expected("/s/tickscope/sessions"));
        assert_eq!(root(None, Some("/h")), expected("/h/.local/state/tickscope/sessions"));
        assert_eq!(root(Some("s"), Some("/h")), expected("/h/.local/state/tickscope/sessions"));
        assert_eq!(root(Some(""), None), None);
    }
}
