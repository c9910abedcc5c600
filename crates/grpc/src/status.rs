//! Failures as statuses of gRPC: the one place that knows both.
//!
//! The trailer `trunkline-error` names the code of a failure, `trunkline-reason` its `code/subCode`
//! where it has one, `retry-after` the seconds to wait where waiting helps.

use std::error::Error;
use std::time::Duration;

use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use trunkline_api::convert::archive::MalformedRecord;
use trunkline_api::convert::policy::MalformedSetting;
use trunkline_chat::ImportError;
use trunkline_interop::JoinByCodeError;
use trunkline_node::{
    AdminError, ArchiveError, CallingError, ChatFailure, IdentityError, MeetingFailure,
    PresenceEnd, PresenceFailure, RelayError, RingError, RoomFailure, SubscriptionEnd, TailEnd,
    TokenError, WatchError, WatchMeetingError,
};
use trunkline_reasons::EndReason;
use trunkline_storage::StoreError;

/// What trailers say about a failure.
#[derive(Default)]
struct Trailers<'a> {
    name: &'a str,
    reason: Option<EndReason>,
    retry_after: Option<Duration>,
}

/// Refuses a request because of a field.
pub(crate) fn malformed(field: &str) -> Status {
    let trailers = Trailers { name: "InvalidArgument", ..Trailers::default() };
    with_trailers(Code::InvalidArgument, format!("{field} is malformed"), trailers)
}

/// Refuses a request because of a field, and says what is wrong with it.
pub(crate) fn invalid(field: &str, error: &dyn Error) -> Status {
    let trailers = Trailers { name: "InvalidArgument", ..Trailers::default() };
    with_trailers(Code::InvalidArgument, format!("{field}: {error}"), trailers)
}

/// Says that there is nothing of that name.
pub(crate) fn not_found(what: &str) -> Status {
    let trailers = Trailers { name: "NotFound", ..Trailers::default() };
    with_trailers(Code::NotFound, format!("there is no such {what}"), trailers)
}

pub(crate) fn chat(failure: ChatFailure) -> Status {
    if let ChatFailure::Store(error) = &failure {
        return store(error);
    }
    let reason = match &failure {
        ChatFailure::ScopeDenied(decision) => decision.reason(),
        ChatFailure::CreatorNotAllowed { .. }
        | ChatFailure::NotFound
        | ChatFailure::Overloaded { .. }
        | ChatFailure::Refused(_)
        | ChatFailure::RepeatedDifferently
        | ChatFailure::RepeatedTooSoon { .. }
        | ChatFailure::ShuttingDown
        | ChatFailure::Store(_)
        | ChatFailure::TooManySubscriptions { .. } => None,
    };
    let trailers = Trailers { name: failure.code(), reason, retry_after: failure.retry_after() };
    with_trailers(code_of_http(failure.status()), failure.to_string(), trailers)
}

pub(crate) fn subscription_end(end: SubscriptionEnd) -> Status {
    let message = end.to_string();
    match end {
        SubscriptionEnd::CursorLost { .. } => Status::out_of_range(message),
        SubscriptionEnd::ShuttingDown => Status::unavailable(message),
        SubscriptionEnd::Store(error) => store(&error),
        SubscriptionEnd::TokenExpired | SubscriptionEnd::TokenRevoked => {
            Status::unauthenticated(message)
        }
    }
}

pub(crate) fn tail_end(end: TailEnd) -> Status {
    let message = end.to_string();
    match end {
        TailEnd::CursorLost { .. } => Status::out_of_range(message),
        TailEnd::ShuttingDown => Status::unavailable(message),
        TailEnd::Store(error) => store(&error),
    }
}

