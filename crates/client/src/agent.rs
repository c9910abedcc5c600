//! The client of one exchange and the agents it makes.

mod actor;
mod calls;
mod command;
mod link;
mod operations;

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use trunkline_call::{CallKind, Direction};
use trunkline_ids::{CommunicationIdentifier, DisplayName, EndpointId, IdentifierKind, ThreadId};
use trunkline_proto::{calling::v1 as calling, signaling::v1::command::Kind};
use trunkline_signaling::{close::CloseCode, codec::Encoding, session::SessionConfig};

pub(crate) use self::link::{AgentLink, Completion};
use self::{
    actor::{Actor, ActorConfig},
    link::{AgentShared, Request},
};
use crate::{
    call::{Call, CallModel, CallShared},
    connection::{ConnectError, Dial, TrustRoots, TrustRootsError, WebSocketDialer},
    credential::TokenCredential,
    error::{CreateAgentError, JoinCallError, StartCallError},
    event::Events,
    identity::{CallTarget, JoinLocator},
    incoming::IncomingCall,
    media::MediaOptions,
};

/// Knows one exchange and makes agents of its users. Cheap to clone.
#[derive(Clone)]
pub struct CallClient {
    dialer: Arc<dyn Dial>,
    session: SessionConfig,
    user_agent: String,
    exchange_is_local: bool,
}

/// Where the exchange is and how to reach it.
#[derive(Clone, Debug)]
pub struct CallClientOptions {
    /// Base address, `https://host:port`.
    pub endpoint: String,
    /// Who may vouch for the exchange's certificate.
    pub trust: TrustRoots,
    /// How frames are spelled on the WebSocket.
    pub encoding: Encoding,
    /// Free text that the exchange logs.
    pub user_agent: String,
}

/// An agent of an app user: is rung, starts and joins calls.
///
/// Handles are cheap to clone. Dropping the last one disposes of the agent: its calls are hung up
/// and its endpoint is no longer rung.
#[derive(Clone, Debug)]
pub struct CallAgent {
    shared: Arc<AgentShared>,
}

/// An agent of a directory ("Teams") user: is rung, starts and joins calls.
///
/// Handles are cheap to clone. Dropping the last one disposes of the agent: its calls are hung up
/// and its endpoint is no longer rung.
#[derive(Clone, Debug)]
pub struct TeamsCallAgent {
    shared: Arc<AgentShared>,
}

/// How an app user shows itself.
#[derive(Clone, Default)]
pub struct CallAgentOptions {
    /// The name to show to others; `Guest` when none is given.
    pub display_name: Option<DisplayName>,
}

/// What a new call is to be.
#[derive(Debug, Default)]
pub struct StartCallOptions {
    /// The chat thread to bind to a group call.
    pub thread_id: Option<ThreadId>,
    /// Leaves the chat's members to be changed by hand; by default they follow who is in the call.
    pub is_chat_roster_manual: bool,
    /// What the call sends and receives; none makes a call without media, for controllers.
    pub media: Option<MediaOptions>,
}

/// What happens to an agent. The oldest of the last 512 events is kept for late subscribers.
#[derive(Clone, Debug)]
pub enum AgentEvent {
    /// Calls began or ended.
    CallsUpdated {
        /// Began.
        added: Vec<Call>,
        /// Ended.
        removed: Vec<Call>,
    },
    /// The connection to the exchange changed.
    ConnectionStateChanged(ConnectionState),
    /// A call rings.
    IncomingCall(IncomingCall),
}

/// The connection to the exchange.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ConnectionState {
    /// The session is open.
    Connected,
    /// Over for good.
    Disconnected(SessionEnd),
    /// The transport is lost and another is being opened; calls go on.
    Reconnecting,
}

/// Why an agent's session is over for good.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SessionEnd {
    /// The exchange closed it.
    Closed {
        /// Its code.
        code: CloseCode,
        /// What it said.
        message: String,
    },
    /// The application disposed of the agent.
    Disposed,
    /// The exchange broke the protocol.
    Protocol(String),
}

/// Handles for tests of what networks do.
#[derive(Clone, Debug)]
pub struct Testing {
    link: AgentLink,
}

