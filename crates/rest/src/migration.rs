//! The page of the documentation that says, operation by operation, what a backend finds here.
//!
//! Printed from the table by which requests are routed and tests are driven.

use std::fmt::Write as _;

use crate::operation::{Credential, Route, Service, Support, routes};

/// Returns the page, in Markdown.
pub fn migration_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str(&summary());
    for service in SERVICES {
        page.push_str(&section(service));
    }
    page.push_str(DETAILS);
    page.push_str(NOTIFICATIONS);
    page.push_str("\n## Not yet\n\n");
    page.push_str(
        "What these clients ask for answers 404 with the error envelope, whatever the credential.\n\n\
         | operation | request |\n|---|---|\n",
    );
    for (operation, request) in NOT_YET {
        let _ = writeln!(page, "| {operation} | `{request}` |");
    }
    page.push_str(NEVER);
    page
}

/// Operations that are not served: those of call automation and recording, as
/// [documented](https://learn.microsoft.com/rest/api/communication/callautomation/) for 2026-03-12, and
/// those by which credentials of newer clients exchange the token of a directory without a backend.
const NOT_YET: [(&str, &str); 39] = [
    ("Exchange a directory token", "POST /access/entra/:exchangeAccessToken"),
    (
        "Exchange a directory token for Teams Phone",
        "POST /access/teamsExtension/:exchangeAccessToken",
    ),
    (
        "Get a Teams Phone assignment",
        "GET /access/teamsExtension/tenants/{tenantId}/assignments/{objectId}",
    ),
    (
        "Set a Teams Phone assignment",
        "PUT /access/teamsExtension/tenants/{tenantId}/assignments/{objectId}",
    ),
    (
        "Delete a Teams Phone assignment",
        "DELETE /access/teamsExtension/tenants/{tenantId}/assignments/{objectId}",
    ),
    ("Create call", "POST /calling/callConnections"),
    ("Answer call", "POST /calling/callConnections:answer"),
    ("Redirect call", "POST /calling/callConnections:redirect"),
    ("Reject call", "POST /calling/callConnections:reject"),
    ("Connect to a call", "POST /calling/callConnections:connect"),
    ("Get call", "GET /calling/callConnections/{id}"),
    ("Hang up", "DELETE /calling/callConnections/{id}"),
    ("Terminate call", "POST /calling/callConnections/{id}:terminate"),
    ("Transfer to participant", "POST /calling/callConnections/{id}:transferToParticipant"),
    ("List participants", "GET /calling/callConnections/{id}/participants"),
    ("Get participant", "GET /calling/callConnections/{id}/participants/{rawId}"),
    ("Add participant", "POST /calling/callConnections/{id}/participants:add"),
    (
        "Cancel adding a participant",
        "POST /calling/callConnections/{id}/participants:cancelAddParticipant",
    ),
    ("Remove participant", "POST /calling/callConnections/{id}/participants:remove"),
    ("Move participants", "POST /calling/callConnections/{id}/participants:moveHere"),
    ("Mute participants", "POST /calling/callConnections/{id}/participants:mute"),
    ("Play", "POST /calling/callConnections/{id}:play"),
    ("Recognize", "POST /calling/callConnections/{id}:recognize"),
    ("Cancel media operations", "POST /calling/callConnections/{id}:cancelAllMediaOperations"),
    ("Start continuous DTMF", "POST /calling/callConnections/{id}:startContinuousDtmfRecognition"),
    ("Stop continuous DTMF", "POST /calling/callConnections/{id}:stopContinuousDtmfRecognition"),
    ("Send DTMF tones", "POST /calling/callConnections/{id}:sendDtmfTones"),
    ("Hold participant", "POST /calling/callConnections/{id}:hold"),
    ("Unhold participant", "POST /calling/callConnections/{id}:unhold"),
    ("Start media streaming", "POST /calling/callConnections/{id}:startMediaStreaming"),
    ("Stop media streaming", "POST /calling/callConnections/{id}:stopMediaStreaming"),
    ("Start transcription", "POST /calling/callConnections/{id}:startTranscription"),
    ("Update transcription", "POST /calling/callConnections/{id}:updateTranscription"),
    ("Stop transcription", "POST /calling/callConnections/{id}:stopTranscription"),
    ("Start recording", "POST /calling/recordings"),
    ("Get recording", "GET /calling/recordings/{id}"),
    ("Stop recording", "DELETE /calling/recordings/{id}"),
    ("Pause recording", "POST /calling/recordings/{id}:pause"),
    ("Resume recording", "POST /calling/recordings/{id}:resume"),
];

const SERVICES: [Service; 6] = [
    Service::Identity,
    Service::Chat,
    Service::Rooms,
    Service::PhoneNumbers,
    Service::SipRouting,
    Service::Graph,
];

