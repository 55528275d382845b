//! A log that loses lines without saying so proves nothing: every line is accounted for.

use super::super::pack::unpack;
use super::super::rotate::SegmentFile;
use super::*;

const LANES: [&str; 2] = ["decisions", "diagnostics"];

fn account(telemetry: &Telemetry, lane: &str) -> [f64; 3] {
    let of_lane = [("lane", lane)];
    let dropped = ["queue_full", "io_error", "shutdown"].map(|reason| {
        sample(telemetry, "tickscope_log_dropped_total", &[("lane", lane), ("reason", reason)])
    });
    [
        sample(telemetry, "tickscope_log_lines_emitted_total", &of_lane),
        sample(telemetry, "tickscope_log_lines_written_total", &of_lane),
        dropped.iter().sum(),
    ]
}

#[test]
fn both_lanes_are_gapless_and_every_line_is_json_without_a_double_key() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig::default());
    for attempt in 0..500 {
        connecting(&telemetry, attempt);
        command(&telemetry, "halt \"now\"\n");
    }
    telemetry.shutdown(PATIENCE);
    for lane in LANES {
        let lines = lines(folder.path(), lane);
        assert_eq!(seqs(&lines), (1..=lines.len() as u64).collect::<Vec<_>>(), "{lane}");
        assert_eq!(lines.first().unwrap().0["event"], "log.opened");
        assert_eq!(lines.last().unwrap().0["event"], "log.closed");
        assert_eq!(lines.len(), 502);
        let count = lines.len() as f64;
        assert_eq!(account(&telemetry, lane), [count, count, 0.0]);
    }
}

#[test]
fn a_file_ends_at_its_size_and_stands_alone() {
    let folder = tempfile::tempdir().unwrap();
    let log = LogConfig {
        segment_bytes: 4_000,
        keep_segments: 100,
        compress: false,
        ..LogConfig::default()
    };
    let telemetry = start(folder.path(), log);
    (0..100).for_each(|_| command(&telemetry, "resume"));
    telemetry.shutdown(PATIENCE);
    let files = files(folder.path(), "decisions");
    assert!(files.len() > 4, "{} files", files.len());
    for (name, lines) in &files {
        assert_eq!(lines.first().unwrap().0["event"], "log.opened", "{name}");
        assert_eq!(lines.last().unwrap().0["event"], "log.closed", "{name}");
        assert_eq!(lines.first().unwrap().0["first_seq"], lines.first().unwrap().0["seq"]);
        assert_eq!(lines.last().unwrap().0["last_seq"], lines.last().unwrap().0["seq"]);
        assert_eq!(lines[0].0["schema_version"], 1);
        let size = fs::metadata(folder.path().join(name)).unwrap().len();
        assert!(size < 4_600, "{name} has {size} bytes");
    }
    let all: Vec<_> = files.into_iter().flat_map(|(_, lines)| lines).collect();
    assert_eq!(seqs(&all), (1..=all.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_file_ends_with_the_utc_day() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig { compress: false, ..LogConfig::default() });
    let event = Event::Process(command_of("halt"));
    let midnight = UnixNanos(START).floor_to(86_400 * UnixNanos::SECOND).0 + 86_400_000_000_000;
    telemetry.emit_at(&event, UnixNanos(midnight - 1));
    telemetry.emit_at(&event, UnixNanos(midnight));
    telemetry.emit_at(&event, UnixNanos(midnight + 1));
    telemetry.shutdown(PATIENCE);
    let files = files(folder.path(), "decisions");
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    let expected =
        ["decisions.20261122T204000Z.0001.jsonl", "decisions.20261123T000000Z.0002.jsonl"];
    assert_eq!(names, expected);
    assert_eq!(of_event(&files[0].1, "operator.command").len(), 1);
    assert_eq!(of_event(&files[1].1, "log.rotated")[0].0["cause"], "day");
}

#[test]
fn retention_keeps_the_newest_files() {
    let folder = tempfile::tempdir().unwrap();
    let log = LogConfig {
        segment_bytes: 1_000,
        keep_segments: 3,
        compress: false,
        ..LogConfig::default()
    };
    let telemetry = start(folder.path(), log);
    (0..50).for_each(|_| command(&telemetry, "resume"));
    telemetry.shutdown(PATIENCE);
    let kept = files(folder.path(), "decisions");
    assert_eq!(kept.len(), 3);
    assert_eq!(kept.last().unwrap().1.last().unwrap().0["event"], "log.closed");
    assert_eq!(files(folder.path(), "diagnostics").len(), 1, "the other lane lost its file");
}

/// Waits for another thread; gives up after ten seconds.
fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    (0..1_000).any(|_| {
        thread::sleep(Duration::from_millis(10));
        condition()
    })
}