pub(crate) fn relay(error: RelayError) -> Status {
    let (code, name) = match &error {
        RelayError::NoSuchDeadLetter | RelayError::NoSuchSubscription => {
            (Code::NotFound, "NotFound")
        }
        RelayError::Refused(_) => (Code::PermissionDenied, "EndpointRefused"),
        RelayError::Setup(source) => {
            tracing::error!(error = %source, "events cannot be sent");
            (Code::Unavailable, "ServiceUnavailable")
        }
        RelayError::Store(error) => return store(error),
        RelayError::TooManySubscriptions { .. } => {
            (Code::ResourceExhausted, "TooManySubscriptions")
        }
        RelayError::Unconfirmed(_) => (Code::FailedPrecondition, "EndpointUnconfirmed"),
    };
    let message = match error.source() {
        Some(source) if code == Code::FailedPrecondition => format!("{error}: {source}"),
        Some(_) | None => error.to_string(),
    };
    with_trailers(code, message, Trailers { name, ..Trailers::default() })
}

pub(crate) fn admin(error: AdminError) -> Status {
    let (code, name) = match &error {
        AdminError::AliasTaken => (Code::AlreadyExists, "Conflict"),
        AdminError::Store(error) => return store(error),
        AdminError::Unknown { .. } | AdminError::UnknownResource | AdminError::UnknownTenant => {
            (Code::NotFound, "NotFound")
        }
    };
    with_trailers(code, error.to_string(), Trailers { name, ..Trailers::default() })
}

pub(crate) fn setting(error: MalformedSetting) -> Status {
    let message = match &error {
        MalformedSetting::Malformed { field, source } => format!("{field}: {source}"),
        MalformedSetting::Missing { .. } | MalformedSetting::UnknownWord { .. } => {
            error.to_string()
        }
    };
    let trailers = Trailers { name: "InvalidArgument", ..Trailers::default() };
    with_trailers(Code::InvalidArgument, message, trailers)
}

pub(crate) fn archive(error: ArchiveError) -> Status {
    let message = error.to_string();
    let (code, name) = match error {
        ArchiveError::Exists => (Code::AlreadyExists, "Conflict"),
        ArchiveError::NotFound => (Code::NotFound, "NotFound"),
        ArchiveError::Refused(error) => match error {
            ImportError::Refused(error) => (code_of_http(error.status()), "InvalidArchive"),
            ImportError::Incomplete { .. }
            | ImportError::NoTime { .. }
            | ImportError::NotMember { .. }
            | ImportError::OutOfOrder { .. }
            | ImportError::SecondThread => (Code::InvalidArgument, "InvalidArchive"),
        },
        ArchiveError::ShuttingDown => (Code::Unavailable, "ServiceUnavailable"),
        ArchiveError::Store(error) => return store(&error),
    };
    with_trailers(code, message, Trailers { name, ..Trailers::default() })
}

pub(crate) fn record(error: MalformedRecord) -> Status {
    let trailers = Trailers { name: "InvalidArchive", ..Trailers::default() };
    with_trailers(Code::InvalidArgument, error.to_string(), trailers)
}

pub(crate) fn room(failure: RoomFailure) -> Status {
    let code = match &failure {
        RoomFailure::NotFound => Code::NotFound,
        RoomFailure::Refused(_) => Code::InvalidArgument,
        RoomFailure::RepeatedDifferently => Code::AlreadyExists,
        RoomFailure::RepeatedTooSoon { .. } => Code::ResourceExhausted,
        RoomFailure::Store(error) => return store(error),
    };
    let retry_after = match &failure {
        RoomFailure::RepeatedTooSoon { retry_after } => Some(*retry_after),
        RoomFailure::NotFound
        | RoomFailure::Refused(_)
        | RoomFailure::RepeatedDifferently
        | RoomFailure::Store(_) => None,
    };
    let trailers = Trailers { name: failure.code(), retry_after, ..Trailers::default() };
    with_trailers(code, failure.to_string(), trailers)
}

