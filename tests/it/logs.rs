//! A session's log lanes, read as a user reads them: line by line, as JSON.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Every line of a lane, in order. Lines still being written are left out.
pub fn lane(session: &Path, lane: &str) -> Vec<Value> {
    let mut files: Vec<_> = fs::read_dir(session.join("logs"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(lane)))
        .collect();
    files.sort();
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// The lines of one event.
pub fn events<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

/// Fails unless the lane's numbers are 1, 2, 3 … without a gap.
pub fn expect_gapless(lines: &[Value]) {
    assert!(!lines.is_empty());
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line["seq"].as_u64(), Some(index as u64 + 1), "{line}");
    }
}
