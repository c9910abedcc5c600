//! Direct routing on the wire: trunks by name, routes in order, and the merge patch of both.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::model::members::Members;
use crate::patch::Patch;

/// Trunks in the order in which they were set, and routes in that in which they are tried.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct SipConfiguration {
    trunks: Members<TrunkModel>,
    routes: Vec<RouteModel>,
}

/// A trunk: where its session border controller listens.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct TrunkModel {
    /// As it was written: one that cannot be is refused by the configuration, not as a shape.
    #[serde(default)]
    sip_signaling_port: i64,
}

/// Which trunks take a number. A name or pattern that is left out is as bad as an empty one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteModel {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    number_pattern: String,
    #[serde(default)]
    trunks: Vec<String>,
}

/// A change: null removes a trunk; routes are replaced as a whole.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SipPatch {
    trunks: Patch<Members<Option<TrunkModel>>>,
    routes: Patch<Vec<RouteModel>>,
}

/// Why a configuration cannot be. Codes and sentences of the documented service stand with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Refusal {
    DuplicatedRoute,
    EmptyPatch,
    InvalidRouteDescription,
    InvalidRouteName,
    InvalidRouteNumberPattern,
    InvalidTrunkFqdn,
    InvalidTrunkSipSignalingPort,
    MissingTrunk,
    RouteWithDuplicatedTrunk,
    TooManyRoutes,
    TooManyTrunks,
}

impl SipPatch {
    /// Returns whether it names nothing. No routes at all are something: they remove those there are.
    fn is_empty(&self) -> bool {
        let names_no_trunk = match &self.trunks {
            Patch::Absent => true,
            Patch::Null => false,
            Patch::Value(trunks) => trunks.0.is_empty(),
        };
        names_no_trunk && matches!(self.routes, Patch::Absent)
    }
}

impl SipConfiguration {
    /// Returns the configuration after a change, if it holds together.
    pub(crate) fn patched(&self, patch: SipPatch) -> Result<Self, ApiError> {
        if patch.is_empty() {
            return Err(Refusal::EmptyPatch.into());
        }
        let mut patched = self.clone();
        match patch.trunks {
            Patch::Absent => {}
            Patch::Null => patched.trunks = Members::default(),
            Patch::Value(trunks) => {
                for (name, trunk) in trunks.0 {
                    let name = name.to_ascii_lowercase();
                    match trunk {
                        Some(trunk) => patched.trunks.set(name, trunk),
                        None => patched.trunks.remove(&name),
                    }
                    // What is new may stand before what goes; but whoever names many pays for each
                    // with all before it.
                    if patched.trunks.0.len() > 2 * LIMIT {
                        return Err(Refusal::TooManyTrunks.into());
                    }
                }
            }
        }
        match patch.routes {
            Patch::Absent => {}
            Patch::Null => patched.routes.clear(),
            Patch::Value(routes) => patched.routes = routes,
        }
        patched.check()?;
        Ok(patched)
    }

    fn check(&self) -> Result<(), Refusal> {
        for (name, trunk) in &self.trunks.0 {
            if !is_domain(name) {
                return Err(Refusal::InvalidTrunkFqdn);
            }
            if !(1..=i64::from(u16::MAX)).contains(&trunk.sip_signaling_port) {
                return Err(Refusal::InvalidTrunkSipSignalingPort);
            }
        }
        if self.trunks.0.len() > LIMIT {
            return Err(Refusal::TooManyTrunks);
        }
        if self.routes.len() > LIMIT {
            return Err(Refusal::TooManyRoutes);
        }
        let mut names = BTreeSet::new();
        for route in &self.routes {
            self.check_route(route)?;
            if !names.insert(route.name.as_str()) {
                return Err(Refusal::DuplicatedRoute);
            }
        }
        Ok(())
    }

    fn check_route(&self, route: &RouteModel) -> Result<(), Refusal> {
        if !(1..=256).contains(&route.name.chars().count()) {
            return Err(Refusal::InvalidRouteName);
        }
        if !(1..=1_024).contains(&route.number_pattern.chars().count()) {
            return Err(Refusal::InvalidRouteNumberPattern);
        }
        if route.description.as_deref().unwrap_or_default().chars().count() > 1_024 {
            return Err(Refusal::InvalidRouteDescription);
        }
        if route.trunks.len() > LIMIT {
            return Err(Refusal::TooManyTrunks);
        }
        let mut names = BTreeSet::new();
        for name in &route.trunks {
            let name = name.to_ascii_lowercase();
            if self.trunks.get(&name).is_none() {
                return Err(Refusal::MissingTrunk);
            }
            if !names.insert(name) {
                return Err(Refusal::RouteWithDuplicatedTrunk);
            }
        }
        Ok(())
    }
}