/// Lost if broken: every line since somebody tidied up in the folder of the logs.
#[test]
fn a_file_that_was_moved_or_removed_ends_and_no_line_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig { compress: false, ..LogConfig::default() });
    let newest = || files(folder.path(), "decisions").pop().unwrap();
    let holds = |text: &str| {
        let path = folder.path().join(newest().0);
        eventually(|| fs::read_to_string(&path).is_ok_and(|file| file.contains(text)))
    };
    command(&telemetry, "first");
    assert!(holds("first"));
    let first = newest().0;
    fs::rename(folder.path().join(&first), folder.path().join("rotated.1")).unwrap();
    command(&telemetry, "second");
    let moved = || fs::read_to_string(folder.path().join("rotated.1")).unwrap();
    assert!(eventually(|| moved().contains("second")), "it is written to its end");
    // The next line begins another file.
    command(&telemetry, "third");
    assert!(eventually(|| moved().contains("log.closed")) && holds("third"));
    assert!(!files(folder.path(), "decisions").iter().any(|(name, _)| *name == first));

    fs::remove_dir_all(folder.path()).unwrap();
    command(&telemetry, "fourth");
    command(&telemetry, "fifth");
    telemetry.shutdown(PATIENCE);
    let files = files(folder.path(), "decisions");
    let lines: Vec<_> = files.into_iter().flat_map(|(_, lines)| lines).collect();
    let said = |text: &str| lines.iter().any(|line| line.0["msg"].to_string().contains(text));
    assert!(said("fourth") && said("fifth"));
    let reopened = [("lane", "decisions"), ("cause", "reopened")];
    assert!(sample(&telemetry, "tickscope_log_rotations_total", &reopened) >= 1.0);
    let [emitted, written, lost] = account(&telemetry, "decisions");
    assert_eq!((emitted, lost), (written, 0.0));
}

/// Lost if broken: what logrotate and its like are told to do after they moved a file.
#[test]
fn a_signal_asks_for_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig { compress: false, ..LogConfig::default() });
    command(&telemetry, "first");
    telemetry.reopen_logs();
    command(&telemetry, "second");
    telemetry.shutdown(PATIENCE);
    let files = files(folder.path(), "decisions");
    assert_eq!(files.len(), 2);
    assert_eq!(of_event(&files[1].1, "log.rotated")[0].0["cause"], "reopened");
}

/// Lost if broken: a disk full of text that packs to a tenth.
#[test]
fn closed_files_are_packed() {
    let folder = tempfile::tempdir().unwrap();
    let log = LogConfig { segment_bytes: 4_000, keep_segments: 100, ..LogConfig::default() };
    let telemetry = start(folder.path(), log);
    (0..100).for_each(|_| command(&telemetry, "resume"));
    telemetry.shutdown(PATIENCE);
    let names = || {
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect::<Vec<_>>()
    };
    let of = |end: &str| {
        let is_one = |name: &&String| name.starts_with("decisions.") && name.ends_with(end);
        names().iter().filter(is_one).count()
    };
    assert!(eventually(|| of(".jsonl") == 1 && of(".jsonl.gz") > 4), "{:?}", names());
    let mut segments = names();
    segments.retain(|name| name.starts_with("decisions."));
    segments.sort_unstable();
    let text = segments.iter().map(|name| {
        let path = folder.path().join(name);
        let is_packed = path.extension().is_some_and(|end| end == "gz");
        let bytes = if is_packed { unpack(&path) } else { fs::read(&path) };
        String::from_utf8(bytes.unwrap()).unwrap()
    });
    let seqs: Vec<_> = text
        .collect::<String>()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "every line is in one of them");
    let failed = [("lane", "decisions"), ("operation", "pack")];
    assert_eq!(sample(&telemetry, "tickscope_log_write_errors_total", &failed), 0.0);
}

/// What a file does with what it is given.
#[derive(Default)]
struct Behaviour {
    /// Writes fail, as on a full disk.
    fails: AtomicBool,
    /// Writes wait.
    hangs: AtomicBool,
    /// Takes a few bytes at a time.
    torn: AtomicBool,
    written: Mutex<Vec<u8>>,
}

