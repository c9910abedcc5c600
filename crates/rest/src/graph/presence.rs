//! Presence of users of the caller's own directory.

use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_ids::CommunicationIdentifier;
use trunkline_node::PresenceFailure;
use trunkline_policy::Presence;

use crate::error::ApiError;
use crate::graph::options::{entity, page};
use crate::graph::people::{self, Caller, forbidden};
use crate::reply::Reply;
use crate::request::Incoming;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PreferredRequest {
    availability: String,
    activity: String,
    expiration_duration: Option<String>,
}

#[derive(Deserialize)]
struct IdsRequest {
    ids: Vec<String>,
}

/// Shows the caller's own presence.
pub(super) fn mine(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    shown(caller, request, &caller.claims.identifier)
}

/// Shows the presence of a colleague.
pub(super) fn get(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let user = caller.colleague(request.parameter(0))?.identifier();
    shown(caller, request, &user)
}

/// Shows presences in the order of the ids; of whom the caller does not see any, it is unknown.
pub(super) fn list(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let IdsRequest { ids } = request.json()?;
    let presences = caller.node.presences();
    presences.check_count(ids.len()).map_err(failed)?;
    let actor = caller.presence_actor();
    let items = ids.iter().map(|id| {
        let user = caller.colleague(id).ok().map(|user| user.identifier());
        let seen = user.and_then(|user| presences.presence(&actor, &user));
        match seen {
            Some(presence) => model(id, presence),
            None => json!({"id": id, "availability": UNKNOWN, "activity": UNKNOWN}),
        }
    });
    let items = items.collect();
    Ok(page(request, "Collection(microsoft.graph.presence)", items, None::<(usize, usize)>))
}

/// Sets what the caller prefers to show.
pub(super) async fn prefer(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let given: PreferredRequest = request.json()?;
    let presence = Presence::preferred_by_name(&given.availability, &given.activity);
    let presence = presence.ok_or_else(|| {
        let message = "No presence that can be preferred has this availability and activity.";
        ApiError::bad_request(message).with_target("availability")
    })?;
    let life = given.expiration_duration.as_deref().map(|text| {
        duration(text).ok_or_else(|| {
            let message = "expirationDuration is a duration such as `PT1H30M`.";
            ApiError::bad_request(message).with_target("expirationDuration")
        })
    });
    let (actor, user) = (caller.presence_actor(), &caller.claims.identifier);
    let presences = caller.node.presences();
    presences.prefer(&actor, user, presence, life.transpose()?).await.map_err(failed)?;
    Ok(Reply::empty(StatusCode::OK))
}

/// Shows again what sessions and calls of the caller say.
pub(super) async fn clear(caller: &Caller<'_>) -> Result<Reply, ApiError> {
    let actor = caller.presence_actor();
    let presences = caller.node.presences();
    presences.clear(&actor, &caller.claims.identifier).await.map_err(failed)?;
    Ok(Reply::empty(StatusCode::OK))
}

fn shown(
    caller: &Caller<'_>,
    request: &Incoming,
    user: &CommunicationIdentifier,
) -> Result<Reply, ApiError> {
    let presence = caller.node.presences().presence(&caller.presence_actor(), user);
    let presence = presence.ok_or_else(people::no_such_user)?;
    Ok(entity(request, StatusCode::OK, model(&people::id(user), presence)))
}

fn model(id: &str, presence: Presence) -> Value {
    json!({
        "id": id,
        "availability": presence.availability.as_str(),
        "activity": presence.activity.as_str(),
    })
}

fn failed(failure: PresenceFailure) -> ApiError {
    match failure {
        PresenceFailure::LifeOutOfRange { .. } => {
            ApiError::bad_request("expirationDuration is from one second to 30 days.")
                .with_target("expirationDuration")
        }
        PresenceFailure::NotFound => people::no_such_user(),
        PresenceFailure::NotOwn => forbidden("Users set their own presence only."),
        PresenceFailure::Revoked => {
            ApiError::unauthorized("Unauthorized", "The token has been revoked.")
        }
        PresenceFailure::TooManyUsers { limit, .. } => {
            ApiError::bad_request(format!("At most {limit} ids may be named.")).with_target("ids")
        }
        PresenceFailure::TooManyWatches { .. } => {
            ApiError::too_many_requests(Duration::from_secs(1))
        }
        PresenceFailure::Unavailable => {
            ApiError::unavailable("What is preferred cannot be kept at the moment.")
        }
    }
}

/// Reads a duration of ISO 8601 in days, hours, minutes and seconds: longer units have no fixed length.
fn duration(text: &str) -> Option<Duration> {
    let (days, clock) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some((days, clock)) => (days, clock),
        None => (text.strip_prefix('P')?, ""),
    };
    if days.is_empty() && clock.is_empty() {
        return None;
    }
    let days = units(days, &[('D', 86_400)])?;
    let clock = units(clock, &[('H', 3_600), ('M', 60), ('S', 1)])?;
    Some(Duration::from_secs(days.checked_add(clock)?))
}

/// Adds whole numbers up, each before its unit, in the order of the units.
fn units(mut text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut sum: u64 = 0;
    for (unit, seconds) in units {
        let Some((number, rest)) = text.split_once(*unit) else { continue };
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*seconds)?)?;
        text = rest;
    }
    text.is_empty().then_some(sum)
}

/// The presence of whoever is not seen.
const UNKNOWN: &str = "PresenceUnknown";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_iso_8601_has_them() {
        let seconds = |text| duration(text).map(|duration| duration.as_secs());
        for (text, expected) in [
            ("PT5M", Some(300)),
            ("PT1H30M", Some(5_400)),
            ("P1D", Some(86_400)),
            ("P1DT1S", Some(86_401)),
            ("P", None),
            ("PT", None),
            ("P1DT", None),
            ("PT1M1H", None),
            ("PT1", None),
            ("PTM", None),
            ("PT-1H", None),
            ("PT+1H", None),
            ("P1Y", None),
            ("P1M", None),
            ("", None),
            ("1H", None),
            ("P99999999999999999999D", None),
            ("P999999999999999999D", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
