//! Meetings as somebody uses them who knows the passcode, and somebody who guesses it.

use trunkline_api::calling::v1::calling_service_client::CallingServiceClient;
use trunkline_api::meetings::v1::meetings_service_client::MeetingsServiceClient;
use trunkline_proto::calling::v1::JoinCallRequest;
use trunkline_proto::identity::v1::{CreateUserRequest, TokenScope};
use trunkline_proto::meetings::v1::{
    ActRequest, CreateMeetingRequest, GetMeetingRequest, JoinCode, MeetingAction, MeetingLocator,
    Nothing, meeting_action, meeting_locator,
};

use crate::scene::{Scene, request};

impl Scene {
    /// Makes meetings, shows them, joins them by passcode, and has wrong ones refused.
    pub(crate) async fn use_meetings(&mut self) {
        let key = format!("AccessKey {}", self.key);
        let mut meetings = MeetingsServiceClient::new(self.channel.clone());
        let wanted = CreateMeetingRequest {
            organizer: "bob".to_owned(),
            subject: self.mark("the subject of a meeting"),
            ..CreateMeetingRequest::default()
        };
        let made = meetings.create_meeting(request(wanted, &key)).await.unwrap().into_inner();
        let meeting = made.meeting.unwrap();
        let code = meeting.code.unwrap();
        self.keep_passcode("a passcode", &code);

        let scopes = vec![TokenScope::Voip.into()];
        let wanted = CreateUserRequest { scopes, expires_in: None };
        let user = self.identity().create_user(request(wanted, &key)).await.unwrap().into_inner();
        let token = user.access_token.unwrap().token;
        self.keep_token("a token for calling", &token);
        let bearer = format!("Bearer {token}");
        let mut calling = CallingServiceClient::new(self.channel.clone());
        let join = |code: JoinCode, display_name: String| JoinCallRequest {
            meeting: Some(MeetingLocator { kind: Some(meeting_locator::Kind::Code(code)) }),
            display_name,
            ..JoinCallRequest::default()
        };
        let name = self.mark("the name of a guest");
        calling.join_call(request(join(code.clone(), name.clone()), &bearer)).await.unwrap();
        let guess = JoinCode { passcode: "Qz7Qz9".to_owned(), ..code };
        self.keep_passcode("a passcode that is guessed", &guess);
        assert!(calling.join_call(request(join(guess, name), &bearer)).await.is_err());

        let rotate = ActRequest {
            meeting: meeting.meeting_id.clone(),
            action: Some(MeetingAction {
                kind: Some(meeting_action::Kind::RotateCode(Nothing {})),
            }),
            ..ActRequest::default()
        };
        meetings.act(request(rotate, &key)).await.unwrap();
        let get = GetMeetingRequest { meeting: meeting.meeting_id };
        let shown = meetings.get_meeting(request(get, &key)).await.unwrap().into_inner();
        self.keep_passcode("another passcode", &shown.meeting.unwrap().code.unwrap());
    }
}