impl Behaviour {
    fn lines(&self) -> Vec<Strict> {
        let bytes = lock(&self.written).clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

struct TestFile(Arc<Behaviour>);

impl Write for TestFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        while self.0.hangs.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(1));
        }
        if self.0.fails.load(Ordering::Relaxed) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let count =
            if self.0.torn.load(Ordering::Relaxed) { 7.min(bytes.len()) } else { bytes.len() };
        lock(&self.0.written).extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SegmentFile for TestFile {}

struct TestShelf(Arc<Behaviour>);

impl Shelf for TestShelf {
    fn open(&mut self, _name: &str) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(TestFile(self.0.clone())))
    }

    fn prune(&mut self, _current: &str) -> io::Result<()> {
        Ok(())
    }
}

/// Telemetry on files that behave as told: decisions, diagnostics.
fn start_behaved(queue_lines: usize) -> (Telemetry, [Arc<Behaviour>; 2]) {
    let files = [Arc::new(Behaviour::default()), Arc::new(Behaviour::default())];
    let shelf = |lane: LaneName, _: &Arc<LaneAccount>| -> Box<dyn Shelf> {
        Box::new(TestShelf(files[lane.index()].clone()))
    };
    (start_on(&shelf, queue_lines), files)
}

#[test]
fn a_full_disk_is_counted_and_what_fits_the_buffer_is_written_later() {
    let (telemetry, [decisions, diagnostics]) = start_behaved(100_000);
    decisions.fails.store(true, Ordering::Relaxed);
    (0..30).for_each(|_| command(&telemetry, "halt"));
    while telemetry.log_trouble().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(telemetry.log_trouble().unwrap().starts_with("cannot write the log file"));
    let failed = [("lane", "decisions"), ("operation", "write")];
    assert!(sample(&telemetry, "tickscope_log_write_errors_total", &failed) >= 1.0);
    Ticker::default().tick(&telemetry);
    decisions.fails.store(false, Ordering::Relaxed);
    telemetry.shutdown(PATIENCE);
    assert!(!of_event(&diagnostics.lines(), "log.write_failed").is_empty());
    let lines = decisions.lines();
    assert_eq!(seqs(&lines), (1..=32).collect::<Vec<_>>());
    assert_eq!(account(&telemetry, "decisions"), [32.0, 32.0, 0.0]);
}

#[test]
fn a_disk_that_stays_full_loses_lines_by_the_book() {
    let (telemetry, [decisions, diagnostics]) = start_behaved(100_000);
    for file in [&decisions, &diagnostics] {
        file.fails.store(true, Ordering::Relaxed);
    }
    for attempt in 0..50 {
        command(&telemetry, &"x".repeat(200_000));
        connecting(&telemetry, attempt);
    }
    telemetry.shutdown(Duration::from_millis(20));
    for lane in LANES {
        let [emitted, written, dropped] = account(&telemetry, lane);
        assert_eq!((written, dropped), (1.0, emitted - 1.0), "{lane}");
        assert!(emitted >= 51.0);
    }
}

#[test]
fn diagnostics_drop_when_full_and_say_so_as_soon_as_there_is_room() {
    let (telemetry, [_, diagnostics]) = start_behaved(8);
    diagnostics.hangs.store(true, Ordering::Relaxed);
    (0..100).for_each(|attempt| connecting(&telemetry, attempt));
    diagnostics.hangs.store(false, Ordering::Relaxed);
    telemetry.shutdown(PATIENCE);
    let lines = diagnostics.lines();
    let [emitted, written, dropped] = account(&telemetry, "diagnostics");
    assert_eq!((written, emitted), (lines.len() as f64, written + dropped));
    let seqs = seqs(&lines);
    assert!(seqs.is_sorted());
    let missing = seqs.last().unwrap() - seqs.first().unwrap() + 1 - seqs.len() as u64;
    assert_eq!(missing as f64, dropped, "loss must show as a gap");
    let told: u64 =
        of_event(&lines, "log.dropped").iter().map(|line| line.0["count"].as_u64().unwrap()).sum();
    assert_eq!(told, missing);
}

#[test]
fn decisions_wait_for_a_slow_file_and_lose_nothing() {
    let (telemetry, [decisions, _]) = start_behaved(4);
    decisions.hangs.store(true, Ordering::Relaxed);
    let releaser = decisions.clone();
    let release = thread::spawn(move || {
        thread::sleep(Duration::from_millis(30));
        releaser.hangs.store(false, Ordering::Relaxed);
    });
    (0..50).for_each(|_| command(&telemetry, "halt"));
    release.join().unwrap();
    telemetry.shutdown(PATIENCE);
    assert_eq!(seqs(&decisions.lines()), (1..=52).collect::<Vec<_>>());
    let blocked =
        sample(&telemetry, "tickscope_queue_blocked_seconds_total", &[("queue", "decisions")]);
    assert!(blocked > 0.0);
}

