//! What is measured over which protocol: one surface over the clients.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result};
use tokio::task::JoinSet;

use crate::arrivals::Arrivals;
use crate::prosody::Prosody;
use crate::server::Server;
use crate::trunkline::{Member, Sender, Trunkline};
use crate::xmpp::Session;

/// How members are told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dialect {
    /// The stream of chat events, over HTTP/2.
    Grpc,
    /// The WebSocket of the browser SDK, every push acknowledged.
    Realtime,
    /// A multi-user chat of the other server.
    Xmpp,
}

impl Dialect {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Grpc => "trunkline, gRPC stream",
            Self::Realtime => "trunkline, WebSocket",
            Self::Xmpp => "prosody, XMPP",
        }
    }
}

/// A server and how to talk to it.
pub(crate) struct Client {
    dialect: Dialect,
    peer: Peer,
}

enum Peer {
    Prosody(Prosody),
    Trunkline(Trunkline),
}

impl Client {
    pub(crate) async fn start(dialect: Dialect, trunkline: &Path) -> Result<Self> {
        let peer = match dialect {
            Dialect::Grpc | Dialect::Realtime => Peer::Trunkline(Trunkline::start(trunkline)?),
            Dialect::Xmpp => Peer::Prosody(Prosody::start().await?),
        };
        Ok(Self { dialect, peer })
    }

    pub(crate) fn server(&self) -> &Server {
        match &self.peer {
            Peer::Prosody(prosody) => prosody.server(),
            Peer::Trunkline(trunkline) => trunkline.server(),
        }
    }

    /// Adds to a failure what the server has to say of it.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match &self.peer {
            Peer::Prosody(prosody) => prosody.explain(error),
            Peer::Trunkline(_) => error,
        }
    }

    /// Makes a thread of so many members, one of whom will speak, and all of whom are told.
    pub(crate) async fn open_room(&self, members: usize, arrivals: &Arrivals) -> Result<Room> {
        let mut listening = JoinSet::new();
        let speaker = match &self.peer {
            Peer::Trunkline(trunkline) => {
                let users = trunkline.users(members).await?;
                let sender = trunkline.create_thread(&users).await?;
                for user in &users {
                    let member = trunkline.connect(self.dialect, user).await?;
                    let (arrivals, failing) = (arrivals.clone(), arrivals.clone());
                    listening.spawn_local(async move {
                        let end = member.listen(&arrivals).await;
                        failing.fail(format!("a member's connection ended: {end:?}"));
                    });
                }
                Speaker::Trunkline(Box::new(sender))
            }
            Peer::Prosody(prosody) => {
                let mut speaker = None;
                for number in 0..members {
                    let mut session = prosody.connect().await?;
                    session.join(number).await?;
                    let (reading, writing) = session.split();
                    speaker.get_or_insert(writing);
                    let (arrivals, failing) = (arrivals.clone(), arrivals.clone());
                    listening.spawn_local(async move {
                        let end = reading.listen(&arrivals).await;
                        failing.fail(format!("a member's connection ended: {end:?}"));
                    });
                }
                let writer = prosody.connect().await?;
                Speaker::Xmpp(Box::new((speaker.context("nobody is in the room")?, writer)))
            }
        };
        Ok(Room { speaker, _listening: listening })
    }

    /// Opens connections that say nothing once they are there.
    pub(crate) async fn open_idle(&self, count: usize) -> Result<Vec<Idle>> {
        let mut idle = Vec::with_capacity(count);
        match &self.peer {
            Peer::Prosody(prosody) => {
                for _ in 0..count {
                    let mut session = prosody.connect().await?;
                    session.appear().await?;
                    idle.push(Idle::Xmpp { _session: Box::new(session) });
                }
            }
            Peer::Trunkline(trunkline) => {
                for user in &trunkline.users(count).await? {
                    let member = trunkline.connect(self.dialect, user).await?;
                    idle.push(Idle::Trunkline { _member: Box::new(member) });
                }
            }
        }
        Ok(idle)
    }
}

/// A connection that does nothing; it ends when this goes.
pub(crate) enum Idle {
    Trunkline { _member: Box<Member> },
    Xmpp { _session: Box<Session> },
}

/// A thread in which one speaks and all listen.
pub(crate) struct Room {
    speaker: Speaker,
    /// The members; they end when this goes.
    _listening: JoinSet<()>,
}

enum Speaker {
    Trunkline(Box<Sender>),
    /// Who speaks, and a session that can look into the archive.
    Xmpp(Box<(crate::xmpp::Writer, Session)>),
}

impl Room {
    /// Sends for a time, so many messages at once, each when an earlier one has reached everybody.
    /// Returns how many were sent; all have arrived.
    pub(crate) async fn speak(
        &mut self,
        arrivals: &Arrivals,
        time: Duration,
        in_flight: usize,
    ) -> Result<usize> {
        let (begun, mut sent) = (Instant::now(), 0);
        while begun.elapsed() < time {
            let room = arrivals.has_room(in_flight);
            tokio::time::timeout(PATIENCE, room).await.context("a message did not arrive")??;
            match &mut self.speaker {
                Speaker::Trunkline(sender) => sender.send(arrivals).await?,
                Speaker::Xmpp(both) => both.0.send(&arrivals.send()).await?,
            }
            sent += 1;
        }
        let all = arrivals.has_room(1);
        tokio::time::timeout(PATIENCE, all).await.context("a message did not arrive")??;
        Ok(sent)
    }

    /// Returns how many messages the archive of the thread holds.
    pub(crate) async fn archived(&mut self) -> Result<usize> {
        match &mut self.speaker {
            Speaker::Trunkline(sender) => sender.archived().await,
            Speaker::Xmpp(both) => both.1.archived().await,
        }
    }
}

/// A message takes milliseconds; one that takes this long is lost.
const PATIENCE: Duration = Duration::from_secs(20);
