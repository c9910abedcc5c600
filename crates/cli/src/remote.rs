//! A connection to a running exchange over gRPC.

use std::time::Duration;

use anyhow::Context as _;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use trunkline_api::admin::v1::admin_service_client::AdminServiceClient;
use trunkline_api::calling::v1::calling_service_client::CallingServiceClient;
use trunkline_api::chat::v1::chat_service_client::ChatServiceClient;
use trunkline_api::events::v1::events_service_client::EventsServiceClient;
use trunkline_api::identity::v1::identity_service_client::IdentityServiceClient;
use trunkline_api::meetings::v1::meetings_service_client::MeetingsServiceClient;
use trunkline_proto::identity::v1::{IssueTokenRequest, TokenScope};

use crate::RemoteArguments;
use crate::exchange::ExchangeConfig;
use crate::failure::{Failure, Family, InFamily as _};

/// A connected exchange and the key to its administration.
pub(crate) struct Remote {
    channel: Channel,
    access_key: String,
}

impl Remote {
    pub(crate) async fn connect(arguments: &RemoteArguments) -> Result<Self, Failure> {
        let ca = std::fs::read_to_string(&arguments.ca)
            .with_context(|| {
                format!(
                    "cannot read the CA {}: run this where `trunkline dev` runs, or give --ca",
                    arguments.ca.display()
                )
            })
            .in_family(Family::Unavailable)?;
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
        let channel = Endpoint::from_shared(arguments.url.clone())
            .with_context(|| format!("`{}` is not a URL", arguments.url))
            .in_family(Family::Usage)?
            .tls_config(tls)
            .context("the CA is not a PEM certificate")
            .in_family(Family::Usage)?
            .connect_timeout(Duration::from_secs(5))
            .connect()
            .await
            .with_context(|| {
                format!("no exchange answers at {}: is `trunkline dev` running?", arguments.url)
            })
            .in_family(Family::Unavailable)?;
        let access_key = match &arguments.access_key {
            Some(key) => key.clone(),
            // The development exchange's published key; any other exchange refuses it.
            None => ExchangeConfig::dev().access_keys.into_iter().next().unwrap_or_default(),
        };
        Ok(Self { channel, access_key })
    }

    /// Returns a client of the identity service.
    pub(crate) fn identity(&self) -> Result<IdentityServiceClient<Authorized>, Failure> {
        Ok(IdentityServiceClient::with_interceptor(self.channel.clone(), self.key()?))
    }

    /// Returns a client of the administration.
    pub(crate) fn admin(&self) -> Result<AdminServiceClient<Authorized>, Failure> {
        Ok(AdminServiceClient::with_interceptor(self.channel.clone(), self.key()?))
    }

    /// Returns a client of the event service.
    pub(crate) fn events(&self) -> Result<EventsServiceClient<Authorized>, Failure> {
        Ok(EventsServiceClient::with_interceptor(self.channel.clone(), self.key()?))
    }

    /// Returns a client of the meetings.
    pub(crate) fn meetings(&self) -> Result<MeetingsServiceClient<Authorized>, Failure> {
        Ok(MeetingsServiceClient::with_interceptor(self.channel.clone(), self.key()?))
    }

    /// Returns a client of calling in somebody's name.
    pub(crate) async fn calling(
        &self,
        who: &Who,
    ) -> Result<CallingServiceClient<Authorized>, Failure> {
        let authorization = self.bearer(who, TokenScope::Voip).await?;
        Ok(CallingServiceClient::with_interceptor(self.channel.clone(), authorization))
    }

    /// Returns a client of chat in somebody's name.
    pub(crate) async fn chat(&self, who: &Who) -> Result<ChatServiceClient<Authorized>, Failure> {
        let authorization = self.bearer(who, TokenScope::Chat).await?;
        Ok(ChatServiceClient::with_interceptor(self.channel.clone(), authorization))
    }

    async fn bearer(&self, who: &Who, scope: TokenScope) -> Result<Authorization, Failure> {
        let token = match who {
            Who::Token(token) => token.clone(),
            Who::User(user) => {
                let request = IssueTokenRequest {
                    user: user.clone(),
                    scopes: vec![scope.into()],
                    expires_in: None,
                };
                let issued = self.identity()?.issue_token(request).await.map_err(from_status)?;
                let token = issued.into_inner().access_token.map(|token| token.token);
                token.ok_or_else(|| anyhow::anyhow!("the exchange answered without a token"))?
            }
        };
        Authorization::new(&format!("Bearer {token}"))
    }

    fn key(&self) -> Result<Authorization, Failure> {
        Authorization::new(&format!("AccessKey {}", self.access_key))
    }
}

/// In whose name something is done.
#[derive(Clone)]
pub(crate) enum Who {
    /// The bearer of this token.
    Token(String),
    /// A user, by raw id or alias, for whom the access key gets a token.
    User(String),
}

/// A channel whose requests say whose they are.
pub(crate) type Authorized = InterceptedService<Channel, Authorization>;

/// Adds a credential to every request.
#[derive(Clone)]
pub(crate) struct Authorization {
    value: MetadataValue<Ascii>,
}

impl Authorization {
    fn new(credential: &str) -> Result<Self, Failure> {
        let mut value: MetadataValue<Ascii> = credential
            .parse()
            .context("the credential holds characters that no header carries")
            .in_family(Family::Usage)?;
        value.set_sensitive(true);
        Ok(Self { value })
    }
}

impl Interceptor for Authorization {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.value.clone());
        Ok(request)
    }
}

/// Waits before a stream that broke is opened again; fails where that would not help, or where there
/// is no cursor to go on after.
pub(crate) async fn wait_to_resume(status: Status, cursor: Option<u64>) -> Result<(), Failure> {
    // What a restart of the exchange looks like from here.
    let is_passing = matches!(status.code(), Code::Unavailable | Code::Unknown);
    if !is_passing || cursor.is_none() {
        return Err(from_status(status));
    }
    tracing::info!(cursor, "connection lost, going on");
    tokio::time::sleep(RECONNECT_AFTER).await;
    Ok(())
}

/// A restart takes about this long; sooner only knocks at a closed door.
const RECONNECT_AFTER: Duration = Duration::from_millis(500);

/// Sorts a gRPC status into a family.
pub(crate) fn from_status(status: Status) -> Failure {
    let family = match status.code() {
        Code::InvalidArgument | Code::OutOfRange => Family::Usage,
        Code::NotFound => Family::NotFound,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Family::Unavailable,
        Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::Unauthenticated => Family::Refused,
        Code::Aborted
        | Code::DataLoss
        | Code::Internal
        | Code::Ok
        | Code::Unimplemented
        | Code::Unknown => Family::Internal,
    };
    Failure::new(family, anyhow::anyhow!("the exchange says: {}", status.message()))
}