impl CallClient {
    /// Makes a client of an exchange. Nothing is opened yet.
    pub fn new(options: CallClientOptions) -> Result<Self, ConnectError> {
        let CallClientOptions { endpoint, trust, encoding, user_agent } = options;
        let tls = trust
            .client_config()
            .map_err(|error: TrustRootsError| ConnectError::Transport(Arc::new(error)))?;
        let dialer = WebSocketDialer::new(&endpoint, encoding, tls)?;
        let exchange_is_local = is_local(dialer.host());
        let mut client = Self::with_dialer(Arc::new(dialer), user_agent);
        client.exchange_is_local = exchange_is_local;
        Ok(client)
    }

    pub(crate) fn with_dialer(dialer: Arc<dyn Dial>, user_agent: String) -> Self {
        let session = SessionConfig::default();
        Self { dialer, session, user_agent, exchange_is_local: true }
    }

    /// Makes an agent of an app user, once the exchange has opened a session for it.
    pub async fn create_call_agent(
        &self,
        credential: TokenCredential,
        options: CallAgentOptions,
    ) -> Result<CallAgent, CreateAgentError> {
        let display_name = options.display_name.map(|name| name.to_string()).unwrap_or_default();
        let shared = self.open(credential, display_name).await?;
        match shared.identity().identifier.kind() {
            IdentifierKind::CommunicationUser
            | IdentifierKind::TeamsExtensionUser
            | IdentifierKind::Unknown => Ok(CallAgent { shared }),
            found @ (IdentifierKind::MicrosoftTeamsApp
            | IdentifierKind::MicrosoftTeamsUser
            | IdentifierKind::PhoneNumber) => Err(CreateAgentError::WrongKindOfUser { found }),
        }
    }

    /// Makes an agent of a directory user, once the exchange has opened a session for it.
    pub async fn create_teams_call_agent(
        &self,
        credential: TokenCredential,
    ) -> Result<TeamsCallAgent, CreateAgentError> {
        let shared = self.open(credential, String::new()).await?;
        match shared.identity().identifier.kind() {
            IdentifierKind::MicrosoftTeamsUser | IdentifierKind::Unknown => {
                Ok(TeamsCallAgent { shared })
            }
            found @ (IdentifierKind::CommunicationUser
            | IdentifierKind::MicrosoftTeamsApp
            | IdentifierKind::PhoneNumber
            | IdentifierKind::TeamsExtensionUser) => {
                Err(CreateAgentError::WrongKindOfUser { found })
            }
        }
    }

    async fn open(
        &self,
        credential: TokenCredential,
        display_name: String,
    ) -> Result<Arc<AgentShared>, CreateAgentError> {
        let config = ActorConfig {
            dialer: Arc::clone(&self.dialer),
            session: self.session.clone(),
            credential,
            display_name,
            user_agent: self.user_agent.clone(),
            exchange_is_local: self.exchange_is_local,
        };
        let (shared, ready) = Actor::spawn(config);
        let opened = tokio::time::timeout(OPEN_TIMEOUT, ready).await;
        match opened {
            Ok(Ok(outcome)) => outcome.map(|()| shared),
            // The task ended without a word: it was aborted with the runtime.
            Ok(Err(_)) | Err(_) => Err(CreateAgentError::TimedOut),
        }
    }
}

impl fmt::Debug for CallClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallClient")
            .field("user_agent", &self.user_agent)
            .field("exchange_is_local", &self.exchange_is_local)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CallAgentOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallAgentOptions").field("display_name", &self.display_name).finish()
    }
}