fn summary() -> String {
    let mut table =
        "| service | works | differs | refused | known versions |\n|---|---|---|---|---|\n"
            .to_owned();
    for service in SERVICES {
        let (mut works, mut differs, mut refused) = (0_usize, 0_usize, 0_usize);
        for route in of(service) {
            match route.support {
                Support::Works => works += 1,
                Support::Differs(_) => differs += 1,
                Support::Refused(_) => refused += 1,
            }
        }
        let versions = service.versions().join(", ");
        let _ = writeln!(table, "| {service} | {works} | {differs} | {refused} | {versions} |");
    }
    table
}

fn section(service: Service) -> String {
    let name = service.to_string();
    let mut letters = name.chars();
    let title: String =
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let mut section = format!("\n## {title}\n\n");
    section
        .push_str("| operation | request | credential | answer | here |\n|---|---|---|---|---|\n");
    for Route { operation, verb, path, success, support } in of(service) {
        let credential = match operation.credential() {
            Credential::Resource => "access key",
            Credential::User => "user token",
        };
        let here = match support {
            Support::Works => "works".to_owned(),
            Support::Differs(how) => format!("differs: {how}"),
            Support::Refused(why) => format!("refused: {why}"),
        };
        let _ = writeln!(
            section,
            "| {operation} | `{verb} {path}` | {credential} | {success} | {here} |"
        );
    }
    section
}

fn of(service: Service) -> impl Iterator<Item = &'static Route> {
    routes().iter().filter(move |route| route.operation.service() == service)
}

const INTRODUCTION: &str = "\
# Moving over from Azure Communication Services

A backend that uses the official SDKs for identity, chat and rooms moves over by changing its connection
string. The exchange prints one when it starts:

```text
endpoint=https://localhost:8443/;accesskey=…
```

The SDKs stay unmodified. While the exchange uses its development authority, name that authority in the
environment: `REQUESTS_CA_BUNDLE` and `SSL_CERT_FILE` for Python, `NODE_EXTRA_CA_CERTS` for Node. User
tokens are signed by the exchange; its public keys are at `/.well-known/jwks.json`. A request may ask for any
`api-version`: all are served alike, and one that is not in the table below is named in the log once.

The tables are printed from the one by which requests are routed; the tests drive every row of it.

";

const DETAILS: &str = "
## In detail

- Whoever is added to a thread without a `shareHistoryTime` sees all of its messages, as with the service.
  Over gRPC, whoever is added without a time sees what comes after.
- A signed request is accepted for five minutes before and after its date, as often as it comes: clients
  sign with whole seconds, so two equal requests of one second carry the same signature. Threads, messages and
  rooms are made once for all requests with the same `Repeatability-Request-ID`.
- Tokens of users are signed with ES256, and their header names the key by `kid` alone; with the service they
  are RS256 with `x5t`. The SDKs do not look; what else verifies them takes the algorithm from the key.
- An empty value removes a pair of a message's metadata, as null does.
";

const NOTIFICATIONS: &str = "
## Chat notifications

The notifications of the JavaScript chat SDK work, unmodified: the package finds where to register by
the discovery request that it makes itself, over the endpoint of the connection string.

| event | here |
|---|---|
| chatMessageReceived, chatMessageEdited, chatMessageDeleted | works |
| typingIndicatorReceived, readReceiptReceived | works |
| chatThreadCreated, chatThreadDeleted, chatThreadPropertiesUpdated | works |
| participantsAdded, participantsRemoved | works |

## Webhooks

Events of chat, identities and calls are delivered in the Event Grid schema, with the validation handshake,
retries and a dead letter; subscriptions are made by the configuration, the gRPC API or `trunkline events`.
";

const NEVER: &str = "
SMS, e-mail, WhatsApp and Job Router are other products: the exchange does not serve them.
";

#[cfg(test)]
mod tests {
    use axum::http::Method;

    use super::*;
    use crate::operation::{NoRoute, find};

    #[test]
    fn the_page_in_the_documentation_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/migration.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == migration_page(),
            "docs/migration.md is stale: cargo run -p trunkline-rest --example migration_page"
        );
    }

    #[test]
    fn the_page_names_every_route_once() {
        let page = migration_page();
        for Route { verb, path, .. } in routes() {
            assert_eq!(page.matches(&format!("| `{verb} {path}` |")).count(), 1, "{verb} {path}");
        }
    }

    #[test]
    fn what_is_not_served_yet_has_no_route() {
        for (operation, request) in NOT_YET {
            let (verb, path) = request.split_once(' ').unwrap();
            let method: Method = verb.parse().unwrap();
            assert_eq!(find(&method, path).unwrap_err(), NoRoute::UnknownPath, "{operation}");
        }
    }
}
