//! What is recorded, in the form of other tools.

use std::io::{Read, Write as _};
use std::net::TcpListener;

use super::home::{Home, busy};

fn recorded() -> (Home, String) {
    let home = Home::new();
    home.succeed(&["run", "--headless", "--for", "3s", "--config", busy()]);
    let orders = home.succeed(&["explain", "--orders"]).stdout;
    let order: serde_json::Value = serde_json::from_str(orders.lines().next().unwrap()).unwrap();
    let id = order["order"]["id"].as_str().or(order["id"].as_str()).unwrap().to_owned();
    (home, id)
}

/// Lost if broken: the trace of an order beside those of everything else that a firm runs.
#[test]
fn a_decision_is_a_trace_with_a_span_for_each_stage() {
    let (home, id) = recorded();
    let export = ["export", "otlp", "--decision", &id];
    let trace = home.succeed(&export).json();
    let spans = trace["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    let names: Vec<_> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names[..4], ["decision", "decide", "risk", "order"], "{names:?}");
    assert!(names.contains(&"fill"), "{names:?}");
    let root = &spans[0];
    assert!(root.get("parentSpanId").is_none());
    let nanos = |span: &serde_json::Value, key: &str| -> u64 {
        span[key].as_str().unwrap().parse().unwrap()
    };
    for span in spans {
        assert_eq!(span["traceId"], root["traceId"]);
        assert_eq!(span["traceId"].as_str().unwrap().len(), 32);
        assert_eq!(span["spanId"].as_str().unwrap().len(), 16);
        assert!(nanos(span, "startTimeUnixNano") <= nanos(span, "endTimeUnixNano"));
        assert!(nanos(span, "endTimeUnixNano") <= nanos(root, "endTimeUnixNano"), "{span}");
        if span != root {
            assert!(spans.iter().any(|parent| parent["spanId"] == span["parentSpanId"]));
        }
    }
    assert_eq!(home.succeed(&export).json(), trace, "the same decision is the same trace");
    home.succeed(&["export", "otlp", "--decision", &id, "-o", "trace.json"]);
    let file = std::fs::read_to_string(home.path("trace.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&file).unwrap(), trace);
    home.run(&["export", "otlp", "--decision", "zzzz-0-0001"]).expect_code(1);
}

/// Lost if broken: a collector that is told nothing, or a mistake that nobody sees.
#[test]
fn a_trace_is_pushed_to_a_collector_and_a_refusal_is_an_error() {
    let (home, id) = recorded();
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/traces", collector.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        ["200 OK", "503 Service Unavailable"].map(|status| {
            let (mut stream, _) = collector.accept().unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4_096];
            while !request.ends_with(b"]}]}") {
                let length = stream.read(&mut buffer).unwrap();
                assert!(length > 0, "{}", String::from_utf8_lossy(&request));
                request.extend_from_slice(&buffer[..length]);
            }
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        })
    });
    let push = ["export", "otlp", "--decision", &id, "--push", &url];
    home.succeed(&push);
    home.run(&push).expect_code(4).expect_stderr(&["503"]);
    let [request, _] = answering.join().unwrap();
    assert!(request.starts_with("POST /v1/traces HTTP/1.1"), "{request}");
    assert!(request.to_lowercase().contains("content-type: application/json"), "{request}");
    home.run(&push).expect_code(4);
}