/// Lost if broken: a queue that fills looks empty until it drops.
#[test]
fn what_waits_for_a_slow_file_is_shown_until_it_is_written() {
    let (telemetry, [decisions, _]) = start_behaved(1_000);
    let depth = || sample(&telemetry, "tickscope_queue_depth", &[("queue", "decisions")]);
    let becomes = |holds: fn(f64) -> bool| {
        let began = std::time::Instant::now();
        while !holds(depth()) {
            assert!(began.elapsed() < Duration::from_secs(20), "depth stays {}", depth());
            thread::sleep(Duration::from_millis(5));
        }
    };
    decisions.hangs.store(true, Ordering::Relaxed);
    (0..50).for_each(|_| command(&telemetry, "halt"));
    becomes(|depth| depth > 0.0);
    decisions.hangs.store(false, Ordering::Relaxed);
    becomes(|depth| depth == 0.0);
    telemetry.shutdown(PATIENCE);
}

#[test]
fn a_shutdown_keeps_its_deadline_and_counts_what_is_left() {
    let (telemetry, [decisions, diagnostics]) = start_behaved(1_000);
    decisions.hangs.store(true, Ordering::Relaxed);
    diagnostics.hangs.store(true, Ordering::Relaxed);
    for attempt in 0..50 {
        command(&telemetry, "halt");
        connecting(&telemetry, attempt);
    }
    let began = std::time::Instant::now();
    telemetry.shutdown(Duration::from_millis(20));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    for lane in LANES {
        let [emitted, written, dropped] = account(&telemetry, lane);
        assert_eq!(emitted, written + dropped, "{lane}");
        assert_eq!(written, 1.0, "{lane}");
    }
    decisions.hangs.store(false, Ordering::Relaxed);
    diagnostics.hangs.store(false, Ordering::Relaxed);
    command(&telemetry, "too late");
    assert!(sample(&telemetry, "tickscope_log_dropped_total", &[("reason", "shutdown")]) >= 51.0);
}

#[test]
fn a_file_that_takes_a_few_bytes_at_a_time_holds_no_torn_line() {
    let (telemetry, [decisions, _]) = start_behaved(100);
    decisions.torn.store(true, Ordering::Relaxed);
    (0..20).for_each(|_| command(&telemetry, "halt"));
    telemetry.shutdown(PATIENCE);
    assert_eq!(seqs(&decisions.lines()), (1..=22).collect::<Vec<_>>());
}

#[test]
fn an_unwritable_folder_is_told_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a_file");
    fs::write(&file, "").unwrap();
    let config = Config { directory: file, log: LogConfig::default(), clock: clock() };
    let error = Telemetry::start(&config, names(), run()).err().unwrap();
    assert!(error.to_string().contains("a_file: cannot open the log file"), "{error}");
}

#[test]
fn warnings_of_libraries_land_in_diagnostics_and_their_chatter_does_not() {
    use tracing_subscriber::layer::SubscriberExt as _;
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig::default());
    let subscriber = tracing_subscriber::registry().with(layer(telemetry.clone()));
    tracing::subscriber::with_default(subscriber, || {
        tracing::warn!(target: "tungstenite", code = 1006, "closed by peer");
        tracing::info!(target: "hyper", "chatter");
    });
    telemetry.shutdown(PATIENCE);
    let lines = lines(folder.path(), "diagnostics");
    let logged = of_event(&lines, "library.logged");
    assert_eq!(logged.len(), 1);
    assert_eq!(logged[0].0["msg"], "tungstenite: closed by peer code=1006");
    assert_eq!(logged[0].0["level"], "WARN");
}

#[test]
fn the_log_pane_shows_the_newest_lines_of_both_lanes() {
    let (telemetry, _) = start_behaved(10_000);
    (0..1_200).for_each(|attempt| connecting(&telemetry, attempt));
    command(&telemetry, "halt\u{1b}[2J");
    let tail = telemetry.log_tail();
    assert_eq!(tail.len(), 1_000);
    assert_eq!(tail.last().unwrap().message, "operator: halt�[2J (screen): trading is halted");
    assert_eq!(tail.last().unwrap().event, "operator.command");
    assert!(Arc::ptr_eq(&tail, &telemetry.log_tail()));
}
