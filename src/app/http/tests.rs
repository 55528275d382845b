//! What a client gets, over a real socket.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::*;
use crate::app::decision::store::Found;
use crate::domain::{RunId, UnixNanos};
use crate::engine::view::Mode;
use crate::engine::{Config, RunInfo};
use crate::tui::fixture;

fn served() -> Served {
    let run = RunInfo {
        id: RunId("20261122-204000-k7f3".to_owned()),
        mode: Mode::Demo,
        market: "synthetic market".to_owned(),
        started: UnixNanos::default(),
    };
    let view = fixture::view();
    let decision = view.decisions.last().map(|decision| Document::from(&**decision));
    Served {
        store: Arc::new(Store::new(run, Config::default(), 1 << 20)),
        view: Arc::new(ArcSwap::from_pointee(view)),
        recall: Arc::new(move |id| decision.clone().filter(|decision| decision.id == id)),
        public_url: "https://desk.example/t".to_owned(),
    }
}

/// Serves until the runtime is dropped.
fn serve() -> (tokio::runtime::Runtime, SocketAddr) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let router = router(served());
    runtime.spawn(async move { axum::serve(listener, router).await });
    (runtime, address)
}

/// Head and body of an answer.
fn ask(address: SocketAddr, method: &str, path: &str, accept: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn refusal(address: SocketAddr, path: &str, status: &str) -> Value {
    let (head, body) = ask(address, "GET", path, "*/*");
    assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {head}");
    let said: Value = serde_json::from_str(&body).unwrap();
    assert!(said["error"].is_string() && said["nearest"].is_array(), "{said}");
    said
}

/// Lost if broken: a program that was generated from the description calls what is not there.
#[test]
fn the_description_has_every_route_and_no_other() {
    let described: Value = serde_json::from_str(openapi::TEXT).unwrap();
    let paths: BTreeSet<&str> =
        described["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(paths, ROUTES.iter().map(|(path, _)| *path).collect());
    let served = openapi::document("https://desk.example/t");
    assert_eq!(served["servers"][0]["url"], "https://desk.example/t");
    assert_eq!(served["info"]["version"], env!("CARGO_PKG_VERSION"));
    let (_runtime, address) = serve();
    for path in paths.iter().filter(|path| !path.contains('{')) {
        let (head, _) = ask(address, "GET", path, "*/*");
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    }
}

/// Lost if broken: the client's error is a riddle, or does harm where it is repeated.
#[test]
fn a_mistake_is_told_with_what_is_allowed() {
    let (_runtime, address) = serve();
    let said = refusal(address, "/decisions?stategy=busy", "400");
    let allowed = "strategy, instrument, outcome, blocked_by, limit, cursor";
    assert!(said["error"].as_str().unwrap().ends_with(allowed), "{said}");
    for path in [
        "/decisions?limit=0",
        "/decisions?limit=1001",
        "/decisions?limit=x",
        "/decisions?cursor=k7f3o5",
        "/decisions?cursor=abcdd5",
        "/decisions?cursor=k7f3d%2B5",
        "/decisions?outcome=won",
        "/decisions?strategy=nobody",
        "/decisions?limit=5&limit=6",
        "/orders?cursor=",
        "/fills?strategy=x",
        "/positions?limit=5",
        "/strategies?x",
    ] {
        refusal(address, path, "400");
    }
    let said = refusal(address, "/decisions/k7f3-0-9999", "404");
    assert!(said["error"].as_str().unwrap().contains("tickscope explain k7f3-0-9999"), "{said}");
    let said = refusal(address, "/decisions/%3Cscript%3E%1B%5D0;x", "404");
    assert!(!said["error"].as_str().unwrap().contains(['\u{1b}', '`']), "{said}");
    let said = refusal(address, "/decision", "404");
    assert_eq!(said["nearest"][0], "/decisions");
    let name = &fixture::view().strategies[0].name;
    let said = refusal(address, &format!("/strategies/{name}x"), "404");
    assert_eq!(said["nearest"][0], name.as_str());
    for method in ["POST", "PUT", "DELETE"] {
        let (head, _) = ask(address, method, "/decisions", "*/*");
        assert!(head.starts_with("HTTP/1.1 405"), "{head}");
    }
}

/// Lost if broken: the link from a dashboard opens nothing that a person can read.
#[test]
fn a_decision_that_only_the_recording_has_is_a_page_for_people() {
    let id = fixture::view().decisions.last().unwrap().evaluation.id.clone();
    let (_runtime, address) = serve();
    let path = format!("/decisions/{id}");
    let (_, body) = ask(address, "GET", &path, "application/json");
    let document: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(document["id"], id.as_str());
    let (head, body) = ask(address, "GET", &path, "text/html,*/*;q=0.8");
    assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
    for word in ["EVENT", "INPUTS", "RULES", "SIGNAL", "RISK", "ORDER", "FILL", "POSITION"] {
        assert!(body.contains(&format!("<h2>{word}</h2>")), "{word}");
    }
    assert!(body.contains(&format!("<pre>tickscope explain {id}</pre>")));
    assert!(body.contains("href=\"https://desk.example/t/orders\""));
    assert!(!body.contains("<script") && !body.contains("http://"), "it asks nobody for anything");
    let (head, body) = ask(address, "GET", "/decisions/k7f3-0-9999", "text/html");
    assert!(head.starts_with("HTTP/1.1 404") && body.contains("k7f3-0-9999"));
}

/// Lost if broken: a name in a configuration or a venue's text runs as a script in a browser.
#[test]
fn markup_in_a_text_is_text() {
    let view = fixture::view();
    let mut document = Document::from(&**view.decisions.last().unwrap());
    let hostile = "<script>alert('1')</script>\"&";
    document.refusal = Some(hostile.to_owned());
    document.strategy = hostile.to_owned();
    document.id = hostile.to_owned();
    document.values[0].name = hostile.to_owned();
    let previous = Some(hostile.to_owned());
    let page = page::decision(&Found { document, previous, next: None }, "");
    assert!(!page.contains("<script") && !page.contains("alert('1')"));
    assert!(page.matches("&lt;script&gt;alert(&#39;1&#39;)").count() >= 5);
}
