//! Bodies of chat.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trunkline_chat::{
    CreateThread, DefaultHistory, InvalidMember, Member, Message, MessageContent, MessageType,
    Metadata, NewContent, NewMember, ReadReceipt, RetentionPolicy, ThreadHeader,
};
use trunkline_clock::Timestamp;
use trunkline_ids::DisplayName;

use crate::error::{ApiError, ErrorModel};
use crate::model::identifier::{IdentifierError, IdentifierModel};
use crate::model::time;
use crate::patch::{MapPatch, Patch};

/// `POST /chat/threads`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateThreadRequest {
    topic: String,
    #[serde(default)]
    participants: Option<Vec<ParticipantRequest>>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    retention_policy: Option<RetentionRequest>,
}

/// `POST /chat/threads/{chatThreadId}/participants/:add`.
#[derive(Deserialize)]
pub(crate) struct AddParticipantsRequest {
    participants: Vec<ParticipantRequest>,
}

/// `POST /chat/threads/{chatThreadId}/messages`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendMessageRequest {
    content: String,
    #[serde(default)]
    sender_display_name: Option<String>,
    #[serde(default, rename = "type")]
    message_type: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

/// `PATCH /chat/threads/{chatThreadId}/messages/{chatMessageId}`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct UpdateMessageRequest {
    pub(crate) content: Patch<String>,
    pub(crate) metadata: MapPatch,
}

/// `PATCH /chat/threads/{chatThreadId}`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct UpdateThreadRequest {
    pub(crate) topic: Patch<String>,
    pub(crate) metadata: MapPatch,
    retention_policy: Patch<RetentionRequest>,
}

/// `POST /chat/threads/{chatThreadId}/readReceipts`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendReadReceiptRequest {
    pub(crate) chat_message_id: String,
}

/// `POST /chat/threads/{chatThreadId}/typing`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SendTypingRequest {
    sender_display_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ParticipantRequest {
    communication_identifier: IdentifierModel,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    share_history_time: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetentionRequest {
    kind: String,
    #[serde(default)]
    delete_thread_after_days: Option<u16>,
}

impl CreateThreadRequest {
    /// Returns the thread to create.
    pub(crate) fn into_thread(self) -> Result<CreateThread, ApiError> {
        Ok(CreateThread {
            topic: self.topic,
            members: members(self.participants.unwrap_or_default())?,
            metadata: self.metadata.unwrap_or_default(),
            retention: match self.retention_policy {
                Some(policy) => policy.into_policy()?,
                None => RetentionPolicy::None,
            },
        })
    }
}

impl AddParticipantsRequest {
    /// Returns whom to add.
    pub(crate) fn into_members(self) -> Result<Vec<NewMember>, ApiError> {
        members(self.participants)
    }
}

impl SendMessageRequest {
    /// Returns what is said, under which name, and what is attached.
    pub(crate) fn into_parts(
        self,
    ) -> Result<(NewContent, Option<DisplayName>, Metadata), ApiError> {
        let named = |message_type: MessageType| {
            let given = self.message_type.as_deref().unwrap_or(MessageType::Text.as_str());
            message_type.as_str().eq_ignore_ascii_case(given)
        };
        let content = if named(MessageType::Text) {
            NewContent::Text(self.content)
        } else if named(MessageType::Html) {
            NewContent::Html(self.content)
        } else {
            let message = "The type of a message that is sent is `text` or `html`.";
            return Err(ApiError::bad_request(message).with_target("type"));
        };
        let name = display_name(self.sender_display_name, "senderDisplayName")?;
        Ok((content, name, self.metadata.unwrap_or_default()))
    }
}

impl UpdateThreadRequest {
    /// Returns the retention policy to set; null removes it.
    pub(crate) fn take_retention(&mut self) -> Result<Option<RetentionPolicy>, ApiError> {
        match std::mem::take(&mut self.retention_policy) {
            Patch::Absent => Ok(None),
            Patch::Null => Ok(Some(RetentionPolicy::None)),
            Patch::Value(policy) => policy.into_policy().map(Some),
        }
    }
}

impl SendTypingRequest {
    /// Returns the name to show.
    pub(crate) fn into_name(self) -> Result<Option<DisplayName>, ApiError> {
        display_name(self.sender_display_name, "senderDisplayName")
    }
}

impl RetentionRequest {
    fn into_policy(self) -> Result<RetentionPolicy, ApiError> {
        let refused = |message| ApiError::bad_request(message).with_target("retentionPolicy");
        if self.kind.eq_ignore_ascii_case("none") {
            return Ok(RetentionPolicy::None);
        }
        if !self.kind.eq_ignore_ascii_case("threadCreationDate") {
            return Err(refused(
                "The kind of a retention policy is `none` or `threadCreationDate`.",
            ));
        }
        self.delete_thread_after_days
            .map(|days| RetentionPolicy::ThreadCreationDate { delete_thread_after_days: days })
            .ok_or_else(|| refused("A retention policy by date needs `deleteThreadAfterDays`."))
    }
}

/// Somebody in a thread.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParticipantModel {
    communication_identifier: IdentifierModel,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<DisplayName>,
    share_history_time: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: Metadata,
}

