//! `trunkline.meetings.v1.MeetingsService`.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;

use futures_util::Stream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};
use trunkline_api::convert;
use trunkline_api::meetings::v1::meetings_service_server::MeetingsService;
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;
use trunkline_interop::{MeetingSettings, MeetingUpdate, Schedule};
use trunkline_node::{CreateMeeting, MeetingActor, Node};
use trunkline_proto::meetings::v1 as wire;

use crate::page::{self, Wanted};
use crate::{auth, status, watched};

/// Serves the meetings of a node.
#[derive(Clone, Debug)]
pub(crate) struct Meetings {
    pub(crate) node: Node,
}

type Answer<T> = Result<Response<T>, Status>;
type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send + 'static>>;

impl Meetings {
    /// Returns who asks: a program by its access key, else the user of a token.
    async fn actor(&self, metadata: &MetadataMap) -> Result<MeetingActor, Status> {
        if auth::has_access_key(metadata) {
            auth::require_own_access_key(&self.node, metadata)?;
            return Ok(MeetingActor::Application);
        }
        auth::require_token(&self.node, metadata).await.map(MeetingActor::User)
    }

    fn identifier(&self, text: &str) -> Result<CommunicationIdentifier, Status> {
        self.node.meetings().identifier(text).map_err(status::meeting)
    }

    /// Whose meetings a request is about: programs say it, users are it.
    fn organizer(
        &self,
        actor: &MeetingActor,
        text: &str,
    ) -> Result<CommunicationIdentifier, Status> {
        match actor {
            MeetingActor::User(claims) if text.is_empty() => Ok(claims.identifier.clone()),
            MeetingActor::Application | MeetingActor::User(_) if text.is_empty() => {
                Err(status::malformed("organizer"))
            }
            MeetingActor::Application => self.identifier(text),
            MeetingActor::User(claims) => match self.identifier(text)? == claims.identifier {
                true => Ok(claims.identifier.clone()),
                false => Err(Status::permission_denied("users see meetings of their own only")),
            },
        }
    }
}

#[tonic::async_trait]
impl MeetingsService for Meetings {
    type WatchMeetingStream = Events<wire::WatchMeetingResponse>;

    async fn create_meeting(
        &self,
        request: Request<wire::CreateMeetingRequest>,
    ) -> Answer<wire::CreateMeetingResponse> {
        let actor = self.actor(request.metadata()).await?;
        let request = request.into_inner();
        let organizer = self.organizer(&actor, &request.organizer)?;
        let settings = match &request.settings {
            Some(settings) => convert::meeting::parse_settings(settings)
                .map_err(|convert::meeting::Malformed(field)| status::malformed(field))?,
            None => MeetingSettings::default(),
        };
        let mut roles = BTreeMap::new();
        for change in &request.roles {
            let role = convert::meeting::parse_role(change.role)
                .map_err(|convert::meeting::Malformed(field)| status::malformed(field))?;
            roles.insert(self.identifier(&change.user)?, role);
        }
        let invited: BTreeSet<_> =
            request.invited.iter().map(|user| self.identifier(user)).collect::<Result<_, _>>()?;
        let wanted = CreateMeeting {
            organizer,
            subject: (!request.subject.is_empty()).then_some(request.subject),
            schedule: schedule(request.starts_at, request.ends_at)?,
            settings,
            roles,
            invited,
            is_channel: request.is_channel,
        };
        let meeting = self.node.meetings().create(&actor, wanted).await.map_err(status::meeting)?;
        Ok(Response::new(wire::CreateMeetingResponse { meeting: Some(meeting) }))
    }

    async fn get_meeting(
        &self,
        request: Request<wire::GetMeetingRequest>,
    ) -> Answer<wire::GetMeetingResponse> {
        let actor = self.actor(request.metadata()).await?;
        let name = request.into_inner().meeting;
        let meeting = self.node.meetings().meeting(&actor, &name).await.map_err(status::meeting)?;
        Ok(Response::new(wire::GetMeetingResponse { meeting: Some(meeting) }))
    }

