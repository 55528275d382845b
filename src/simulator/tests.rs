//! The exchange as its clients meet it: over real loopback sockets.

use std::future::Future;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::*;
use crate::domain::UnixNanos;

const SECOND: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A running exchange.
struct Running {
    address: std::net::SocketAddr,
    monitor: Monitor,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(config: Config) -> Self {
        let server = bind(config).await.unwrap();
        let (address, monitor) = (server.address(), server.monitor());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async { stopped.await.unwrap_or_default() }));
        Self { address, monitor, stop, task }
    }

    async fn connect(&self, path: &str) -> Socket {
        connect_async(format!("ws://{}{path}", self.address)).await.unwrap().0
    }

    /// Status and body of a GET.
    async fn get(&self, path: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        timeout(Duration::from_secs(3), self.task).await.expect("stops in time").unwrap();
    }
}

fn quick(symbols: &[&str]) -> Config {
    let instruments = symbols.iter().map(|symbol| synthetic::Instrument::of(symbol)).collect();
    let source = Source::Synthetic(synthetic::Config {
        instruments,
        history_seconds: 3,
        ..synthetic::Config::default()
    });
    Config { source, speed: Speed::Times(4.0), ..Config::default() }
}

/// Runs a test with a limit, on two threads as the program does.
fn run(test: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { timeout(Duration::from_secs(20), test).await.expect("in time") });
}

/// The next text message.
async fn text(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(frame) => panic!("closed: {frame:?}"),
            _ => {}
        }
    }
}

/// The code with which the exchange closes; what comes before is skipped.
async fn close_code(socket: &mut Socket) -> Option<CloseCode> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
            Some(Ok(_)) => {}
            _ => return None,
        }
    }
}

#[test]
fn http_answers_have_the_venues_shapes() {
    run(async {
        let exchange = Running::start(quick(&["BTCUSDT", "ETHUSDT"])).await;
        assert_eq!(exchange.get("/api/v3/ping").await, (200, serde_json::json!({})));
        let (_, time) = exchange.get("/api/v3/time").await;
        assert!(time["serverTime"].as_u64().unwrap() > 1_700_000_000_000);
        let (_, info) = exchange.get("/api/v3/exchangeInfo").await;
        assert_eq!(info["symbols"].as_array().unwrap().len(), 2);
        let (_, info) = exchange.get("/api/v3/exchangeInfo?symbols=%5B%22ETHUSDT%22%5D").await;
        assert_eq!(info["symbols"][0]["symbol"], "ETHUSDT");
        let (_, depth) = exchange.get("/api/v3/depth?symbol=BTCUSDT&limit=1000").await;
        assert!(depth["lastUpdateId"].is_u64());
        assert!(depth["bids"].as_array().unwrap().len() > 900);
        let (_, depth) = exchange.get("/api/v3/depth?symbol=BTCUSDT&limit=5").await;
        assert_eq!(depth["asks"].as_array().unwrap().len(), 5);
        let (_, trades) = exchange.get("/api/v3/trades?symbol=BTCUSDT&limit=2").await;
        assert!(trades[0]["isBuyerMaker"].is_boolean());
        let id = trades[0]["id"].as_u64().unwrap();
        let path = format!("/api/v3/historicalTrades?symbol=BTCUSDT&fromId={id}&limit=1");
        assert_eq!(exchange.get(&path).await.1[0]["id"], id);
        let (_, klines) = exchange.get("/api/v3/klines?symbol=BTCUSDT&interval=1s").await;
        assert!(klines.as_array().unwrap().len() >= 3);
        assert_eq!(klines[0].as_array().unwrap().len(), 12);
        exchange.stop().await;
    });
}

#[test]
fn http_errors_have_the_venues_codes() {
    run(async {
        let exchange = Running::start(quick(&["BTCUSDT"])).await;
        for (path, status, code) in [
            ("/api/v3/depth?symbol=NONE", 400, -1121),
            ("/api/v3/depth", 400, -1102),
            ("/api/v3/depth?symbol=btcusdt", 400, -1100),
            ("/api/v3/depth?symbol=BTCUSDT&limit=x", 400, -1100),
            ("/api/v3/depth?symbol=BTCUSDT&limit=0", 400, -1130),
            ("/api/v3/klines?symbol=BTCUSDT", 400, -1102),
            ("/api/v3/klines?symbol=BTCUSDT&interval=7s", 400, -1120),
            ("/api/v3/trades?symbol=NONE", 400, -1121),
            ("/api/v3/exchangeInfo?symbol=NONE", 400, -1121),
            ("/api/v3/nothing", 404, -1000),
        ] {
            let (got, body) = exchange.get(path).await;
            assert_eq!((got, body["code"].as_i64()), (status, Some(code)), "{path}: {body}");
        }
        assert_eq!(exchange.get("/ws").await.0, 426);
        exchange.stop().await;
    });
}