impl From<Member> for ParticipantModel {
    fn from(member: Member) -> Self {
        Self {
            communication_identifier: (&member.identifier).into(),
            display_name: member.display_name,
            share_history_time: time::of_chat(member.share_history_time),
            metadata: member.metadata,
        }
    }
}

/// A thread.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadModel {
    id: String,
    topic: String,
    created_on: String,
    created_by_communication_identifier: IdentifierModel,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_on: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: Metadata,
    retention_policy: RetentionPolicy,
}

impl From<ThreadHeader> for ThreadModel {
    fn from(thread: ThreadHeader) -> Self {
        Self {
            id: thread.id.to_string(),
            topic: thread.topic,
            created_on: time::of_chat(thread.created_on),
            created_by_communication_identifier: (&thread.created_by).into(),
            deleted_on: thread.deleted_on.map(time::of_chat),
            metadata: thread.metadata,
            retention_policy: thread.retention,
        }
    }
}

/// A thread in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadItemModel {
    pub(crate) id: String,
    pub(crate) topic: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deleted_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_message_received_on: Option<String>,
}

/// What came of creating a thread, or of adding to one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MembershipModel {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chat_thread: Option<ThreadModel>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) invalid_participants: Vec<ErrorModel>,
}

impl MembershipModel {
    /// Makes the answer; whoever was not added is named as the target of an error.
    pub(crate) fn new(chat_thread: Option<ThreadModel>, invalid: Vec<InvalidMember>) -> Self {
        let invalid_participants = invalid
            .into_iter()
            .map(|invalid| ErrorModel {
                target: Some(invalid.identifier.to_string()),
                ..ErrorModel::new(invalid.code, invalid.message)
            })
            .collect();
        Self { chat_thread, invalid_participants }
    }
}

/// The id of a message that was sent.
#[derive(Serialize)]
pub(crate) struct SentModel {
    pub(crate) id: String,
}

/// A message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageModel {
    id: String,
    #[serde(rename = "type")]
    message_type: &'static str,
    sequence_id: String,
    version: String,
    content: ContentModel,
    /// Empty where somebody wrote without a name; what a thread says itself has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_display_name: Option<String>,
    created_on: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_communication_identifier: Option<IdentifierModel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_on: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: Metadata,
}

/// What a message says.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ContentModel {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    participants: Option<Vec<ParticipantModel>>,
    /// There are never any: files are not carried.
    #[serde(skip_serializing_if = "Option::is_none")]
    attachments: Option<[(); 0]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initiator_communication_identifier: Option<IdentifierModel>,
}

impl From<Message> for MessageModel {
    fn from(message: Message) -> Self {
        let name = message.sender_display_name.as_ref().map(ToString::to_string);
        Self {
            id: message.id.to_string(),
            message_type: message.content.message_type().as_str(),
            sequence_id: message.sequence.to_string(),
            version: message.version.to_string(),
            sender_display_name: match message.is_system() {
                true => name,
                false => Some(name.unwrap_or_default()),
            },
            content: message.content.into(),
            created_on: time::of_chat(message.created_on),
            sender_communication_identifier: message.sender.as_ref().map(IdentifierModel::from),
            deleted_on: message.deleted_on.map(time::of_chat),
            edited_on: message.edited_on.map(time::of_chat),
            metadata: message.metadata,
        }
    }
}

impl From<MessageContent> for ContentModel {
    fn from(content: MessageContent) -> Self {
        match content {
            MessageContent::Html(message) | MessageContent::Text(message) => {
                Self { message: Some(message), attachments: Some([]), ..Self::default() }
            }
            MessageContent::ParticipantAdded { participants, initiator }
            | MessageContent::ParticipantRemoved { participants, initiator } => Self {
                participants: Some(participants.into_iter().map(without_metadata).collect()),
                initiator_communication_identifier: Some((&initiator).into()),
                ..Self::default()
            },
            MessageContent::TopicUpdated { topic, initiator } => Self {
                topic: Some(topic),
                initiator_communication_identifier: Some((&initiator).into()),
                ..Self::default()
            },
        }
    }
}