macro_rules! agent_methods {
    ($agent:ident) => {
        impl $agent {
            /// Calls one target, or several as a group, and returns the call at once.
            ///
            /// Setting up media and asking the exchange goes on behind it: a refusal shows as the
            /// call's end reason.
            pub fn start_call<T: Into<CallTarget>>(
                &self,
                targets: impl IntoIterator<Item = T>,
                options: StartCallOptions,
            ) -> Result<Call, StartCallError> {
                self.shared.start_call(targets.into_iter().map(Into::into).collect(), options)
            }

            /// Joins a group's call, or starts it, and returns the call at once.
            pub fn join(
                &self,
                locator: impl Into<JoinLocator>,
                media: Option<MediaOptions>,
            ) -> Result<Call, JoinCallError> {
                self.shared.join(&locator.into(), media)
            }

            /// Returns the calls that have not ended.
            pub fn calls(&self) -> Vec<Call> {
                self.shared.calls()
            }

            /// Subscribes to what happens to this agent, from its beginning.
            pub fn events(&self) -> Events<AgentEvent> {
                self.shared.events.subscribe()
            }

            /// Waits for the next call that rings, of a subscription.
            ///
            /// Returns none when the agent is over.
            pub async fn next_incoming_call(
                &self,
                events: &mut Events<AgentEvent>,
            ) -> Option<IncomingCall> {
                loop {
                    match events.recv().await {
                        Ok(AgentEvent::IncomingCall(call)) => return Some(call),
                        Ok(
                            AgentEvent::CallsUpdated { .. } | AgentEvent::ConnectionStateChanged(_),
                        )
                        | Err(crate::event::EventsError::Lagged { .. }) => {}
                        Err(crate::event::EventsError::Closed) => return None,
                    }
                }
            }

            /// Returns who the agent is.
            pub fn identifier(&self) -> CommunicationIdentifier {
                self.shared.identity().identifier
            }

            /// Returns the name that the exchange shows to others.
            pub fn display_name(&self) -> String {
                self.shared.identity().display_name
            }

            /// Returns the endpoint that the exchange rings.
            pub fn endpoint_id(&self) -> EndpointId {
                self.shared.identity().endpoint_id
            }

            /// Returns the connection to the exchange.
            pub fn connection_state(&self) -> ConnectionState {
                self.shared.connection_state()
            }

            /// Hangs up all calls, ends the session, and waits for that, two seconds at most.
            pub async fn dispose(&self) {
                self.shared.dispose().await;
            }

            /// Returns the handles for tests of what networks do.
            pub fn testing(&self) -> Testing {
                Testing { link: self.shared.link.clone() }
            }
        }
    };
}

agent_methods!(CallAgent);
agent_methods!(TeamsCallAgent);

impl Testing {
    /// Cuts the network of the agent for a time: nothing goes out or comes in, on the signaling
    /// transport and on the media paths, and the exchange is not told.
    pub async fn cut_network(&self, duration: Duration) {
        self.link.tell(Request::Cut { duration }).await;
    }

    /// Closes the signaling transport; the agent opens another at once. Media is left alone.
    pub async fn drop_transport(&self) {
        self.link.tell(Request::DropTransport).await;
    }
}

impl AgentShared {
    fn start_call(
        &self,
        targets: Vec<CallTarget>,
        options: StartCallOptions,
    ) -> Result<Call, StartCallError> {
        let kind = match targets.len() {
            0 => return Err(StartCallError::NoTargets),
            1 => CallKind::OneToOne,
            _ => CallKind::Group,
        };
        let StartCallOptions { thread_id, is_chat_roster_manual, media } = options;
        let request = calling::PlaceCallRequest {
            targets: targets.iter().map(|target| target.as_str().to_owned()).collect(),
            thread_id: thread_id.map(|id| id.to_string()).unwrap_or_default(),
            manual_chat_roster: is_chat_roster_manual,
            ..calling::PlaceCallRequest::default()
        };
        self.begin(kind, Kind::PlaceCall(request), media).map_err(|refused| match refused {
            link::NotTaken::Busy => StartCallError::Busy,
            link::NotTaken::Over => StartCallError::SessionEnded,
        })
    }

    fn join(
        &self,
        locator: &JoinLocator,
        media: Option<MediaOptions>,
    ) -> Result<Call, JoinCallError> {
        let call_kind = match locator {
            JoinLocator::Group(_) => CallKind::Group,
            JoinLocator::Meeting(_) | JoinLocator::Room(_) => CallKind::Meeting,
        };
        let kind = Kind::JoinCall(Box::new(locator.to_request()));
        self.begin(call_kind, kind, media).map_err(|refused| match refused {
            link::NotTaken::Busy => JoinCallError::Busy,
            link::NotTaken::Over => JoinCallError::SessionEnded,
        })
    }

    fn begin(
        &self,
        kind: CallKind,
        command: Kind,
        media: Option<MediaOptions>,
    ) -> Result<Call, link::NotTaken> {
        let model = CallModel::new(Direction::Outgoing, kind);
        let shared = CallShared::new(self.next_key(), self.link.clone(), model);
        let request = Request::Start { call: Arc::clone(&shared), command, media };
        self.link.try_tell(request)?;
        Ok(Call { shared })
    }
}

/// An exchange on this machine is reached over the loopback, and so is its media.
fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A transport and a Hello, with room for a slow token callback.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
