//! One WebSocket connection: its messages out, its control messages in, its pings.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use super::control::{self, Answer};
use super::hub::Membership;

/// Messages that a client may send per second; PING and PONG count too.
const INBOUND_PER_SECOND: usize = 5;
/// Messages written between two looks at what the client sends.
const BATCH: usize = 64;
/// The longest control message.
const INBOUND_BYTES_MAX: usize = 64 * 1_024;

/// How long a client may take to answer a close.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// How a connection's life is checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Liveness {
    /// Time between pings.
    pub ping_interval: Duration,
    /// How long a ping may stay unanswered.
    pub pong_timeout: Duration,
}

/// How a session ends when it is not the client who leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    TooManyRequests,
    TooManyStreams,
    NoPong,
    ServerStops,
}

impl End {
    fn frame(self) -> CloseFrame {
        let (code, reason) = match self {
            Self::TooManyRequests => (CloseCode::Policy, "Too many requests"),
            Self::TooManyStreams => (CloseCode::Policy, "Too many streams"),
            Self::NoPong => (CloseCode::Policy, "Pong timeout"),
            Self::ServerStops => (CloseCode::Away, "Server stops"),
        };
        CloseFrame { code, reason: Utf8Bytes::from_static(reason) }
    }
}

/// A connection after its upgrade.
pub(super) struct Session<S> {
    socket: WebSocketStream<S>,
    member: Membership,
    liveness: Liveness,
    /// Pings without their pong, oldest first.
    unanswered: VecDeque<(Instant, Bytes)>,
    /// When the last messages of the client came.
    inbound: VecDeque<Instant>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Takes an upgraded connection over.
    pub async fn new(stream: S, member: Membership, liveness: Liveness) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(4 * 1_024)
            .write_buffer_size(32 * 1_024)
            .max_message_size(Some(INBOUND_BYTES_MAX))
            .max_frame_size(Some(INBOUND_BYTES_MAX));
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
        let (unanswered, inbound) = (VecDeque::new(), VecDeque::new());
        Self { socket, member, liveness, unanswered, inbound }
    }

    /// Serves until the client leaves, breaks a rule or falls behind, or the server stops.
    /// `now_ms` is the venue's time, which pings carry.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>, now_ms: impl Fn() -> u64) {
        let cut_off = Arc::clone(&self.member.cut_off);
        let end = tokio::select! {
            biased;
            // A session that fell behind is stuck in a write: nothing can be said to it any more.
            () = cut_off.notified() => return,
            _ = stop.wait_for(|stop| *stop) => Ok(End::ServerStops),
            end = self.serve(now_ms) => end,
        };
        if let Ok(end) = end {
            timeout(GOODBYE_MAX, self.say_goodbye(end)).await.ok();
        }
    }

    /// Closes with a reason and reads on until the client has answered: a socket closed before that
    /// may lose the reason.
    async fn say_goodbye(&mut self, end: End) {
        // The client may be gone already: then there is nobody to tell.
        self.socket.close(Some(end.frame())).await.ok();
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    /// An error says that the connection is gone.
    async fn serve(&mut self, now_ms: impl Fn() -> u64) -> Result<End, Error> {
        let interval = self.liveness.ping_interval;
        let mut pings = interval_at(Instant::now() + interval, interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            // What the client says comes first: it is little, and pongs keep the connection.
            let end = tokio::select! {
                biased;
                message = self.socket.next() => match message {
                    Some(message) => self.receive(message?).await?,
                    None => return Err(Error::ConnectionClosed),
                },
                _ = pings.tick() => self.ping(now_ms()).await?,
                count = self.member.queue.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return Err(Error::ConnectionClosed);
                    }
                    self.send(&mut batch).await?
                }
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    async fn send(&mut self, batch: &mut Vec<Utf8Bytes>) -> Result<Option<End>, Error> {
        let socket = &mut self.socket;
        let write = async {
            for text in batch.drain(..) {
                socket.feed(Message::Text(text)).await?;
            }
            socket.flush().await
        };
        // A write that stalls is a client that has stopped reading: it answers no ping either.
        match timeout(self.liveness.pong_timeout, write).await {
            Ok(written) => written.map(|()| None),
            Err(_) => Ok(Some(End::NoPong)),
        }
    }

    /// Pings with the venue's time in milliseconds, thirteen digits, and looks for lost pongs.
    async fn ping(&mut self, now_ms: u64) -> Result<Option<End>, Error> {
        let now = Instant::now();
        let oldest = self.unanswered.front().map(|(sent, _)| now.duration_since(*sent));
        if oldest.is_some_and(|age| age >= self.liveness.pong_timeout) {
            return Ok(Some(End::NoPong));
        }
        let payload = Bytes::from(now_ms.to_string());
        self.unanswered.push_back((now, payload.clone()));
        self.socket.send(Message::Ping(payload)).await?;
        Ok(None)
    }

    async fn receive(&mut self, message: Message) -> Result<Option<End>, Error> {
        if self.is_too_fast() {
            return Ok(Some(End::TooManyRequests));
        }
        match message {
            Message::Text(text) => match control::answer(&text, &self.member) {
                Answer::Reply(reply) => self.socket.send(Message::text(reply)).await?,
                Answer::TooManyStreams => return Ok(Some(End::TooManyStreams)),
            },
            // Only the pong of a ping of ours counts, and it answers the earlier ones too.
            Message::Pong(payload) => {
                let answered = self.unanswered.iter().position(|(_, sent)| *sent == payload);
                self.unanswered.drain(..answered.map_or(0, |at| at + 1));
            }
            // Pings are answered by the library; it also answers a close and then ends the stream.
            Message::Ping(_) | Message::Close(_) | Message::Binary(_) | Message::Frame(_) => {}
        }
        Ok(None)
    }

    /// True at the sixth message within a second.
    fn is_too_fast(&mut self) -> bool {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        while self.inbound.front().is_some_and(|at| now.duration_since(*at) >= second) {
            self.inbound.pop_front();
        }
        self.inbound.push_back(now);
        self.inbound.len() > INBOUND_PER_SECOND
    }
}