/// A message says who somebody was; what was noted of them, only the list of participants does.
fn without_metadata(member: Member) -> ParticipantModel {
    ParticipantModel { metadata: Metadata::new(), ..member.into() }
}

/// How far somebody has read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptModel {
    sender_communication_identifier: IdentifierModel,
    chat_message_id: String,
    read_on: String,
}

impl From<ReadReceipt> for ReceiptModel {
    fn from(receipt: ReadReceipt) -> Self {
        Self {
            sender_communication_identifier: (&receipt.reader).into(),
            chat_message_id: receipt.message_id.to_string(),
            read_on: time::of_chat(receipt.read_on),
        }
    }
}

impl From<IdentifierError> for ApiError {
    fn from(error: IdentifierError) -> Self {
        Self::bad_request(error.to_string()).with_target("communicationIdentifier")
    }
}

fn members(participants: Vec<ParticipantRequest>) -> Result<Vec<NewMember>, ApiError> {
    participants
        .into_iter()
        .map(|participant| {
            let share_history_time: Option<Timestamp> = match &participant.share_history_time {
                Some(text) => Some(text.parse().map_err(|_| {
                    ApiError::bad_request("The value of `shareHistoryTime` is not a time.")
                        .with_target("shareHistoryTime")
                })?),
                None => None,
            };
            Ok(NewMember {
                display_name: display_name(participant.display_name, "displayName")?,
                share_history_time,
                default_history: DefaultHistory::FromBeginning,
                metadata: participant.metadata.unwrap_or_default(),
                ..NewMember::new(participant.communication_identifier.try_into()?)
            })
        })
        .collect()
}

