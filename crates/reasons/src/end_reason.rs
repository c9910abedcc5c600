//! `EndReason`: a pair of codes that is in the catalogue, by construction.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use serde::{Deserialize, Serialize, de, ser::SerializeStruct};

use crate::catalogue::{self, Category, EndedBy, Entry};

/// Why a call, a connection or an operation ended as it did.
///
/// There is no way to make one that the catalogue lacks: named constants are checked when they are
/// compiled, codes read from a peer go through [`EndReason::find`].
#[derive(Clone, Copy)]
pub struct EndReason(&'static Entry);

macro_rules! named {
    ($($(#[$docs:meta])* $name:ident = $code:literal / $sub_code:literal;)*) => {
        impl EndReason {
            $($(#[$docs])* pub const $name: Self = catalogued($code, $sub_code);)*
        }
    };
}

named! {
    /// Somebody hung up.
    HUNG_UP = 0/0;
    /// The caller gave up before the call was accepted.
    CANCELED = 487/0;
    /// The callee declined, for all endpoints.
    DECLINED = 603/0;
    /// Every endpoint of the callee is busy.
    BUSY_EVERYWHERE = 600/0;
    /// The called phone is busy.
    PHONE_BUSY = 486/560486;
    /// A client lost its network and did not come back in time.
    NETWORK_LOST = 496/7;
    /// Somebody ended the call for everyone.
    ENDED_FOR_EVERYONE = 0/4097;
    /// The client went away without hanging up.
    LEFT_ABRUPTLY = 0/4521;
    /// The leg ended because the call was over.
    CALL_OVER = 0/5003;
    /// Another participant removed this one; from the lobby, did not let it in.
    REMOVED = 0/5300;
    /// The role changed, and the new one has no place here.
    ROLE_CHANGED = 0/5317;
    /// Nobody let the participant in from the lobby in time.
    LOBBY_TIMED_OUT = 200/5855;
    /// Dismissed from the lobby of a meeting.
    LOBBY_DISMISSED = 0/5854;
    /// The meeting is locked.
    MEETING_LOCKED = 403/8560;
    /// No meeting has that id with that passcode.
    JOIN_CODE_REFUSED = 404/8561;
    /// The tenant has no federation with the app's resource.
    NOT_FEDERATED = 403/5222;
    /// Not on the roster of the room.
    ROOM_NOT_ON_ROSTER = 403/5828;
    /// The room is not valid at that time.
    ROOM_NOT_VALID = 403/5829;
    /// The room admits app users only.
    ROOM_ADMITS_APP_USERS = 403/5830;
    /// A server application ended the call.
    ENDED_BY_APPLICATION = 0/7000;
    /// Another endpoint of the same user accepted.
    ACCEPTED_ELSEWHERE = 487/10003;
    /// Nobody accepted in time.
    NOT_ACCEPTED_IN_TIME = 487/10004;
    /// The identity is not known or not signed in.
    UNAUTHENTICATED = 401/10009;
    /// Every endpoint of the callee declined on its own account.
    DECLINED_BY_ALL_ENDPOINTS = 487/10024;
    /// The callee has no registered endpoint.
    NO_REGISTERED_ENDPOINT = 480/10037;
    /// The callee accepted and then failed to finish the set-up.
    SET_UP_NOT_FINISHED = 408/10057;
    /// The callee's endpoints are gone or unreachable.
    ENDPOINT_UNREACHABLE = 480/10078;
    /// The access token is not valid.
    TOKEN_INVALID = 401/71005;
    /// No valid access token was given.
    TOKEN_MISSING = 495/4507;
    /// No media connectivity at set-up.
    MEDIA_SET_UP_FAILED = 410/301004;
    /// Media connectivity was lost.
    MEDIA_LOST = 410/301005;
    /// The media offer could not be processed.
    MEDIA_OFFER_NOT_PROCESSED = 410/3111;
    /// The phone network refuses, or no route leads to it.
    PHONE_BLOCKED = 403/510403;
    /// No SIP trunk is configured.
    NO_TRUNK = 403/511532;
    /// Everybody else left.
    ONLY_ONE_LEFT = 200/5010;
    /// Nobody else joined the group call.
    NOBODY_JOINED = 200/5013;
    /// The operation succeeded.
    SUCCEEDED = 200/0;
    /// The call ended after a successful transfer.
    TRANSFERRED = 200/7015;
    /// The action is not valid in the current state of the call.
    WRONG_STATE = 400/8585;
    /// The call was over when the action came.
    CALL_TERMINATED = 400/8528;
    /// An argument is not valid.
    INVALID_ARGUMENT = 400/8523;
    /// The call or the participant is not there.
    NOT_FOUND = 404/8522;
    /// The action conflicts with another one.
    CONFLICT = 409/8519;
    /// The action is not supported.
    NOT_SUPPORTED = 405/8520;
    /// The actor may not do that.
    NOT_PERMITTED = 403/7504;
    /// A precondition does not hold.
    PRECONDITION_FAILED = 412/8583;
    /// The call to accept does not ring there.
    ACCEPT_NOT_RINGING = 400/41006;
    /// The call to reject does not ring there.
    REJECT_NOT_RINGING = 400/41007;
    /// Video was started already.
    VIDEO_ALREADY_STARTED = 400/41027;
    /// Video was stopped already.
    VIDEO_ALREADY_STOPPED = 400/41030;
    /// The screen is shared already.
    SCREEN_SHARE_ALREADY_STARTED = 400/41035;
    /// The screen is not shared.
    SCREEN_SHARE_ALREADY_STOPPED = 400/41041;
    /// The screen can be shared only while the call is connected.
    SCREEN_SHARE_NOT_CONNECTED = 412/41071;
    /// The server failed.
    SERVER_FAILED = 500/10045;
}

impl EndReason {
    /// Returns the reason with these codes, if the catalogue has it.
    pub fn find(code: u16, sub_code: u32) -> Option<Self> {
        catalogue::find(code, sub_code).map(Self)
    }

    /// Returns the code.
    pub const fn code(self) -> u16 {
        self.0.code
    }

    /// Returns the subcode.
    pub const fn sub_code(self) -> u32 {
        self.0.sub_code
    }

    /// Returns how bad it is, and whose.
    pub const fn category(self) -> Category {
        self.0.category
    }

    /// Returns who or what ended it.
    pub const fn ended_by(self) -> EndedBy {
        self.0.ended_by
    }

    /// Returns what it means.
    pub const fn meaning(self) -> &'static str {
        self.0.meaning
    }

    /// Returns what to do about it.
    pub const fn advice(self) -> &'static str {
        self.0.advice
    }

    /// Returns all that the catalogue says.
    pub const fn entry(self) -> &'static Entry {
        self.0
    }
}

impl PartialEq for EndReason {
    fn eq(&self, other: &Self) -> bool {
        (self.code(), self.sub_code()) == (other.code(), other.sub_code())
    }
}

impl Eq for EndReason {}

impl Hash for EndReason {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.code(), self.sub_code()).hash(state);
    }
}

