//! `trunkline meeting`: make meetings, show who is there and who waits, and let them in.

mod settings;

use std::fmt::Write as _;

use anyhow::anyhow;
use clap::Subcommand;
use trunkline_api::convert;
use trunkline_clock::Timestamp;
use trunkline_proto::meetings::v1::meeting_action::Kind;
use trunkline_proto::meetings::v1::{
    ActRequest, Attendee, CreateMeetingRequest, ExplainEntryRequest, GetMeetingRequest,
    ListMeetingsRequest, Meeting, MeetingAction, MeetingRole, MeetingSettings, Nothing, Person,
    RoleChange, UpdateMeetingRequest, WatchMeetingRequest,
};

use self::settings::{Changes, Lobby};
use crate::RemoteArguments;
use crate::failure::{Failure, Family};
use crate::output::Output;
use crate::remote::{Remote, from_status};
use crate::wire_json::to_json;

/// Options of `trunkline meeting`.
#[derive(Debug, clap::Args)]
pub(crate) struct MeetingArguments {
    #[command(subcommand)]
    command: MeetingCommand,
    #[command(flatten)]
    remote: RemoteArguments,
}

#[derive(Debug, Subcommand)]
enum MeetingCommand {
    /// Make a meeting and print how it is joined, with a QR code of the link.
    Create {
        /// Whose meeting: a raw id or an alias.
        #[arg(long)]
        organizer: String,
        /// What it is about.
        subject: Option<String>,
        /// Who does not wait in the lobby.
        #[arg(long, value_enum, default_value_t)]
        lobby: Lobby,
        /// Print no QR code.
        #[arg(long)]
        no_qr: bool,
    },
    /// List the meetings of somebody.
    List {
        /// Whose: a raw id or an alias.
        #[arg(long)]
        organizer: String,
    },
    /// Show a meeting, how it is joined, who is there and who waits.
    Show {
        /// Its UUID, link or twelve digits.
        meeting: String,
    },
    /// Say anew what a meeting is about, or when it takes place.
    Update {
        /// Its UUID, link or twelve digits.
        meeting: String,
        /// What it is about; empty for nothing in particular.
        #[arg(long)]
        subject: Option<String>,
        /// When it starts, such as 2026-05-04T09:00:00Z.
        #[arg(long, requires = "ends_at")]
        starts_at: Option<Timestamp>,
        /// When it ends.
        #[arg(long, requires = "starts_at")]
        ends_at: Option<Timestamp>,
    },
    /// Let somebody in who waits, or everybody.
    Admit {
        /// Its UUID, link or twelve digits.
        meeting: String,
        /// Participant id, raw id or alias; everybody when left out.
        participant: Option<String>,
    },
    /// Turn somebody away who waits.
    Reject {
        /// Its UUID, link or twelve digits.
        meeting: String,
        /// Participant id, raw id or alias.
        participant: String,
    },
    /// Remove somebody who is in the meeting.
    Remove {
        /// Its UUID, link or twelve digits.
        meeting: String,
        /// Participant id, raw id or alias.
        participant: String,
    },
    /// Give somebody another role.
    Role {
        /// Its UUID, link or twelve digits.
        meeting: String,
        /// A raw id or an alias.
        user: String,
        /// The role.
        #[arg(value_enum)]
        role: Role,
    },
    /// Print the settings, after changing those that are named.
    Settings {
        /// Its UUID, link or twelve digits.
        meeting: String,
        #[command(flatten)]
        changes: Changes,
    },
    /// Let nobody else come.
    Lock {
        /// Its UUID, link or twelve digits.
        meeting: String,
    },
    /// Let others come again.
    Unlock {
        /// Its UUID, link or twelve digits.
        meeting: String,
    },
    /// End a meeting for everybody, for good.
    End {
        /// Its UUID, link or twelve digits.
        meeting: String,
    },
    /// Say what the meeting would do with somebody who asks to join, and why.
    Explain {
        /// Its UUID, link or twelve digits.
        meeting: String,
        /// A raw id or an alias.
        user: String,
    },
    /// Print what happens in a meeting until it ends.
    Tail {
        /// Its UUID, link or twelve digits.
        meeting: String,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Role {
    CoOrganizer,
    Presenter,
    Attendee,
    Consumer,
}

pub(crate) async fn run(arguments: MeetingArguments, output: &Output) -> Result<(), Failure> {
    let remote = Remote::connect(&arguments.remote).await?;
    let mut meetings = remote.meetings()?;
    let act = |meeting: String, kind: Kind| ActRequest {
        meeting,
        action: Some(MeetingAction { kind: Some(kind) }),
        ..ActRequest::default()
    };
    let person = |participant: String| Person { participant };
    let request = match arguments.command {
        MeetingCommand::Create { organizer, subject, lobby, no_qr } => {
            let settings =
                MeetingSettings { lobby_bypass: lobby.wire().into(), ..Default::default() };
            let request = CreateMeetingRequest {
                organizer,
                subject: subject.unwrap_or_default(),
                settings: Some(settings),
                ..CreateMeetingRequest::default()
            };
            let made = meetings.create_meeting(request).await.map_err(from_status)?.into_inner();
            let meeting = made.meeting.unwrap_or_default();
            show(&meeting, output);
            if !no_qr && !output.is_json() {
                output.say(qr_code(&meeting.join_link)?);
            }
            return Ok(());
        }
        MeetingCommand::List { organizer } => {
            let mut request = ListMeetingsRequest { organizer, ..ListMeetingsRequest::default() };
            loop {
                let page = meetings.list_meetings(request.clone()).await.map_err(from_status)?;
                let page = page.into_inner();
                for meeting in &page.meetings {
                    let there = meeting.attendees.iter().filter(|a| !a.is_waiting).count();
                    let line = format!(
                        "{} {:<32} {there} there, {} waiting",
                        meeting.meeting_id,
                        subject_of(meeting),
                        meeting.attendees.len() - there
                    );
                    output.print(line, || to_json(MEETING, meeting));
                }
                if page.next_page_token.is_empty() {
                    return Ok(());
                }
                request.page_token = page.next_page_token;
            }
        }
        MeetingCommand::Update { meeting, subject, starts_at, ends_at } => {
            let request = UpdateMeetingRequest {
                meeting,
                subject,
                starts_at: starts_at.map(convert::timestamp),
                ends_at: ends_at.map(convert::timestamp),
                ..UpdateMeetingRequest::default()
            };
            let updated = meetings.update_meeting(request).await.map_err(from_status)?;
            show(&updated.into_inner().meeting.unwrap_or_default(), output);
            return Ok(());
        }
        MeetingCommand::Show { meeting } => {
            let request = GetMeetingRequest { meeting };
            let found = meetings.get_meeting(request).await.map_err(from_status)?.into_inner();
            show(&found.meeting.unwrap_or_default(), output);
            return Ok(());
        }
        MeetingCommand::Settings { meeting, changes } => {
            let request = GetMeetingRequest { meeting: meeting.clone() };
            let found = meetings.get_meeting(request).await.map_err(from_status)?.into_inner();
            let mut settings = found.meeting.and_then(|found| found.settings).unwrap_or_default();
            if !changes.is_empty() {
                // All are set at once: the others as they were a moment ago.
                changes.apply(&mut settings);
                let request = act(meeting, Kind::ChangeSettings(settings.clone()));
                let after = meetings.act(request).await.map_err(from_status)?.into_inner();
                let after = after.meeting.and_then(|after| after.settings);
                settings = after.unwrap_or(settings);
            }
            output.print(settings::text_of(&settings), || to_json(SETTINGS, &settings));
            return Ok(());
        }
        MeetingCommand::Explain { meeting, user } => {
            let request = ExplainEntryRequest { meeting, user };
            let explained = meetings.explain_entry(request).await.map_err(from_status)?;
            let explained = explained.into_inner();
            let mut text = format!("{} by {}", explained.admission, explained.rule);
            if !explained.fix.is_empty() {
                let _ = write!(text, "\n  fix: {}", explained.fix);
            }
            for step in &explained.trace {
                let answer = if step.answer { "yes" } else { "no" };
                let _ = write!(text, "\n  {} {answer}", step.question);
            }
            output.print(text, || to_json(EXPLANATION, &explained));
            return Ok(());
        }
        MeetingCommand::Tail { meeting } => {
            let request = WatchMeetingRequest { meeting };
            let events = meetings.watch_meeting(request).await.map_err(from_status)?;
            let mut events = events.into_inner();
            while let Some(next) = events.message().await.map_err(from_status)? {
                let event = next.event.unwrap_or_default();
                let json = to_json(EVENT, &event);
                output.print(format!("{:>5} {json}", event.seq), || json.clone());
            }
            return Ok(());
        }
        MeetingCommand::Admit { meeting, participant } => match participant {
            Some(participant) => act(meeting, Kind::Admit(person(participant))),
            None => act(meeting, Kind::AdmitAll(Nothing {})),
        },
        MeetingCommand::Reject { meeting, participant } => {
            act(meeting, Kind::Reject(person(participant)))
        }
        MeetingCommand::Remove { meeting, participant } => {
            act(meeting, Kind::Remove(person(participant)))
        }
        MeetingCommand::Role { meeting, user, role } => {
            act(meeting, Kind::ChangeRole(RoleChange { user, role: role.wire().into() }))
        }
        MeetingCommand::Lock { meeting } => act(meeting, Kind::Lock(Nothing {})),
        MeetingCommand::Unlock { meeting } => act(meeting, Kind::Unlock(Nothing {})),
        MeetingCommand::End { meeting } => act(meeting, Kind::End(Nothing {})),
    };
    let after = meetings.act(request).await.map_err(from_status)?.into_inner();
    show(&after.meeting.unwrap_or_default(), output);
    Ok(())
}

fn show(meeting: &Meeting, output: &Output) {
    let mut text = format!("{} ({})", output.bold(&subject_of(meeting)), meeting.meeting_id);
    let _ = write!(text, "\n  link      {}", meeting.join_link);
    if let Some(code) = &meeting.code {
        let _ = write!(text, "\n  id        {}", code.meeting_id);
        let _ = write!(text, "\n  passcode  {}", code.passcode);
    }
    if meeting.is_locked {
        text.push_str("\n  locked");
    }
    if let Some(reason) = &meeting.end_reason {
        let _ = write!(text, "\n  ended     {}/{}", reason.code, reason.sub_code);
    }
    for (heading, is_waiting) in [("there", false), ("waiting", true)] {
        for attendee in meeting.attendees.iter().filter(|a| a.is_waiting == is_waiting) {
            let _ = write!(text, "\n  {heading:<9} {}", line_of(attendee));
        }
    }
    output.print(text, || to_json(MEETING, meeting));
}

fn line_of(attendee: &Attendee) -> String {
    let role = attendee.role().as_str_name().trim_start_matches("MEETING_ROLE_").to_lowercase();
    let guest = if attendee.is_guest { ", guest" } else { "" };
    let hand = if attendee.has_raised_hand { ", hand raised" } else { "" };
    format!("{} ({role}{guest}{hand}) {}", attendee.display_name, attendee.participant_id)
}

fn subject_of(meeting: &Meeting) -> String {
    match meeting.subject.is_empty() {
        true => "Meeting".to_owned(),
        false => meeting.subject.clone(),
    }
}

/// Draws the link for a camera: two rows of the code in each line of text.
fn qr_code(link: &str) -> Result<String, Failure> {
    let code = qrcode::QrCode::with_error_correction_level(link, qrcode::EcLevel::L)
        .map_err(|error| Failure::new(Family::Internal, anyhow!("no QR code: {error}")))?;
    Ok(code.render::<qrcode::render::unicode::Dense1x2>().build())
}

impl Role {
    fn wire(self) -> MeetingRole {
        match self {
            Self::Attendee => MeetingRole::Attendee,
            Self::CoOrganizer => MeetingRole::CoOrganizer,
            Self::Consumer => MeetingRole::Consumer,
            Self::Presenter => MeetingRole::Presenter,
        }
    }
}

const MEETING: &str = "trunkline.meetings.v1.Meeting";
const EVENT: &str = "trunkline.meetings.v1.MeetingEvent";
const SETTINGS: &str = "trunkline.meetings.v1.MeetingSettings";
const EXPLANATION: &str = "trunkline.meetings.v1.ExplainEntryResponse";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_link_fits_into_a_qr_code_of_a_terminal() {
        let link = "https://localhost:8443/l/meetup-join/19%3aacsV1_8d14639f4c4b4ca794940fa951aad471\
                    %40thread.v2/0?context=%7b%22Tid%22%3a%22c0117050-7a3e-4d0b-9e1c-0c0ffee00002\
                    %22%2c%22Oid%22%3a%2200000000-0000-4000-8000-00000000000b%22%7d";
        let drawn = qr_code(link).unwrap();
        let width = drawn.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(width <= 80 && drawn.lines().count() <= 40, "{width} wide");
    }
}