/// Reads a name; one that shows nothing is none.
fn display_name(
    name: Option<String>,
    target: &'static str,
) -> Result<Option<DisplayName>, ApiError> {
    let name = name.filter(|name| !name.trim().is_empty());
    name.map(|name| name.parse()).transpose().map_err(|error: trunkline_ids::ParseIdError| {
        ApiError::bad_request(format!("The value of `{target}` is not valid: {error}."))
            .with_target(target)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use trunkline_chat::MessageId;

    use super::*;

    const ALICE: &str = "8:acs:res_alice";
    const BOB: &str = "8:acs:res_bob";

    fn create(body: Value) -> Result<CreateThread, u16> {
        let request: CreateThreadRequest = serde_json::from_value(body).unwrap();
        request.into_thread().map_err(|error| error.status().as_u16())
    }

    fn message(content: MessageContent) -> Message {
        Message {
            id: MessageId::from_millis(1_700_000_000_123),
            thread_id: "19:x@thread.v2".parse().unwrap(),
            sequence: 3,
            version: MessageId::from_millis(1_700_000_000_456),
            content,
            sender: Some(ALICE.parse().unwrap()),
            sender_display_name: None,
            created_on: Timestamp::from_unix_micros(1_700_000_000_123_000),
            edited_on: Some(Timestamp::from_unix_micros(1_700_000_000_456_000)),
            deleted_on: None,
            metadata: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
            client_message_id: None,
        }
    }

    fn member(raw_id: &str) -> Member {
        Member {
            identifier: raw_id.parse().unwrap(),
            display_name: Some("Bob".parse().unwrap()),
            share_history_time: Timestamp::UNIX_EPOCH,
            metadata: Metadata::new(),
            joined_on: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_thread_is_read_with_everything_or_with_a_topic_alone() {
        let thread = create(json!({"topic": "t", "participants": null, "metadata": null})).unwrap();
        assert!(thread.members.is_empty() && thread.metadata.is_empty());
        let thread = create(json!({
            "topic": "t",
            "participants": [{
                "communicationIdentifier": {"rawId": BOB, "communicationUser": {"id": BOB}},
                "displayName": "Bob", "shareHistoryTime": "2026-11-22T18:34:09.123456Z",
                "metadata": {"a": "b"},
            }],
            "metadata": {"a": "b"},
            "retentionPolicy": {"kind": "ThreadCreationDate", "deleteThreadAfterDays": 60},
        }))
        .unwrap();
        let policy = RetentionPolicy::ThreadCreationDate { delete_thread_after_days: 60 };
        assert_eq!(thread.retention, policy);
        assert_eq!(thread.members[0].identifier.to_string(), BOB);
        assert_eq!(thread.members[0].display_name.as_ref().unwrap().as_str(), "Bob");
        assert!(thread.members[0].share_history_time.is_some());
        assert_eq!(thread.members[0].default_history, DefaultHistory::FromBeginning);
        assert_eq!((thread.members[0].metadata.len(), thread.metadata.len()), (1, 1));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let with =
            |participant: Value| create(json!({"topic": "t", "participants": [participant]}));
        assert_eq!(with(json!({"communicationIdentifier": {}})).unwrap_err(), 400);
        let bob = json!({"rawId": BOB});
        let time = json!({"communicationIdentifier": bob, "shareHistoryTime": "yesterday"});
        assert_eq!(with(time).unwrap_err(), 400);
        let name = json!({"communicationIdentifier": bob, "displayName": "a\nb"});
        assert_eq!(with(name).unwrap_err(), 400);
        for policy in [json!({"kind": "later"}), json!({"kind": "threadCreationDate"})] {
            assert_eq!(create(json!({"topic": "t", "retentionPolicy": policy})).unwrap_err(), 400);
        }
    }

    #[test]
    fn only_text_and_html_are_sent() {
        let send = |body: Value| {
            let request: SendMessageRequest = serde_json::from_value(body).unwrap();
            request.into_parts().map_err(|error| error.status().as_u16())
        };
        let text = send(json!({"content": "hi", "senderDisplayName": ""})).unwrap();
        assert!(matches!(text, (NewContent::Text(content), None, _) if content == "hi"));
        let html = send(json!({"content": "<b>hi</b>", "type": "HTML", "metadata": {"a": "b"}}));
        assert!(
            matches!(html.unwrap(), (NewContent::Html(_), None, metadata) if metadata.len() == 1)
        );
        for kind in ["topicUpdated", "participantAdded", "", "RichText/Html"] {
            assert_eq!(send(json!({"content": "hi", "type": kind})).unwrap_err(), 400, "{kind}");
        }
    }

    #[test]
    fn a_message_has_its_times_to_the_second_and_its_sender_in_full() {
        let model = MessageModel::from(message(MessageContent::Text("hi".to_owned())));
        let expected = json!({
            "id": "1700000000123", "type": "text", "sequenceId": "3", "version": "1700000000456",
            "content": {"message": "hi", "attachments": []}, "senderDisplayName": "",
            "createdOn": "2023-11-14T22:13:20Z",
            "senderCommunicationIdentifier": {
                "kind": "communicationUser", "rawId": ALICE, "communicationUser": {"id": ALICE},
            },
            "editedOn": "2023-11-14T22:13:20Z", "metadata": {"k": "v"},
        });
        assert_eq!(serde_json::to_value(model).unwrap(), expected);
    }

    #[test]
    fn a_system_message_names_who_came_and_who_did_it() {
        let content = MessageContent::ParticipantAdded {
            participants: vec![member(BOB)],
            initiator: ALICE.parse().unwrap(),
        };
        let model = serde_json::to_value(MessageModel::from(message(content))).unwrap();
        let participant = &model["content"]["participants"][0];
        assert_eq!(participant["communicationIdentifier"]["rawId"], BOB);
        assert_eq!(participant["displayName"], "Bob");
        assert_eq!(participant["shareHistoryTime"], "1970-01-01T00:00:00Z");
        let initiator = &model["content"]["initiatorCommunicationIdentifier"]["rawId"];
        assert_eq!((&model["type"], initiator), (&json!("participantAdded"), &json!(ALICE)));
        let said = [model.get("senderDisplayName"), model["content"].get("attachments")];
        assert_eq!(said, [None, None]);
    }

    #[test]
    fn nobody_invalid_is_an_empty_answer() {
        let empty = serde_json::to_value(MembershipModel::new(None, Vec::new())).unwrap();
        assert_eq!(empty, json!({}));
        let invalid = InvalidMember {
            identifier: "4:+14255550100".parse().unwrap(),
            code: "400".to_owned(),
            message: "no".to_owned(),
        };
        let one = serde_json::to_value(MembershipModel::new(None, vec![invalid])).unwrap();
        let error = json!({"code": "400", "message": "no", "target": "4:+14255550100"});
        assert_eq!(one, json!({"invalidParticipants": [error]}));
    }

    #[test]
    fn a_retention_policy_is_set_removed_or_left() {
        let retention = |body: Value| {
            let mut request: UpdateThreadRequest = serde_json::from_value(body).unwrap();
            request.take_retention().unwrap()
        };
        assert_eq!(retention(json!({})), None);
        assert_eq!(retention(json!({"retentionPolicy": null})), Some(RetentionPolicy::None));
        let none = json!({"retentionPolicy": {"kind": "none"}});
        assert_eq!(retention(none), Some(RetentionPolicy::None));
    }
}