impl Refusal {
    /// What is told twice is a bad request; what does not fit is not processable.
    fn status(self) -> StatusCode {
        match self {
            Self::DuplicatedRoute | Self::RouteWithDuplicatedTrunk => StatusCode::BAD_REQUEST,
            Self::EmptyPatch
            | Self::InvalidRouteDescription
            | Self::InvalidRouteName
            | Self::InvalidRouteNumberPattern
            | Self::InvalidTrunkFqdn
            | Self::InvalidTrunkSipSignalingPort
            | Self::MissingTrunk
            | Self::TooManyRoutes
            | Self::TooManyTrunks => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// Returns the code and the sentence.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::DuplicatedRoute => ("DuplicatedRoute", "There is a duplicated route."),
            Self::EmptyPatch => ("EmptyPatch", "Patch with no data provided."),
            Self::InvalidRouteDescription => (
                "InvalidRouteDescription",
                "Route with a description of more than 1024 characters.",
            ),
            Self::InvalidRouteName => ("InvalidRouteName", "Route with an invalid name."),
            Self::InvalidRouteNumberPattern => {
                ("InvalidRouteNumberPattern", "Route with an invalid number pattern.")
            }
            Self::InvalidTrunkFqdn => ("InvalidTrunkFqdn", "Trunk with an invalid FQDN."),
            Self::InvalidTrunkSipSignalingPort => {
                ("InvalidTrunkSipSignalingPort", "Trunk with an invalid SIP signaling port.")
            }
            Self::MissingTrunk => ("MissingTrunk", "Route targeting a missing trunk."),
            Self::RouteWithDuplicatedTrunk => {
                ("RouteWithDuplicatedTrunk", "There is a duplicated trunk in a route.")
            }
            Self::TooManyRoutes => ("TooManyRoutes", "There are more than 250 routes."),
            Self::TooManyTrunks => ("TooManyTrunks", "There are more than 250 trunks."),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (code, message) = refusal.words();
        Self::new(
            refusal.status(),
            "UnprocessableConfiguration",
            "One or more request inputs are not valid.",
        )
        .with_inner_message(code, message)
    }
}

/// Checks for the form of a [host name](https://www.rfc-editor.org/rfc/rfc1123#section-2.1) with a domain.
fn is_domain(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 249 && name.contains('.') && name.split('.').all(is_label)
}

/// Documented limit of either list, and of the trunks of a route.
const LIMIT: usize = 250;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error;

    fn patch(
        configuration: &SipConfiguration,
        body: Value,
    ) -> Result<SipConfiguration, (u16, &'static str)> {
        let patch = serde_json::from_value(body).unwrap();
        configuration
            .patched(patch)
            .map_err(|error| (error.status().as_u16(), error.details().1.unwrap()))
    }

    fn with_trunk() -> SipConfiguration {
        let body = json!({"trunks": {"SBC.contoso.example": {"sipSignalingPort": 5061}}});
        patch(&SipConfiguration::default(), body).unwrap()
    }

    #[test]
    fn trunks_are_merged_and_routes_replaced() {
        let one = with_trunk();
        let route = |name: &str| json!({"name": name, "numberPattern": "\\+.*", "trunks": ["sbc.contoso.example"]});
        let two = patch(&one, json!({"routes": [route("a"), route("b")]})).unwrap();
        assert_eq!((two.trunks.0.len(), two.routes.len()), (1, 2));
        let three = patch(
            &two,
            json!({"trunks": {"x.example": {"sipSignalingPort": 1}}, "routes": [route("c")]}),
        );
        let three = three.unwrap();
        assert_eq!((three.trunks.0.len(), three.routes.len()), (2, 1));
        let four = patch(&three, json!({"trunks": {"x.example": null, "never.example": null}}));
        assert_eq!(four.unwrap().trunks, one.trunks);
        let none = patch(&three, json!({"trunks": null, "routes": null})).unwrap();
        assert_eq!(none, SipConfiguration::default());
        assert_eq!(serde_json::to_value(none).unwrap(), json!({"trunks": {}, "routes": []}));
    }

