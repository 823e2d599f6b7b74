//! Connections that can be cut. A lost region is not a status code: the connection is reset, or it
//! stays open and no byte comes back. HTTP frameworks offer neither, so the listener is our own and
//! hands out streams that a request can cut.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

#[derive(Debug, Default)]
struct State {
    cut: AtomicBool,
    // Reading and writing may be polled by different tasks.
    reader: Mutex<Option<Waker>>,
    writer: Mutex<Option<Waker>>,
}

/// The handle of one connection, given to every request that arrives on it.
#[derive(Clone, Debug, Default)]
pub struct Line(Arc<State>);

impl Line {
    /// Resets the connection: both directions fail from now on, and the peer sees a reset instead
    /// of an orderly end.
    pub fn cut(&self) {
        self.0.cut.store(true, Ordering::SeqCst);
        for side in [&self.0.reader, &self.0.writer] {
            if let Some(waker) = side.lock().unwrap_or_else(PoisonError::into_inner).take() {
                waker.wake();
            }
        }
    }

    fn is_cut(&self, side: &Mutex<Option<Waker>>, context: &Context<'_>) -> bool {
        *side.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        // Looked at after the waker was left behind, else a cut in between would wake nobody.
        self.0.cut.load(Ordering::SeqCst)
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.io().line.clone()
    }
}

/// A TCP stream with a [`Line`].
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    line: Line,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.line.0.cut.load(Ordering::SeqCst) {
            // Closing with zero linger sends RST. If it fails the peer sees an orderly end, which
            // it has to treat as a lost answer too.
            if let Err(error) = self.stream.set_zero_linger() {
                tracing::debug!(%error, "closing a cut connection in order");
            }
        }
    }
}

fn reset<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.line.is_cut(&self.line.0.reader, context) {
            return reset();
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.line.is_cut(&self.line.0.writer, context) {
            return reset();
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.line.is_cut(&self.line.0.writer, context) {
            return reset();
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// All connections that are open, to be cut when the world ends.
#[derive(Clone, Debug, Default)]
pub struct Switchboard(Arc<Mutex<Vec<Weak<State>>>>);

impl Switchboard {
    fn plug_in(&self, line: &Line) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|line| line.strong_count() > 0);
        lines.push(Arc::downgrade(&line.0));
    }

    /// Cuts every open connection, those that wait for an answer for ever too.
    pub fn cut_all(&self) {
        for line in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if let Some(state) = line.upgrade() {
                Line(state).cut();
            }
        }
    }
}

/// Listens, and hands out connections that can be cut.
#[derive(Debug)]
pub struct Lines {
    listener: TcpListener,
    open: Switchboard,
}

impl Lines {
    /// Wraps a bound listener.
    pub fn new(listener: TcpListener, open: Switchboard) -> Self {
        Self { listener, open }
    }
}

impl Listener for Lines {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    // Without it small answers wait for the peer's delayed acknowledgement, and
                    // our overhead could not be told from theirs.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "cannot turn off Nagle's algorithm");
                    }
                    let line = Line::default();
                    self.open.plug_in(&line);
                    return (Wire { stream, line }, peer);
                }
                Err(error) => {
                    // Out of descriptors, most likely: give connections time to end.
                    tracing::warn!(%error, "cannot accept a connection; trying again in 100 ms");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
