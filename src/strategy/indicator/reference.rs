//! The reference: what independent libraries compute, read from `tests/payloads/indicators`.

use crate::domain::UnixNanos;

const REFERENCE: &str = include_str!("../../../tests/payloads/indicators/reference.csv");

/// One bar of the reference.
pub(super) struct Row {
    pub open_time: UnixNanos,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: f64,
}

/// Feeds every bar to an indicator and compares with the column, missing values included; also
/// that a bar of NaN between any two bars changes nothing.
pub(super) fn check(column: &str, mut push: impl FnMut(&Row) -> Option<f64>) {
    const TOLERANCE: f64 = 1e-9;
    let mut lines = REFERENCE.lines().filter(|line| !line.starts_with('#'));
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = header.iter().position(|name| *name == column).unwrap();
    let mut compared = 0;
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let row = row(&fields);
        let (ours, theirs) = (push(&row), fields[at].parse::<f64>().ok());
        match (ours, theirs) {
            (Some(ours), Some(theirs)) => {
                assert!((ours - theirs).abs() <= TOLERANCE * theirs.abs(), "{ours} for {line}");
                compared += 1;
            }
            _ => assert_eq!(ours, theirs, "missing on one side only: {line}"),
        }
        for bad in [f64::NAN, f64::INFINITY] {
            let bad = Row { high: bad, low: bad, close: bad, volume: bad, ..row };
            assert_eq!(push(&bad), None, "a bad input gave a number");
        }
    }
    assert!(compared > 250, "only {compared} rows compared");
}

fn row(fields: &[&str]) -> Row {
    let number = |index: usize| fields[index].parse::<f64>().unwrap();
    Row {
        open_time: UnixNanos(fields[0].parse().unwrap()),
        high: number(1),
        low: number(2),
        close: number(3),
        volume: number(4),
    }
}