    #[test]
    fn trunks_stay_in_the_order_in_which_they_were_set() {
        let patch = |configuration: &SipConfiguration, trunks: &str| {
            let body = format!(r#"{{"trunks":{trunks}}}"#);
            configuration.patched(serde_json::from_str(&body).unwrap()).unwrap()
        };
        let port = |port: u16| format!(r#"{{"sipSignalingPort":{port}}}"#);
        let (one, two) = (port(1), port(2));
        let set = patch(&with_trunk(), &format!(r#"{{"z.example":{one},"a.example":{one}}}"#));
        let changed = patch(&set, &format!(r#"{{"m.example":{one},"z.example":{two}}}"#));
        let names: Vec<_> = changed.trunks.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["sbc.contoso.example", "z.example", "a.example", "m.example"]);
        assert_eq!(changed.trunks.get("z.example").unwrap().sip_signaling_port, 2);
    }

    #[test]
    fn all_trunks_are_replaced_at_once_in_whatever_order_a_client_names_them() {
        let names = |from: u16| (from..from + 250).map(|n| format!("{n}.example"));
        let trunk = |name| (name, json!({"sipSignalingPort": 1}));
        let first = names(0).map(trunk).collect::<serde_json::Map<_, _>>();
        let full = patch(&SipConfiguration::default(), json!({"trunks": first})).unwrap();
        let gone = names(0).map(|name| format!(r#""{name}":null"#));
        let new = names(250).map(|name| format!(r#""{name}":{{"sipSignalingPort":1}}"#));
        let body = new.chain(gone).collect::<Vec<_>>().join(",");
        let patch = serde_json::from_str(&format!(r#"{{"trunks":{{{body}}}}}"#)).unwrap();
        let replaced = full.patched(patch).unwrap();
        assert!(replaced.trunks.0.iter().map(|(name, _)| name.clone()).eq(names(250)));
    }

    #[test]
    fn what_does_not_hold_together_is_refused() {
        let one = with_trunk();
        let sbc = "sbc.contoso.example";
        let route = json!({"name": "a", "numberPattern": "x", "trunks": [sbc]});
        let trunk = |name: &str, port: i64| json!({"trunks": {name: {"sipSignalingPort": port}}});
        let many: serde_json::Map<_, _> =
            (0..250).map(|n| (format!("{n}.example"), json!({"sipSignalingPort": 1}))).collect();
        let more: serde_json::Map<_, _> =
            (0..501).map(|n| (format!("{n}.example"), json!({"sipSignalingPort": 1}))).collect();
        for (body, status, code) in [
            (json!({}), 422, "EmptyPatch"),
            (json!({"trunks": {}}), 422, "EmptyPatch"),
            (trunk("localhost", 5061), 422, "InvalidTrunkFqdn"),
            (trunk("-a.example", 5061), 422, "InvalidTrunkFqdn"),
            (trunk("a.example", 0), 422, "InvalidTrunkSipSignalingPort"),
            (trunk("a.example", -1), 422, "InvalidTrunkSipSignalingPort"),
            (trunk("a.example", 65_536), 422, "InvalidTrunkSipSignalingPort"),
            (json!({"trunks": {"a.example": {}}}), 422, "InvalidTrunkSipSignalingPort"),
            (json!({"trunks": many}), 422, "TooManyTrunks"),
            (json!({"trunks": more}), 422, "TooManyTrunks"),
            (json!({"routes": vec![route.clone(); 251]}), 422, "TooManyRoutes"),
            (json!({"routes": [{"name": "", "numberPattern": "x"}]}), 422, "InvalidRouteName"),
            (json!({"routes": [{"numberPattern": "x"}]}), 422, "InvalidRouteName"),
            (json!({"routes": [{"name": "a"}]}), 422, "InvalidRouteNumberPattern"),
            (json!({"routes": [route, route]}), 400, "DuplicatedRoute"),
            (
                json!({"routes": [{"name": "a", "numberPattern": "x", "trunks": [sbc, sbc]}]}),
                400,
                "RouteWithDuplicatedTrunk",
            ),
            (
                json!({"routes": [{"name": "a", "numberPattern": "x", "trunks": ["b.example"]}]}),
                422,
                "MissingTrunk",
            ),
            (json!({"trunks": {sbc: null}, "routes": [route]}), 422, "MissingTrunk"),
        ] {
            assert_eq!(patch(&one, body.clone()), Err((status, code)), "{body}");
        }
        assert_eq!(patch(&one, json!({"routes": []})), Ok(one.clone()));
    }

    #[tokio::test]
    async fn a_refusal_says_in_the_documented_words_what_is_wrong() {
        let error = SipConfiguration::default().patched(SipPatch::default()).unwrap_err();
        let (status, _, body) = error::tests::sent(error).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            body["error"],
            json!({
                "code": "UnprocessableConfiguration",
                "message": "One or more request inputs are not valid.",
                "innererror": {"code": "EmptyPatch", "message": "Patch with no data provided."},
            })
        );
    }
}