#[test]
fn streams_come_combined_or_raw_and_stop_when_unsubscribed() {
    run(async {
        let exchange = Running::start(quick(&["BTCUSDT", "ETHUSDT"])).await;
        let mut combined = exchange.connect("/stream?streams=btcusdt@bookTicker").await;
        let message = text(&mut combined).await;
        assert_eq!(message["stream"], "btcusdt@bookTicker");
        assert_eq!(message["data"]["s"], "BTCUSDT");
        let mut raw = exchange.connect("/ws/ethusdt@depth@100ms/nonsense@trade").await;
        assert_eq!(text(&mut raw).await["e"], "depthUpdate");

        let mut control = exchange.connect("/ws").await;
        let send = r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":7}"#;
        control.send(Message::text(send)).await.unwrap();
        assert_eq!(text(&mut control).await, serde_json::json!({"result": null, "id": 7}));
        assert_eq!(text(&mut control).await["e"], "trade");
        let send = r#"{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":8}"#;
        control.send(Message::text(send)).await.unwrap();
        while text(&mut control).await["id"] != 8 {}
        // What was in the queue before may still come; then nothing does.
        while let Ok(Some(_)) = timeout(Duration::from_millis(300), control.next()).await {}
        assert_eq!(exchange.monitor.sessions_opened(), 3);
        exchange.stop().await;
    });
}

#[test]
fn a_client_that_talks_too_much_is_closed() {
    run(async {
        let exchange = Running::start(quick(&["BTCUSDT"])).await;
        let mut socket = exchange.connect("/ws").await;
        for _ in 0..6 {
            socket.send(Message::text(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#)).await.unwrap();
        }
        assert_eq!(close_code(&mut socket).await, Some(CloseCode::Policy));
        exchange.stop().await;
    });
}

#[test]
fn pings_carry_the_time_and_a_client_that_does_not_answer_is_closed() {
    run(async {
        let config = Config {
            ping_interval: Duration::from_millis(250),
            pong_timeout: Duration::from_millis(500),
            ..quick(&["BTCUSDT"])
        };
        let exchange = Running::start(config).await;
        let mut socket = exchange.connect("/ws").await;
        let Some(Ok(Message::Ping(payload))) = socket.next().await else { panic!("no ping") };
        assert_eq!(payload.len(), 13);
        // Being polled, the library answers by itself: the connection outlives the timeout.
        let polled = timeout(Duration::from_millis(900), close_code(&mut socket)).await;
        assert!(polled.is_err(), "closed although every ping was answered");
        // Not being polled it does not answer.
        let started = Instant::now();
        sleep(Duration::from_millis(1_100)).await;
        assert_eq!(close_code(&mut socket).await, Some(CloseCode::Policy));
        assert!(started.elapsed() < Duration::from_secs(3));
        exchange.stop().await;
    });
}

#[test]
fn clients_are_told_that_the_exchange_stops() {
    run(async {
        let exchange = Running::start(quick(&["BTCUSDT"])).await;
        let mut socket = exchange.connect("/ws/btcusdt@trade").await;
        text(&mut socket).await;
        let (code, ()) = tokio::join!(close_code(&mut socket), exchange.stop());
        assert_eq!(code, Some(CloseCode::Away));
    });
}

#[test]
fn a_dropped_depth_message_is_a_gap_for_the_client_and_none_for_the_exchange() {
    run(async {
        let config =
            Config { faults: vec!["drop-depth=3".parse().unwrap()], ..quick(&["BTCUSDT"]) };
        let exchange = Running::start(config).await;
        let mut socket = exchange.connect("/ws/btcusdt@depth@100ms").await;
        let mut gaps = Vec::new();
        let mut previous = text(&mut socket).await["u"].as_u64().unwrap();
        for n in 1..8 {
            let depth = text(&mut socket).await;
            if depth["U"].as_u64().unwrap() != previous + 1 {
                gaps.push(n);
            }
            previous = depth["u"].as_u64().unwrap();
        }
        assert_eq!((gaps, exchange.monitor.faults_fired()), (vec![2], 1));
        exchange.stop().await;
    });
}

#[test]
fn a_silent_stream_is_silent_while_the_others_go_on() {
    run(async {
        let faults = vec!["silence=btcusdt@depth@100ms@400ms".parse().unwrap()];
        let exchange = Running::start(Config { faults, ..quick(&["BTCUSDT"]) }).await;
        let mut socket =
            exchange.connect("/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker").await;
        while exchange.monitor.faults_fired() == 0 {
            text(&mut socket).await;
        }
        while exchange.monitor.frames_sent() < 60 {
            text(&mut socket).await;
        }
        let streams = async { text(&mut socket).await["stream"].as_str().unwrap().to_owned() };
        assert_eq!(streams.await, "btcusdt@bookTicker");
        exchange.stop().await;
    });
}

#[test]
fn wss_serves_the_same_market() {
    run(async {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let tls = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key.unwrap())
            .unwrap();
        let config = Config { tls: Some(Arc::new(tls)), ..quick(&["BTCUSDT"]) };
        let exchange = Running::start(config).await;

        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = tokio_tungstenite::Connector::Rustls(Arc::new(client));
        let tcp = TcpStream::connect(exchange.address).await.unwrap();
        let url = "wss://localhost/ws/btcusdt@bookTicker";
        let (mut socket, _) =
            tokio_tungstenite::client_async_tls_with_config(url, tcp, None, Some(connector))
                .await
                .unwrap();
        assert_eq!(text(&mut socket).await["s"], "BTCUSDT");
        // A client that speaks no TLS harms nobody.
        let mut plain = TcpStream::connect(exchange.address).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert_eq!(text(&mut socket).await["s"], "BTCUSDT");
        exchange.stop().await;
    });
}

/// A tape made by hand: `count` trades, a second apart, each longer by `padding`.
struct Trades {
    n: u64,
    count: u64,
    padding: usize,
}

impl TapeFrames for Trades {
    fn next(&mut self) -> Option<TapeFrame> {
        (self.n < self.count).then(|| {
            self.n += 1;
            let n = self.n;
            let text = format!(
                r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{n},"s":"BTCUSDT","t":{n},"p":"5.0","q":"1.0","T":{n},"m":true,"M":"{:p$}"}}}}"#,
                "",
                p = self.padding,
            );
            let received = UnixNanos(n * UnixNanos::SECOND);
            TapeFrame { received, bytes: text.into_bytes(), kind: TapeFrameKind::Stream }
        })
    }
}

