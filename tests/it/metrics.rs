//! The metrics server beside a run.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::home::{Home, PATIENCE, busy, wait_for};

/// Status and body of a GET.
pub fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split_whitespace().nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    (status, body)
}

/// The sum over all series of a family.
pub fn sum(text: &str, family: &str) -> f64 {
    let of_family =
        |line: &&str| line.strip_prefix(family).is_some_and(|rest| rest.starts_with([' ', '{']));
    let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    text.lines().filter(of_family).map(value).sum()
}

/// Lost if broken: every dashboard and alert.
#[test]
fn a_run_shows_its_health_and_its_numbers() {
    let home = Home::new();
    let running = home.start(&["run", "--headless", "--config", busy()]);
    let address = home.address("metrics");
    assert_eq!(get(&address, "/healthz").0, 200);
    wait_for("readiness", || (get(&address, "/readyz").0 == 200).then_some(()));
    let text = wait_for("a fill in the metrics", || {
        let (status, text) = get(&address, "/metrics");
        (status == 200 && sum(&text, "tickscope_fills_total") > 0.0).then_some(text)
    });
    for family in [
        "tickscope_feed_messages_total",
        "tickscope_feed_received_bytes_total",
        "tickscope_feed_connected",
        "tickscope_book_synced",
        "tickscope_market_mid_price",
        "tickscope_strategy_evaluations_total",
        "tickscope_signals_total",
        "tickscope_risk_checks_total",
        "tickscope_order_events_total",
        "tickscope_fees_paid_total",
        "tickscope_equity",
        "tickscope_queue_capacity",
        "tickscope_log_lines_written_total",
        "tickscope_disk_free_bytes",
        "tickscope_tick_to_decision_seconds_count",
    ] {
        assert!(sum(&text, family) > 0.0, "{family} in\n{text}");
    }
    for family in ["tickscope_queue_dropped_total", "tickscope_log_dropped_total"] {
        assert!(sum(&text, family).abs() < 1e-9, "{family} in\n{text}");
    }
    assert_eq!(get(&address, "/nothing").0, 404);
    running.terminate().expect_code(0);
}
