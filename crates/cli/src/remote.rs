//! A connection to a running exchange over gRPC.

use anyhow::Context as _;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use trunkline_api::identity::v1::identity_service_client::IdentityServiceClient;

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
            .connect_timeout(std::time::Duration::from_secs(5))
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

    pub(crate) fn identity(
        &self,
    ) -> Result<IdentityServiceClient<InterceptedService<Channel, AccessKey>>, Failure> {
        let value: MetadataValue<Ascii> = format!("AccessKey {}", self.access_key)
            .parse()
            .context("the access key holds characters that no header carries")
            .in_family(Family::Usage)?;
        let interceptor = AccessKey { value };
        Ok(IdentityServiceClient::with_interceptor(self.channel.clone(), interceptor))
    }
}

/// Adds the access key to every request.
#[derive(Clone)]
pub(crate) struct AccessKey {
    value: MetadataValue<Ascii>,
}

impl Interceptor for AccessKey {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let mut value = self.value.clone();
        value.set_sensitive(true);
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

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
