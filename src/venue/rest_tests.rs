//! REST against a small HTTP server with fixed answers.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that gives each connection the next of these answers; what was asked is sent back.
async fn server(answers: Vec<String>) -> (String, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (asked, questions) = tokio::sync::mpsc::channel(answers.len().max(1));
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let length = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            asked.send(request.lines().next().unwrap_or_default().to_owned()).await.unwrap();
            // A client that has read enough may hang up.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (base, questions)
}

fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn call() -> Call {
    Call {
        path: "/api/v3/exchangeInfo",
        parameters: vec![("symbols", r#"["BTCUSDT","ETHUSDT"]"#.into())],
        weight: 20,
    }
}

#[tokio::test]
async fn a_question_is_encoded_and_its_answer_is_given_as_it_came() {
    let refusal = r#"{"code":-1121,"msg":"Invalid symbol."}"#;
    let answers = vec![response("200 OK", "", "{}"), response("400 Bad Request", "", refusal)];
    let (base, mut questions) = server(answers).await;
    let rest = Rest::new(&base, &[]).unwrap();
    assert_eq!(rest.ask(&call()).await, Answer { status: 200, body: b"{}".to_vec() });
    assert_eq!(rest.ask(&call()).await, Answer { status: 400, body: refusal.into() });
    assert_eq!(
        questions.recv().await.unwrap(),
        "GET /api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D HTTP/1.1"
    );
}

/// Asking on during a ban makes it longer, up to three days.
#[tokio::test]
async fn after_429_nothing_is_sent_until_the_venue_allows_it() {
    let answers = vec![response("429 Too Many Requests", "retry-after: 60\r\n", "{}")];
    let (base, mut questions) = server(answers).await;
    let rest = Rest::new(&base, &[]).unwrap();
    assert_eq!(rest.ask(&call()).await.status, 429);
    assert_eq!(rest.ask(&call()).await.status, 0);
    assert!(questions.recv().await.is_some() && questions.recv().await.is_none());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let answers = vec![response("302 Found", "location: http://127.0.0.1:1/\r\n", "")];
    let (base, _questions) = server(answers).await;
    assert_eq!(Rest::new(&base, &[]).unwrap().ask(&call()).await.status, 302);
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let answers = vec![response("200 OK", "", &"x".repeat(BODY_BYTES_MAX + 1_000_000))];
    let (base, _questions) = server(answers).await;
    let answer = Rest::new(&base, &[]).unwrap().ask(&call()).await;
    assert_eq!(answer.status, 200);
    assert!((BODY_BYTES_MAX..BODY_BYTES_MAX + 1_000_000).contains(&answer.body.len()));
}

#[tokio::test]
async fn no_answer_is_an_answer_that_says_why() {
    let (base, questions) = server(vec![]).await;
    drop(questions);
    tokio::task::yield_now().await;
    let answer = Rest::new(&base, &[]).unwrap().ask(&call()).await;
    assert_eq!(answer.status, 0);
    let reason = String::from_utf8(answer.body).unwrap();
    assert!(reason.contains("efused") || reason.contains("reset"), "{reason}");
}

#[test]
fn plain_http_goes_to_loopback_only() {
    assert!(matches!(Rest::new("http://a.example", &[]), Err(RestError::Endpoint(_))));
}
