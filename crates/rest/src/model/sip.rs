//! Direct routing on the wire: trunks by name, routes in order, and the merge patch of both.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::patch::Patch;

/// Trunks and routes.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct SipConfiguration {
    trunks: BTreeMap<String, TrunkModel>,
    routes: Vec<RouteModel>,
}

/// A trunk: where its session border controller listens.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct TrunkModel {
    sip_signaling_port: u16,
}

/// Which trunks take a number.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteModel {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    name: String,
    number_pattern: String,
    #[serde(default)]
    trunks: Vec<String>,
}

/// A change: null removes a trunk; routes are replaced as a whole.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SipPatch {
    trunks: Patch<BTreeMap<String, Option<TrunkModel>>>,
    routes: Patch<Vec<RouteModel>>,
}

impl SipConfiguration {
    /// Returns the configuration after a change, if it holds together.
    pub(crate) fn patched(&self, patch: SipPatch) -> Result<Self, ApiError> {
        let mut patched = self.clone();
        match patch.trunks {
            Patch::Absent => {}
            Patch::Null => patched.trunks.clear(),
            Patch::Value(trunks) => {
                for (name, trunk) in trunks {
                    let name = name.to_ascii_lowercase();
                    match trunk {
                        Some(trunk) => drop(patched.trunks.insert(name, trunk)),
                        None => drop(patched.trunks.remove(&name)),
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

    fn check(&self) -> Result<(), ApiError> {
        for (name, trunk) in &self.trunks {
            if !is_domain(name) || trunk.sip_signaling_port == 0 {
                return Err(invalid("A trunk needs a full domain name and a port.", "trunks"));
            }
        }
        if self.trunks.len() > LIMIT || self.routes.len() > LIMIT {
            return Err(invalid("There are at most 250 trunks and 250 routes.", "trunks"));
        }
        let mut names = BTreeSet::new();
        for route in &self.routes {
            let description = route.description.as_deref().unwrap_or_default();
            let is_fit = (1..=256).contains(&route.name.chars().count())
                && (1..=1_024).contains(&route.number_pattern.chars().count())
                && description.chars().count() <= 1_024
                && route.trunks.len() <= LIMIT;
            if !is_fit {
                return Err(invalid("A route needs a name and a number pattern.", "routes"));
            }
            if !names.insert(route.name.as_str()) {
                return Err(invalid("Two routes have one name.", "routes"));
            }
            let knows = |name: &String| self.trunks.contains_key(&name.to_ascii_lowercase());
            if !route.trunks.iter().all(knows) {
                return Err(invalid("A route names a trunk that there is not.", "routes"));
            }
        }
        Ok(())
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

fn invalid(message: &'static str, target: &'static str) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "UnprocessableConfiguration", message)
        .with_target(target)
}

/// Documented limit of either list.
const LIMIT: usize = 250;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn patch(configuration: &SipConfiguration, body: Value) -> Result<SipConfiguration, u16> {
        let patch = serde_json::from_value(body).unwrap();
        configuration.patched(patch).map_err(|error| error.status().as_u16())
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
        assert_eq!((two.trunks.len(), two.routes.len()), (1, 2));
        let three = patch(
            &two,
            json!({"trunks": {"x.example": {"sipSignalingPort": 1}}, "routes": [route("c")]}),
        );
        let three = three.unwrap();
        assert_eq!((three.trunks.len(), three.routes.len()), (2, 1));
        let four = patch(&three, json!({"trunks": {"x.example": null, "never.example": null}}));
        assert_eq!(four.unwrap().trunks, one.trunks);
        let none = patch(&three, json!({"trunks": null, "routes": null})).unwrap();
        assert_eq!(none, SipConfiguration::default());
        assert_eq!(serde_json::to_value(none).unwrap(), json!({"trunks": {}, "routes": []}));
    }

    #[test]
    fn what_does_not_hold_together_is_refused() {
        let one = with_trunk();
        let route = json!({"name": "a", "numberPattern": "x", "trunks": ["sbc.contoso.example"]});
        for body in [
            json!({"trunks": {"localhost": {"sipSignalingPort": 5061}}}),
            json!({"trunks": {"-a.example": {"sipSignalingPort": 5061}}}),
            json!({"trunks": {"a.example": {"sipSignalingPort": 0}}}),
            json!({"routes": [{"name": "", "numberPattern": "x"}]}),
            json!({"routes": [{"name": "a", "numberPattern": ""}]}),
            json!({"routes": [route, route]}),
            json!({"routes": [{"name": "a", "numberPattern": "x", "trunks": ["other.example"]}]}),
            json!({"trunks": {"sbc.contoso.example": null}, "routes": [route]}),
        ] {
            assert_eq!(patch(&one, body.clone()), Err(422), "{body}");
        }
    }
}