#[test]
fn a_tape_begins_with_its_first_subscriber_and_ends() {
    for speed in [Speed::Max, Speed::Times(1_000.0)] {
        run(async move {
            let source = Source::Tape(Box::new(Trades { n: 0, count: 1_000, padding: 0 }));
            let config = Config { source, speed, queue_frames: 1_500, ..Config::default() };
            let exchange = Running::start(config).await;
            assert_eq!(exchange.get("/api/v3/time").await.1["serverTime"], 1_000);
            let mut socket = exchange.connect("/stream?streams=btcusdt@trade").await;
            for n in 1..=1_000 {
                let message = text(&mut socket).await;
                assert_eq!(message["data"]["t"], n);
            }
            exchange.monitor.finished().await;
            let (_, klines) = exchange.get("/api/v3/klines?symbol=BTCUSDT&interval=1s").await;
            assert_eq!(klines[0][4], "5.00000000");
            assert!(exchange.monitor.is_finished());
            exchange.stop().await;
        });
    }
}

#[test]
fn a_taken_port_and_a_senseless_speed_are_errors_with_words() {
    run(async {
        let first = bind(quick(&["BTCUSDT"])).await.unwrap();
        let port = first.address().port();
        let taken = bind(Config { port, ..quick(&["BTCUSDT"]) }).await.err().unwrap();
        assert!(taken.to_string().starts_with(&format!("cannot listen on 127.0.0.1:{port}")));
        for text in ["0", "-1", "NaN", "inf", "fast"] {
            assert!(text.parse::<Speed>().is_err(), "{text} passed");
        }
        assert_eq!("20x".parse::<Speed>().unwrap(), Speed::Times(20.0));
        assert_eq!("max".parse::<Speed>().unwrap(), Speed::Max);
    });
}

#[test]
fn a_reader_that_stops_reading_is_cut_off_while_another_goes_on() {
    run(async {
        let source = Source::Tape(Box::new(Trades { n: 0, count: 2_000, padding: 20_000 }));
        let speed = Speed::Times(1_000.0);
        let config = Config { source, speed, queue_frames: 256, ..Config::default() };
        let exchange = Running::start(config).await;
        let mut reader = exchange.connect("/ws/btcusdt@trade").await;
        let stuck = exchange.connect("/ws/btcusdt@trade").await;
        let mut received = 0;
        while !exchange.monitor.is_finished() {
            if let Ok(Some(Ok(Message::Text(_)))) = timeout(SECOND, reader.next()).await {
                received += 1;
            }
        }
        assert_eq!(exchange.monitor.sessions_cut_off(), 1, "{received} received");
        drop(stuck);
        exchange.stop().await;
    });
}
