//! Who comes and goes.

use std::collections::BTreeMap;

use trunkline_clock::{Now, Timestamp};
use trunkline_ids::CommunicationIdentifier;

use crate::{
    command::{DefaultHistory, NewMember, Reply},
    error::ChatError,
    event::ChatEventKind,
    member::{InvalidMember, Member, is_possible_member},
    message::MessageContent,
    output::Change,
    thread::{Envelope, Thread},
};

/// Those named in a request, sorted into who can be a member and who cannot.
struct Admission {
    admitted: BTreeMap<CommunicationIdentifier, NewMember>,
    invalid: Vec<InvalidMember>,
}

impl Thread {
    /// Lets the creator and the first members in, and says the first two messages.
    pub(super) fn begin(
        &mut self,
        now: Now,
        creator: &CommunicationIdentifier,
        named: Vec<NewMember>,
    ) -> Result<Vec<InvalidMember>, ChatError> {
        let Admission { mut admitted, invalid } = self.admit(creator, named)?;
        let own =
            admitted.entry(creator.clone()).or_insert_with(|| NewMember::new(creator.clone()));
        own.share_history_time = Some(Timestamp::UNIX_EPOCH);
        self.check_member_count(admitted.len())?;

        let first = self.stamp(now);
        self.record.created_on = first.time;
        let members: Vec<_> =
            admitted.into_values().map(|named| joined(named, first.time)).collect();
        let keyed = members.iter().map(|member| (member.identifier.clone(), member.clone()));
        self.record.members = keyed.collect();
        let added = MessageContent::ParticipantAdded {
            participants: members.clone(),
            initiator: creator.clone(),
        };
        let added = self.append(first, added, Envelope::default());
        let second = self.stamp(now);
        let topic = MessageContent::TopicUpdated {
            topic: self.record.topic.clone(),
            initiator: creator.clone(),
        };
        let topic = self.append(second, topic, Envelope::default());

        let thread = self.record.header();
        self.store(Change::PutThread(thread.clone()));
        for member in &members {
            self.store(Change::PutMember(member.clone()));
        }
        self.store(Change::PutMessage(added));
        self.store(Change::PutMessage(topic));
        let kind = ChatEventKind::ThreadCreated { thread, members };
        self.publish(second, creator, self.everybody(), kind);
        Ok(invalid)
    }

    pub(super) fn add_members(
        &mut self,
        now: Now,
        actor: &CommunicationIdentifier,
        named: Vec<NewMember>,
    ) -> Result<Reply, ChatError> {
        let Admission { admitted, invalid } = self.admit(actor, named)?;
        let known = &self.record.members;
        let new_count = admitted.keys().filter(|who| !known.contains_key(who)).count();
        self.check_member_count(known.len() + new_count)?;

        let (known, new): (Vec<_>, Vec<_>) =
            admitted.into_values().partition(|named| known.contains_key(&named.identifier));
        if new.is_empty() && known.iter().all(|named| !self.would_change(named)) {
            return Ok(Reply::MembersAdded { invalid });
        }
        let stamp = self.stamp(now);
        let new: Vec<_> = new.into_iter().map(|named| joined(named, stamp.time)).collect();
        let message = (!new.is_empty()).then(|| {
            let participants = new.clone();
            let initiator = actor.clone();
            let content = MessageContent::ParticipantAdded { participants, initiator };
            self.append(stamp, content, Envelope::default())
        });
        let mut added = new;
        for named in known {
            if self.would_change(&named) {
                added.extend(self.changed(named, stamp.time));
            }
        }
        for member in &added {
            self.record.members.insert(member.identifier.clone(), member.clone());
            self.store(Change::PutMember(member.clone()));
        }
        if let Some(message) = message {
            self.store(Change::PutMessage(message));
        }
        self.store_progress();
        let kind = ChatEventKind::ParticipantsAdded { added };
        self.publish(stamp, actor, self.everybody(), kind);
        Ok(Reply::MembersAdded { invalid })
    }

    pub(super) fn remove_member(
        &mut self,
        now: Now,
        actor: &CommunicationIdentifier,
        identifier: &CommunicationIdentifier,
    ) -> Reply {
        let recipients = self.everybody();
        let Some(member) = self.record.members.remove(identifier) else {
            return Reply::Done;
        };
        self.record.receipts.remove(identifier);
        let stamp = self.stamp(now);
        let removed = vec![member];
        let content = MessageContent::ParticipantRemoved {
            participants: removed.clone(),
            initiator: actor.clone(),
        };
        let message = self.append(stamp, content, Envelope::default());
        self.store(Change::RemoveMember(identifier.clone()));
        self.store(Change::PutMessage(message));
        self.store_progress();
        let kind = ChatEventKind::ParticipantsRemoved { removed };
        self.publish(stamp, actor, recipients, kind);
        Reply::Done
    }

    /// Sorts those named. Whoever is named twice is taken as named last.
    fn admit(
        &self,
        actor: &CommunicationIdentifier,
        named: Vec<NewMember>,
    ) -> Result<Admission, ChatError> {
        let (limit, requested) = (self.limits.members_per_request, named.len());
        if requested > limit {
            return Err(ChatError::TooManyMembersInRequest { limit, requested });
        }
        let (mut admitted, mut invalid) = (BTreeMap::new(), Vec::new());
        let mut first_denial = None;
        for named in named {
            if !is_possible_member(&named.identifier) {
                invalid.push(InvalidMember::of_wrong_kind(named.identifier));
            } else if let Some(denial) = named.denial {
                invalid.push(InvalidMember {
                    identifier: named.identifier,
                    code: denial.code.clone(),
                    message: denial.message.clone(),
                });
                first_denial.get_or_insert(denial);
            } else {
                self.limits.check_member_metadata(&named.metadata)?;
                admitted.insert(named.identifier.clone(), named);
            }
        }
        match first_denial {
            Some(denial) if admitted.keys().all(|who| who == actor) => {
                Err(ChatError::EveryMemberDenied(denial))
            }
            Some(_) | None => Ok(Admission { admitted, invalid }),
        }
    }

    fn check_member_count(&self, requested: usize) -> Result<(), ChatError> {
        let limit = self.limits.members;
        if requested > limit {
            return Err(ChatError::TooManyMembers { limit, requested });
        }
        Ok(())
    }

    fn would_change(&self, named: &NewMember) -> bool {
        let Some(member) = self.record.members.get(&named.identifier) else {
            return false;
        };
        named.display_name.is_some() && named.display_name != member.display_name
            || named.share_history_time.is_some_and(|time| time != member.share_history_time)
            || !named.metadata.is_empty() && named.metadata != member.metadata
    }

    fn changed(&self, named: NewMember, latest: Timestamp) -> Option<Member> {
        let mut member = self.record.members.get(&named.identifier)?.clone();
        if named.display_name.is_some() {
            member.display_name = named.display_name;
        }
        if let Some(time) = named.share_history_time {
            member.share_history_time = time.min(latest);
        }
        if !named.metadata.is_empty() {
            member.metadata = named.metadata;
        }
        Some(member)
    }
}

/// A member sees what comes after it joined, whatever its clock says about the future.
fn joined(named: NewMember, joined_on: Timestamp) -> Member {
    let default = match named.default_history {
        DefaultHistory::FromBeginning => Timestamp::UNIX_EPOCH,
        DefaultHistory::FromJoining => joined_on,
    };
    Member {
        identifier: named.identifier,
        display_name: named.display_name,
        share_history_time: named.share_history_time.unwrap_or(default).min(joined_on),
        metadata: named.metadata,
        joined_on,
    }
}