    async fn list_meetings(
        &self,
        request: Request<wire::ListMeetingsRequest>,
    ) -> Answer<wire::ListMeetingsResponse> {
        let actor = self.actor(request.metadata()).await?;
        let request = request.into_inner();
        let organizer = self.organizer(&actor, &request.organizer)?;
        let Wanted { after, limit } = page::wanted(request.page_size, &request.page_token)?;
        let page = self.node.meetings().of_organizer(&actor, &organizer, after, limit).await;
        let page = page.map_err(status::meeting)?;
        Ok(Response::new(wire::ListMeetingsResponse {
            meetings: page.items,
            next_page_token: page::token(page.next),
        }))
    }

    async fn update_meeting(
        &self,
        request: Request<wire::UpdateMeetingRequest>,
    ) -> Answer<wire::UpdateMeetingResponse> {
        let actor = self.actor(request.metadata()).await?;
        let request = request.into_inner();
        let schedule = match (&request.starts_at, &request.ends_at) {
            (None, None) => None,
            (Some(_), _) | (_, Some(_)) => Some(schedule(request.starts_at, request.ends_at)?),
        };
        let update = MeetingUpdate { subject: request.subject, schedule };
        let meetings = self.node.meetings();
        let updated =
            meetings.update(&actor, &request.meeting, &request.operation_id, update).await;
        let meeting = Some(updated.map_err(status::meeting)?);
        Ok(Response::new(wire::UpdateMeetingResponse { meeting }))
    }

    async fn act(&self, request: Request<wire::ActRequest>) -> Answer<wire::ActResponse> {
        let actor = self.actor(request.metadata()).await?;
        let wire::ActRequest { operation_id, meeting, action } = request.into_inner();
        let action = action.ok_or_else(|| status::malformed("action"))?;
        let meeting = self.node.meetings().act(&actor, &meeting, &operation_id, action).await;
        let meeting = Some(meeting.map_err(status::meeting)?);
        Ok(Response::new(wire::ActResponse { meeting }))
    }

    async fn explain_entry(
        &self,
        request: Request<wire::ExplainEntryRequest>,
    ) -> Answer<wire::ExplainEntryResponse> {
        let actor = self.actor(request.metadata()).await?;
        let wire::ExplainEntryRequest { meeting, user } = request.into_inner();
        let explained = self.node.meetings().explain_entry(&actor, &meeting, &user).await;
        explained.map(Response::new).map_err(status::meeting)
    }

    async fn watch_meeting(
        &self,
        request: Request<wire::WatchMeetingRequest>,
    ) -> Answer<Self::WatchMeetingStream> {
        let actor = self.actor(request.metadata()).await?;
        let name = request.into_inner().meeting;
        let watch = self.node.meetings().watch(&actor, &name).await;
        let watch = watch.map_err(status::watch_meeting)?;
        let responses =
            watched::responses(watch, |event| wire::WatchMeetingResponse { event: Some(event) });
        Ok(Response::new(Box::pin(responses)))
    }
}

fn schedule(
    starts_at: Option<prost_types::Timestamp>,
    ends_at: Option<prost_types::Timestamp>,
) -> Result<Schedule, Status> {
    let time = |field: &str, at: &prost_types::Timestamp| -> Result<Timestamp, Status> {
        convert::parse_timestamp(at).ok_or_else(|| status::malformed(field))
    };
    match (&starts_at, &ends_at) {
        (None, None) => Ok(Schedule::MeetNow),
        (Some(starts_at), Some(ends_at)) => Ok(Schedule::Scheduled {
            starts_at: time("starts_at", starts_at)?,
            ends_at: time("ends_at", ends_at)?,
        }),
        (Some(_), None) => Err(status::malformed("ends_at")),
        (None, Some(_)) => Err(status::malformed("starts_at")),
    }
}
