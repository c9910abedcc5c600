//! Where calls, chat and policy meet: meetings with their lobby, one roster in call and chat, rooms.
//!
//! [`Meeting`] is the aggregate that owns one meeting. It decides; a call and a chat thread carry out.
//! [`RosterPlan`] is what both have to change when somebody is added to a group call or removed from
//! it. Nothing here reads a clock or draws random numbers.

mod meeting;
mod room;
mod roster;

pub use crate::{
    meeting::{
        Action, Actor, Admission, AllowedPresenters, Arrival, AttemptLimits, AttendeeView, Bearer,
        CallStep, Caller, Capability, ChangeError, CodeDesk, Command, CreateMeetingError, Event,
        EventKind, IdTaken, Input, JoinByCodeError, JoinError, JoinerKind, LobbyBypassScope,
        LobbyDecision, MediaRights, Meeting, MeetingConfig, MeetingError, MeetingRecord,
        MeetingRole, MeetingSettings, MeetingUpdate, NewMeeting, OperationOutcome, Output,
        Permission, Reaction, Remembrance, Resolution, Schedule, Signal, TargetError, ThreadStep,
        barrier_between, decide_entry, is_in_segment, resolve,
    },
    room::{
        CreateRoom, ParticipantPatch, Room, RoomError, RoomId, RoomRight, RoomRole, UnknownRole,
        UpdateRoom,
    },
    roster::{
        CallRoster, Change, ChangeOutcome, RosterChange, RosterPlan, RosterRefusal, RosterStep,
        SyncMode, ThreadChoice, ThreadRoster, is_phone_chat_of, placeholder, thread_members,
    },
};