impl Ord for EndReason {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.code(), self.sub_code()).cmp(&(other.code(), other.sub_code()))
    }
}

impl PartialOrd for EndReason {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for EndReason {
    /// Prints `code/subCode`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.code(), self.sub_code())
    }
}

impl fmt::Debug for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndReason({self}: {})", self.meaning())
    }
}

impl Serialize for EndReason {
    /// Writes `{code, subCode, category, meaning}`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("EndReason", 4)?;
        fields.serialize_field("code", &self.code())?;
        fields.serialize_field("subCode", &self.sub_code())?;
        fields.serialize_field("category", &self.category())?;
        fields.serialize_field("meaning", self.meaning())?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for EndReason {
    /// Reads what was written, by its codes alone: the words are the catalogue's.
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Codes {
            code: u16,
            sub_code: u32,
        }
        let Codes { code, sub_code } = Codes::deserialize(deserializer)?;
        Self::find(code, sub_code).ok_or_else(|| {
            de::Error::custom(format_args!("no reason has the codes {code}/{sub_code}"))
        })
    }
}

const fn catalogued(code: u16, sub_code: u32) -> EndReason {
    match catalogue::find(code, sub_code) {
        Some(entry) => EndReason(entry),
        None => panic!("a named reason is in the catalogue: checked when this is compiled"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_the_catalogue_lacks_make_no_reason() {
        assert_eq!(EndReason::find(480, 10_037), Some(EndReason::NO_REGISTERED_ENDPOINT));
        assert_eq!(EndReason::find(480, 1), None);
        assert_eq!(EndReason::find(0, 10_037), None);
    }

    #[test]
    fn a_reason_prints_as_code_and_subcode() {
        assert_eq!(EndReason::ACCEPTED_ELSEWHERE.to_string(), "487/10003");
    }

    #[test]
    fn a_reason_serializes_with_its_words() {
        let json = serde_json::to_value(EndReason::CANCELED).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "code": 487, "subCode": 0, "category": "Success", "meaning": "caller cancelled",
            })
        );
    }

    #[test]
    fn a_reason_is_read_by_its_codes_and_not_by_its_words() {
        for entry in catalogue::entries() {
            let reason = EndReason::find(entry.code, entry.sub_code).unwrap();
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<EndReason>(&json).unwrap(), reason);
        }
        let other = r#"{"code":487,"subCode":0,"meaning":"something else"}"#;
        assert_eq!(serde_json::from_str::<EndReason>(other).unwrap(), EndReason::CANCELED);
        assert!(serde_json::from_str::<EndReason>(r#"{"code":480,"subCode":1}"#).is_err());
    }

    #[test]
    fn missing_federation_names_the_switch() {
        let advice = EndReason::NOT_FEDERATED.advice();
        assert!(advice.contains("EnableAcsUsers") && advice.contains("AllowedAcsResources"));
    }
}
