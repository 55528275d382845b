//! The socket against small servers that answer, fall silent, close and break the protocol.

use std::net::TcpListener as BlockingListener;
use std::thread;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::*;

type Peer = WebSocketStream<TcpStream>;

fn config(port: u16) -> LineConfig {
    let mut config =
        LineConfig::new(format!("ws://127.0.0.1:{port}/stream"), vec!["subscribe".into()]);
    config.inactivity = Duration::from_millis(200);
    config
}

/// Connects to a server that does `serve` once it has read the subscription.
async fn connected<F>(serve: impl FnOnce(Peer) -> F + Send + 'static) -> Connection
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut peer = accept_async(stream).await.unwrap();
        assert_eq!(peer.next().await.unwrap().unwrap(), Message::text("subscribe"));
        serve(peer).await;
    });
    Connection::connect(&config(port), 1).await.unwrap()
}

fn frame(text: &'static str) -> Received {
    Received::Frame(Bytes::from_static(text.as_bytes()))
}

#[tokio::test]
async fn pings_are_answered_with_their_payload_while_frames_are_awaited() {
    let mut connection = connected(|mut peer| async move {
        peer.send(Message::Ping(Bytes::from_static(b"1723161253937"))).await.unwrap();
        let pong = peer.next().await.unwrap().unwrap();
        assert_eq!(pong, Message::Pong(Bytes::from_static(b"1723161253937")));
        peer.send(Message::text("answered")).await.unwrap();
        peer.send(Message::binary(&b"bytes"[..])).await.unwrap();
        sleep(Duration::from_secs(5)).await;
    })
    .await;
    assert_eq!(connection.next().await, frame("answered"));
    assert_eq!(connection.next().await, frame("bytes"));
}

/// A quiet market is no dead connection: its server answers pings.
#[tokio::test]
async fn silence_is_borne_while_pings_are_answered() {
    let mut connection = connected(|mut peer| async move {
        let _ = timeout(Duration::from_millis(600), peer.next()).await;
        let _ = timeout(Duration::from_millis(600), peer.next()).await;
        peer.send(Message::text("late")).await.unwrap();
        let _ = peer.next().await;
    })
    .await;
    assert_eq!(connection.next().await, frame("late"));
}

/// A half-open connection stays open for ever unless somebody counts.
#[tokio::test]
async fn a_peer_that_answers_nothing_is_given_up() {
    let mut connection = connected(|peer| async move {
        sleep(Duration::from_secs(5)).await;
        drop(peer);
    })
    .await;
    let began = Instant::now();
    assert_eq!(connection.next().await, Received::Down(DownReason::Inactive));
    assert!((150..1_500).contains(&began.elapsed().as_millis()));
}

#[tokio::test]
async fn dropping_the_wait_loses_nothing() {
    let mut connection = connected(|mut peer| async move {
        for _ in 0..3 {
            sleep(Duration::from_millis(30)).await;
            peer.send(Message::text("frame")).await.unwrap();
        }
        let _ = peer.next().await;
    })
    .await;
    let mut frames = 0;
    while frames < 3 {
        if let Ok(received) = timeout(Duration::from_millis(7), connection.next()).await {
            assert_eq!(received, frame("frame"));
            frames += 1;
        }
    }
    connection.close().await;
}

#[tokio::test]
async fn every_way_to_end_is_a_reason() {
    let mut closed = connected(|mut peer| async move {
        let (code, reason) = (CloseCode::Policy, "slow".into());
        peer.close(Some(CloseFrame { code, reason })).await.unwrap();
    })
    .await;
    assert_eq!(closed.next().await, Received::Down(DownReason::Closed));

    let mut cut = connected(|peer| async move { drop(peer) }).await;
    assert_eq!(cut.next().await, Received::Down(DownReason::Closed));

    let mut garbled = connected(|mut peer| async move {
        peer.get_mut().write_all(&[0xff; 64]).await.unwrap();
        sleep(Duration::from_secs(5)).await;
    })
    .await;
    assert_eq!(garbled.next().await, Received::Down(DownReason::Protocol));
}

#[tokio::test]
async fn a_connection_is_renewed_before_the_venue_cuts_it() {
    let mut connection = connected(|mut peer| async move {
        loop {
            peer.send(Message::text("frame")).await.unwrap();
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    connection.expires = Instant::now();
    let down = async {
        loop {
            if let Received::Down(reason) = connection.next().await {
                return reason;
            }
        }
    };
    assert_eq!(timeout(Duration::from_secs(2), down).await, Ok(DownReason::Expiring));
}

#[tokio::test]
async fn what_cannot_be_reached_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut config = config(port);
    config.connect_timeout = Duration::from_millis(50);
    let error = Connection::connect(&config, 1).await.err().unwrap();
    assert!(matches!(error, ConnectError::Timeout { .. }), "{error}");

    drop(listener);
    config.connect_timeout = Duration::from_secs(5);
    let error = Connection::connect(&config, 1).await.err().unwrap();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}");

    config.url = "ws://a.example/stream".into();
    let error = Connection::connect(&config, 1).await.err().unwrap();
    assert!(error.to_string().contains("loopback"), "{error}");
}

/// A server with a certificate of its own making, on a thread of its own.
fn tls_server() -> (u16, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let (config, listener) = (Arc::new(config), BlockingListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let Ok(mut peer) = tungstenite::accept(StreamOwned::new(session, stream.unwrap()))
            else {
                continue; // the client that does not trust us
            };
            peer.send(Message::text("secret")).unwrap();
            let _ = peer.read();
        }
    });
    (port, certificate)
}

/// Whoever can pose as the venue writes our prices.
#[tokio::test]
async fn wss_is_spoken_with_a_trusted_certificate_only() {
    let (port, certificate) = tls_server();
    let mut config = config(port);
    config.url = format!("wss://localhost:{port}/stream");
    let error = Connection::connect(&config, 1).await.err().unwrap();
    assert!(error.to_string().contains("certificate"), "{error}");

    config.roots = vec![certificate];
    let mut connection = Connection::connect(&config, 2).await.unwrap();
    assert_eq!(connection.next().await, frame("secret"));
}