pub(crate) fn identity(error: IdentityError) -> Status {
    match error {
        IdentityError::NoScopes | IdentityError::LifeOutOfRange { .. } => {
            Status::invalid_argument(error.to_string())
        }
        IdentityError::UnknownResource | IdentityError::UnknownUser => {
            Status::not_found(error.to_string())
        }
        IdentityError::Store(error) => store(&error),
        IdentityError::Signing(source) => {
            tracing::error!(error = %source, "cannot sign tokens");
            Status::internal("the exchange cannot sign tokens")
        }
    }
}

/// A token that does not count is the client's to replace; one that cannot be checked is not.
pub(crate) fn token(error: TokenError) -> Status {
    match error {
        TokenError::Expired | TokenError::Invalid | TokenError::Revoked => {
            Status::unauthenticated(error.to_string())
        }
        TokenError::Unavailable => {
            let (name, retry_after) = ("ServiceUnavailable", Some(STORE_RETRY_AFTER));
            let trailers = Trailers { name, reason: None, retry_after };
            with_trailers(Code::Unavailable, error.to_string(), trailers)
        }
    }
}

pub(crate) fn ring(error: RingError) -> Status {
    match error {
        RingError::Calling(error) => calling(error),
        RingError::Token(error) => token(error),
    }
}

pub(crate) fn calling(error: CallingError) -> Status {
    let code = match &error {
        CallingError::InvalidArgument { .. } => Code::InvalidArgument,
        CallingError::Denied { .. } => Code::PermissionDenied,
        CallingError::NotFound => Code::NotFound,
        CallingError::Refused { reason, .. } => refusal_code(reason.code()),
        CallingError::ShuttingDown => Code::Unavailable,
    };
    let trailers = Trailers { name: error.code(), reason: error.reason(), retry_after: None };
    with_trailers(code, error.to_string(), trailers)
}

pub(crate) fn meeting(failure: MeetingFailure) -> Status {
    if let MeetingFailure::Store(error) = &failure {
        return store(error);
    }
    let retry_after = match &failure {
        MeetingFailure::Chat(failure) => failure.retry_after(),
        MeetingFailure::Code(JoinByCodeError::TooManyAttempts { retry_after }) => {
            Some(*retry_after)
        }
        MeetingFailure::Code(JoinByCodeError::Refused)
        | MeetingFailure::Create(_)
        | MeetingFailure::Denied(_)
        | MeetingFailure::Failed(_)
        | MeetingFailure::Malformed(_)
        | MeetingFailure::NotFound
        | MeetingFailure::NotOwn
        | MeetingFailure::Refused(_)
        | MeetingFailure::ShuttingDown
        | MeetingFailure::Store(_)
        | MeetingFailure::TooManyReaders { .. } => None,
    };
    let code = match &failure {
        MeetingFailure::Chat(failure) => code_of_http(failure.status()),
        MeetingFailure::Code(JoinByCodeError::Refused)
        | MeetingFailure::Denied(_)
        | MeetingFailure::NotOwn => Code::PermissionDenied,
        MeetingFailure::Code(JoinByCodeError::TooManyAttempts { .. })
        | MeetingFailure::TooManyReaders { .. } => Code::ResourceExhausted,
        MeetingFailure::Create(_) | MeetingFailure::Malformed(_) => Code::InvalidArgument,
        MeetingFailure::Failed(reason) => refusal_code(reason.code()),
        MeetingFailure::NotFound => Code::NotFound,
        MeetingFailure::Refused(error) => refusal_code(error.reason().code()),
        MeetingFailure::ShuttingDown | MeetingFailure::Store(_) => Code::Unavailable,
    };
    let trailers = Trailers { name: failure.code(), reason: failure.reason(), retry_after };
    with_trailers(code, failure.to_string(), trailers)
}

