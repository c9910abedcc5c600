//! One socket: reads frames as they come and writes what is queued, without one waiting for the other.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::{FutureExt as _, Sink, Stream, StreamExt as _};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    endpoint::ConnectionId,
    frame::{Frame, FrameError},
};

/// A socket and what is yet to be written to it.
#[derive(Debug)]
pub(crate) struct Socket {
    id: ConnectionId,
    socket: WebSocket,
    queue: VecDeque<String>,
    /// Since when the peer has taken nothing of what is queued.
    stalled_since: Option<Instant>,
    /// Until when a socket that cannot be written to is read.
    reading_until: Option<Instant>,
}

/// What a socket has to say.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    /// The peer sent a frame, or what should have been one.
    Frame(Result<Frame, FrameError>),
    /// The socket is gone.
    Gone,
}

impl Socket {
    pub(crate) fn new(id: ConnectionId, socket: WebSocket) -> Self {
        Self { id, socket, queue: VecDeque::new(), stalled_since: None, reading_until: None }
    }

    /// Queues a frame.
    pub(crate) fn send(&mut self, text: String) {
        self.queue.push_back(text);
    }

    /// Waits for the peer, writing meanwhile. Cancel-safe.
    pub(crate) async fn next(&mut self) -> SocketEvent {
        loop {
            let deadline = self.deadline();
            let event = poll_fn(|context| match self.poll(context) {
                Poll::Ready(event) => Poll::Ready(Some(event)),
                // The wait goes on with the deadline that came up.
                Poll::Pending if self.deadline() != deadline => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            let event = match deadline {
                Some(deadline) => {
                    timeout_at(deadline, event).await.unwrap_or(Some(SocketEvent::Gone))
                }
                None => event.await,
            };
            if let Some(event) = event {
                return event;
            }
        }
    }

    /// Returns what the peer has sent already, without waiting.
    pub(crate) fn next_now(&mut self) -> Option<Result<Frame, FrameError>> {
        loop {
            match self.socket.next().now_or_never()?? {
                Ok(message) => {
                    if let Some(frame) = frame(message) {
                        return Some(frame);
                    }
                }
                Err(_) => return None,
            }
        }
    }

    /// Writes what is queued and closes the socket, within a deadline. What the peer has still to say
    /// goes to `heard`, which waits for whoever takes it.
    ///
    /// It is read in any case: a socket that is dropped with unread data is reset, which takes from
    /// the peer what it has yet to read.
    pub(crate) async fn close(mut self, heard: mpsc::Sender<Frame>) {
        let closing = async {
            poll_fn(|context| self.poll_write(context)).await?;
            self.socket.send(Message::Close(None)).await?;
            while let Some(Ok(message)) = self.socket.next().await {
                if let Some(Ok(frame)) = frame(message) {
                    // Nobody listens to the end when the endpoint is over.
                    let _ = heard.send(frame).await;
                }
            }
            Ok::<(), axum::Error>(())
        };
        let _ = timeout(CLOSE_DEADLINE, closing).await;
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    fn deadline(&self) -> Option<Instant> {
        let stalled = self.stalled_since.map(|since| since + WRITE_DEADLINE);
        [stalled, self.reading_until].into_iter().flatten().min()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<SocketEvent> {
        if self.reading_until.is_none() {
            match self.poll_write(context) {
                Poll::Ready(Ok(())) => self.stalled_since = None,
                // The peer may have answered pushes before the socket broke: those are read first.
                Poll::Ready(Err(_)) => {
                    self.stalled_since = None;
                    self.reading_until = Some(Instant::now() + READ_DEADLINE);
                }
                Poll::Pending => {
                    self.stalled_since.get_or_insert_with(Instant::now);
                }
            }
        }
        if self.queue.len() > QUEUE_LIMIT {
            // A peer that asks without reading answers is asked to wait.
            return Poll::Pending;
        }
        loop {
            return Poll::Ready(match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                Some(Ok(message)) => match frame(message) {
                    Some(frame) => SocketEvent::Frame(frame),
                    None => continue,
                },
                Some(Err(error)) => {
                    tracing::debug!(connection = self.id.0, %error, "the socket broke");
                    SocketEvent::Gone
                }
                None => SocketEvent::Gone,
            });
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        while !self.queue.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_ready(context))?;
            let Some(text) = self.queue.pop_front() else { break };
            Pin::new(&mut self.socket).start_send(Message::Text(Utf8Bytes::from(text)))?;
            // Each message that is taken is progress.
            self.stalled_since = None;
        }
        Pin::new(&mut self.socket).poll_flush(context)
    }
}

/// Reads what a message holds; `None` for what the WebSocket says itself.
fn frame(message: Message) -> Option<Result<Frame, FrameError>> {
    match message {
        Message::Text(text) => Some(text.as_str().parse()),
        Message::Binary(_) => Some(Err(FrameError::Type)),
        Message::Close(_) | Message::Ping(_) | Message::Pong(_) => None,
    }
}

/// How long the peer may take nothing. Longer lets a client that stopped reading keep its buffers;
/// shorter cuts clients on bad networks, whose retransmission pauses reach seconds.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// How long a socket that cannot be written to is read for answers that were on their way.
const READ_DEADLINE: Duration = Duration::from_secs(1);

/// How long a closing socket may take to deliver what is queued and the close frame.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// How many frames may be queued before the peer is read no further: more than the window of pushes
/// and the answers to a few events.
const QUEUE_LIMIT: usize = 64;
