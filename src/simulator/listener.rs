//! Accepts connections on loopback, plain or TLS, for the HTTP server.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// TLS handshakes under way at once; more wait in the operating system's queue.
const HANDSHAKES_MAX: usize = 16;
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// A loopback port.
pub(super) struct Loopback {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    handshakes: JoinSet<Option<(Stream, SocketAddr)>>,
}

/// A connection, plain or TLS.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Loopback {
    /// Takes a port on 127.0.0.1; port 0 takes any free one.
    pub async fn bind(port: u16, tls: Option<Arc<rustls::ServerConfig>>) -> io::Result<Self> {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(Self { tcp, tls: tls.map(TlsAcceptor::from), handshakes: JoinSet::new() })
    }

    async fn accept_tcp(tcp: &TcpListener) -> (TcpStream, SocketAddr) {
        loop {
            match tcp.accept().await {
                Ok((stream, address)) => {
                    // Without it small messages wait for the peer's acknowledgement; if it cannot
                    // be set, they do.
                    stream.set_nodelay(true).unwrap_or_default();
                    return (stream, address);
                }
                // No file descriptors, or a peer gone before it was accepted: it may pass.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

async fn handshake(
    acceptor: TlsAcceptor,
    tcp: TcpStream,
    address: SocketAddr,
) -> Option<(Stream, SocketAddr)> {
    let stream = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(tcp)).await.ok()?.ok()?;
    Some((Stream::Tls(Box::new(stream)), address))
}

impl Listener for Loopback {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            tokio::select! {
                // A failed handshake is the client's loss: it sees its connection close.
                Some(Ok(Some(connection))) = self.handshakes.join_next() => return connection,
                (tcp, address) = Self::accept_tcp(&self.tcp),
                    if self.handshakes.len() < HANDSHAKES_MAX => match &self.tls {
                    Some(acceptor) => {
                        self.handshakes.spawn(handshake(acceptor.clone(), tcp, address));
                    }
                    None => return (Stream::Plain(tcp), address),
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