pub(crate) fn presence(failure: PresenceFailure) -> Status {
    let (code, name) = match failure {
        PresenceFailure::LifeOutOfRange { .. } | PresenceFailure::TooManyUsers { .. } => {
            (Code::InvalidArgument, "InvalidArgument")
        }
        PresenceFailure::NotFound => (Code::NotFound, "NotFound"),
        PresenceFailure::NotOwn => (Code::PermissionDenied, "Forbidden"),
        PresenceFailure::Revoked => (Code::Unauthenticated, "Unauthorized"),
        PresenceFailure::TooManyWatches { .. } => (Code::ResourceExhausted, "TooManyRequests"),
        PresenceFailure::Unavailable => (Code::Unavailable, "ServiceUnavailable"),
    };
    with_trailers(code, failure.to_string(), Trailers { name, ..Trailers::default() })
}

pub(crate) fn presence_end(end: PresenceEnd) -> Status {
    match end {
        PresenceEnd::ShuttingDown => Status::unavailable(end.to_string()),
        PresenceEnd::TokenExpired | PresenceEnd::TokenRevoked => {
            Status::unauthenticated(end.to_string())
        }
    }
}

pub(crate) fn watch(error: WatchError) -> Status {
    match error {
        WatchError::CursorLost { .. } => Status::out_of_range(error.to_string()),
        WatchError::NotFound => Status::not_found(error.to_string()),
        WatchError::Token(error) => token(error),
        WatchError::TooManyReaders { .. } => Status::resource_exhausted(error.to_string()),
    }
}

pub(crate) fn watch_meeting(error: WatchMeetingError) -> Status {
    match error {
        WatchMeetingError::Meeting(failure) => meeting(failure),
        WatchMeetingError::Token(error) => token(error),
    }
}

/// The exchange's own fault: told in the log, and to the client as far as it can act on it.
pub(crate) fn store(error: &StoreError) -> Status {
    let retry_after = error.is_transient().then_some(STORE_RETRY_AFTER);
    let (code, name) = match error {
        StoreError::Closed => (Code::Unavailable, "ServiceUnavailable"),
        StoreError::Full | StoreError::Io(_) | StoreError::Suspended(_) => {
            tracing::error!(%error, "the store failed");
            (Code::Unavailable, "ServiceUnavailable")
        }
        StoreError::Conflict { .. } => (Code::AlreadyExists, "Conflict"),
        StoreError::Corrupt { .. } => {
            tracing::error!(%error, "the store failed");
            (Code::Internal, "InternalError")
        }
        StoreError::CursorLost { .. } => (Code::OutOfRange, "CursorLost"),
        StoreError::NotFound { .. } => (Code::NotFound, "NotFound"),
    };
    let trailers = Trailers { name, reason: None, retry_after };
    with_trailers(code, format!("the store failed: {error}"), trailers)
}

fn with_trailers(code: Code, message: impl Into<String>, trailers: Trailers<'_>) -> Status {
    let mut metadata = MetadataMap::new();
    if let Ok(name) = trailers.name.parse() {
        metadata.insert("trunkline-error", name);
    }
    if let Some(reason) = trailers.reason
        && let Ok(pair) = format!("{}/{}", reason.code(), reason.sub_code()).parse()
    {
        metadata.insert("trunkline-reason", pair);
    }
    if let Some(wait) = trailers.retry_after {
        metadata.insert("retry-after", wait.as_secs().max(1).into());
    }
    Status::with_metadata(code, message, metadata)
}

/// Sorts the HTTP status of a failure into the codes of gRPC.
fn code_of_http(status: u16) -> Code {
    match status {
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        409 => Code::AlreadyExists,
        429 => Code::ResourceExhausted,
        503 => Code::Unavailable,
        500.. => Code::Internal,
        _ => Code::InvalidArgument,
    }
}

/// Sorts the documented code of a refusal in a call into the codes of gRPC.
fn refusal_code(code: u16) -> Code {
    match code {
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        409 => Code::AlreadyExists,
        500.. => Code::Internal,
        _ => Code::FailedPrecondition,
    }
}

/// A probe of the store takes about this long.
const STORE_RETRY_AFTER: Duration = Duration::from_secs(1);
