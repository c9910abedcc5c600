//! A node with clients on in-process transports.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;
use trunkline_chat::Member;
use trunkline_ids::{CommunicationIdentifier, ResourceId};
use trunkline_interop::{MeetingSettings, Schedule};
use trunkline_node::{
    ChatActor, ChatConfig, CreateMeeting, DirectoryEntry, Identity, IdentityConfig, Inbound,
    MeetingActor, MeetingsConfig, Node, NodeConfig, Outbound, RelayConfig, TokenRequest, Transport,
    TransportOrigin,
};
use trunkline_policy::{BarrierRule, FederationConfig, Scope, Segment, SegmentId};
use trunkline_proto::calling::v1::{self as calling, CallState, call_event};
use trunkline_proto::common::v1 as common;
use trunkline_proto::signaling::v1::{
    self as signaling, ClientFrame, CommandResult, Hello, ResumeSession, ServerFrame, client_frame,
    command, server_frame,
};
use trunkline_signaling::close::CloseCode;
use trunkline_transport::PlaneConfig;

use crate::held_store::{self, Faults};

pub(crate) struct Scene {
    pub(crate) node: Node,
    pub(crate) faults: Arc<Faults>,
    signing_key: Vec<u8>,
    place: TempDir,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::with(FederationConfig { enable_acs_users: true, ..FederationConfig::default() }).await
    }

    pub(crate) async fn without_federation() -> Self {
        Self::with(FederationConfig::default()).await
    }

    async fn with(federation: FederationConfig) -> Self {
        let signing_key = Identity::generate_signing_key().unwrap();
        Self::open_in(tempfile::tempdir().unwrap(), signing_key, federation).await
    }

    /// Stops the node and starts another one on what it kept.
    pub(crate) async fn restart(self) -> Self {
        self.node.shutdown().await;
        let Self { node, signing_key, place, .. } = self;
        // Whoever holds the store holds its files.
        drop(node);
        // What the configuration says of federation is for a new tenant only.
        Self::open_in(place, signing_key, FederationConfig::default()).await
    }

    async fn open_in(place: TempDir, signing_key: Vec<u8>, federation: FederationConfig) -> Self {
        let directory = ["alice", "bob", "charlie", "dan"]
            .iter()
            .enumerate()
            .map(|(index, alias)| DirectoryEntry {
                alias: (*alias).to_owned(),
                object_id: format!("00000000-0000-4000-8000-00000000000{index}"),
                display_name: alias.parse().unwrap(),
                licenses: BTreeSet::new(),
            })
            .collect();
        let identity = IdentityConfig {
            resource: "5f9c1a52-0001-4a6b-8c1d-000000000001".parse().unwrap(),
            tenant: "5f9c1a52-0001-4a6b-8c1d-000000000002".parse().unwrap(),
            access_keys: ["k".repeat(40), "l".repeat(40)],
            signing_key: signing_key.clone(),
            issuers: Vec::new(),
            has_dev_issuer: true,
            tenant_name: "contoso".parse().unwrap(),
            directory,
        };
        let plane = PlaneConfig { shards: 1, ..PlaneConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST)) };
        let faults = Arc::<Faults>::default();
        let config = NodeConfig {
            store: held_store::open(place.path(), Arc::clone(&faults)),
            identity,
            federation,
            plane,
            participant_limit: 350,
            chat: ChatConfig::default(),
            meetings: MeetingsConfig::default(),
            relay: RelayConfig::default(),
        };
        Self { node: Node::start(config).await.unwrap(), faults, signing_key, place }
    }

    pub(crate) async fn stop(self) {
        self.node.shutdown().await;
        assert_eq!(self.node.status().tasks, 0, "tasks outlive the shutdown");
    }

    pub(crate) fn resource(&self) -> ResourceId {
        self.node.identity().resource().clone()
    }

    pub(crate) async fn token(&self, user: &str) -> String {
        self.token_with(user, &[Scope::Voip]).await
    }

    pub(crate) async fn token_with(&self, user: &str, scopes: &[Scope]) -> String {
        let request = TokenRequest { scopes: &scopes.iter().copied().collect(), life: None };
        let (identity, now) = (self.node.identity(), self.node.clock().wall());
        let issued = identity.issue_token(identity.resource(), user, request, now).await;
        issued.unwrap().1.token
    }

    pub(crate) async fn client(&self, user: &str) -> Client {
        self.client_with(user, &[Scope::Voip]).await
    }

    pub(crate) async fn client_with(&self, user: &str, scopes: &[Scope]) -> Client {
        self.welcomed(user, self.token_with(user, scopes).await).await
    }

    pub(crate) async fn app_user(&self) -> Client {
        let (identity, now) = (self.node.identity(), self.node.clock().wall());
        let user = identity.create_user(identity.resource(), now).await.unwrap();
        let raw_id = user.identifier.to_string();
        self.welcomed(&raw_id, self.token(&raw_id).await).await
    }

    async fn welcomed(&self, user: &str, token: String) -> Client {
        let mut client = self.client_raw().await;
        client.user = user.to_owned();
        client.hello(&token, None).await;
        client.welcome().await;
        client
    }

    pub(crate) async fn client_raw(&self) -> Client {
        Client {
            user: String::new(),
            transport: Some(self.open()),
            session_id: String::new(),
            seq: 0,
            last_seq: 0,
            frames: Vec::new(),
            participants: HashMap::new(),
            events: Vec::new(),
        }
    }

    /// Makes a segment, and a directory user one of it.
    pub(crate) async fn put_into_segment(&self, alias: &str, name: &str, rule: BarrierRule) {
        let (admin, tenant) = (self.node.admin(), self.node.identity().tenant().clone());
        let id: SegmentId = name.parse().unwrap();
        admin.put_segment(&tenant, Segment { id: id.clone(), rule }).await.unwrap();
        let users = admin.directory_users(&tenant).unwrap();
        let mut user = users.into_iter().find(|user| user.alias.as_str() == alias).unwrap();
        user.segment = Some(id);
        admin.put_directory_user(&tenant, user).await.unwrap();
    }

    /// The names, in the directory, of who is in a chat as one of its members sees it.
    pub(crate) async fn chat_members(&self, reader: &str, thread_id: &str) -> Vec<String> {
        let reader = ChatActor::new(self.identifier(reader), [Scope::Chat]);
        let thread_id = thread_id.parse().unwrap();
        let members = self.node.chat().members(&reader, &thread_id, 0, 100).await.unwrap();
        let name = |member: Member| self.node.identity().directory_name(&member.identifier);
        members.items.into_iter().map(|member| name(member).unwrap().to_string()).collect()
    }

    /// Makes a meeting and returns its link.
    pub(crate) async fn meeting_of(&self, organizer: &str) -> String {
        let request = CreateMeeting {
            organizer: self.identifier(organizer),
            subject: None,
            schedule: Schedule::MeetNow,
            settings: MeetingSettings::default(),
            roles: BTreeMap::new(),
            invited: BTreeSet::new(),
            is_channel: false,
        };
        let meetings = self.node.meetings();
        meetings.create(&MeetingActor::Application, request).await.unwrap().join_link
    }

    fn identifier(&self, user: &str) -> CommunicationIdentifier {
        self.node.meetings().identifier(user).unwrap()
    }

    fn open(&self) -> Transport {
        let origin = TransportOrigin { peer_addr: None, carrier: "test" };
        self.node.open_transport(origin).unwrap()
    }
}

pub(crate) fn reason(reason: &Option<common::EndReason>) -> (i32, i32) {
    reason.as_ref().map(|reason| (reason.code, reason.sub_code)).unwrap()
}

/// A client that checks the protocol's promises as it reads: no gap, no duplicate.
pub(crate) struct Client {
    user: String,
    transport: Option<Transport>,
    pub(crate) session_id: String,
    seq: u64,
    pub(crate) last_seq: u64,
    /// Sequenced bodies that nobody has asked for yet.
    frames: Vec<server_frame::Body>,
    participants: HashMap<String, String>,
    /// Every call event received, in order.
    events: Vec<calling::CallEvent>,
}

impl Client {
    pub(crate) async fn hello(&mut self, token: &str, resume: Option<(&str, u64)>) {
        let resume =
            resume.map(|(id, last_seq)| ResumeSession { session_id: id.to_owned(), last_seq });
        let hello = Hello { token: token.to_owned(), resume, ..Default::default() };
        let body = Some(client_frame::Body::Hello(hello));
        self.send(Inbound::Frame(ClientFrame { seq: 0, ack: 0, body })).await;
    }

    pub(crate) async fn resume(&mut self, scene: &Scene) {
        self.transport = Some(scene.open());
        let token = scene.token(&self.user.clone()).await;
        let (id, last_seq) = (self.session_id.clone(), self.last_seq);
        self.hello(&token, Some((&id, last_seq))).await;
        assert!(self.welcome().await.resumed);
    }

    pub(crate) fn cut(&mut self) {
        self.transport = None;
    }

    async fn welcome(&mut self) -> signaling::Welcome {
        match self.next_frame().await.expect("a welcome").body {
            Some(server_frame::Body::Welcome(welcome)) => {
                self.session_id.clone_from(&welcome.session_id);
                welcome
            }
            other => panic!("expected a welcome, got {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, inbound: Inbound) {
        let _ = self.transport.as_ref().unwrap().inbound.send(inbound).await;
    }

    pub(crate) async fn send_command_frame(&mut self, seq: u64, kind: command::Kind) {
        let command = signaling::Command { kind: Some(kind) };
        let body = Some(client_frame::Body::Command(command));
        self.send(Inbound::Frame(ClientFrame { seq, ack: self.last_seq, body })).await;
    }

    pub(crate) async fn command(&mut self, kind: command::Kind) -> CommandResult {
        self.seq += 1;
        self.send_command_frame(self.seq, kind).await;
        self.take(|body| match body {
            server_frame::Body::CommandResult(result) => Some(result.clone()),
            _ => None,
        })
        .await
    }

    /// Offers another token.
    pub(crate) async fn refresh(&mut self, token: String) -> signaling::TokenRefreshed {
        self.seq += 1;
        let body = Some(client_frame::Body::RefreshToken(signaling::RefreshToken { token }));
        self.send(Inbound::Frame(ClientFrame { seq: self.seq, ack: self.last_seq, body })).await;
        self.take(|body| match body {
            server_frame::Body::TokenRefreshed(refreshed) => Some(refreshed.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn try_place(&mut self, targets: &[&str]) -> CommandResult {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        let operation_id = format!("place-{}", self.seq);
        let request = calling::PlaceCallRequest { operation_id, targets, ..Default::default() };
        let result = self.command(command::Kind::PlaceCall(request)).await;
        self.participants.insert(result.call_id.clone(), result.participant_id.clone());
        result
    }

    pub(crate) async fn place(&mut self, targets: &[&str]) -> String {
        let result = self.try_place(targets).await;
        assert_eq!(result.error, None);
        result.call_id
    }

    pub(crate) async fn accept(&mut self, call_id: &str) {
        let operation_id = format!("accept-{}", self.seq);
        let call_id = call_id.to_owned();
        let request = calling::AcceptCallRequest { operation_id, call_id, ..Default::default() };
        let result = self.command(command::Kind::AcceptCall(request)).await;
        assert_eq!(result.error, None);
        self.participants.insert(result.call_id.clone(), result.participant_id);
    }

    /// Notes as whom this endpoint is in a call that it has joined.
    pub(crate) fn joined(&mut self, result: &CommandResult) {
        self.participants.insert(result.call_id.clone(), result.participant_id.clone());
    }

    /// Returns as whom this endpoint is in a call.
    pub(crate) fn participant(&self, call_id: &str) -> String {
        self.participants[call_id].clone()
    }

    pub(crate) async fn hang_up(&mut self, call_id: &str) -> CommandResult {
        let operation_id = format!("hang-up-{}", self.seq);
        let call_id = call_id.to_owned();
        let request = calling::HangUpRequest { operation_id, call_id, for_everyone: false };
        self.command(command::Kind::HangUp(request)).await
    }

    pub(crate) async fn mute(&mut self, call_id: &str, is_muted: bool) -> CommandResult {
        let operation_id = format!("mute-{}", self.seq);
        let call_id = call_id.to_owned();
        self.command(match is_muted {
            true => command::Kind::Mute(calling::MuteRequest { operation_id, call_id }),
            false => command::Kind::Unmute(calling::UnmuteRequest { operation_id, call_id }),
        })
        .await
    }

    pub(crate) async fn connected_call(&mut self, other: &mut Self, name: &str) -> String {
        let call_id = self.place(&[name]).await;
        other.incoming_call().await;
        other.accept(&call_id).await;
        self.own_states(&call_id, CallState::Connected).await;
        other.own_states(&call_id, CallState::Connected).await;
        let theirs = other.participants[&call_id].clone();
        self.event(&call_id, |kind| match kind {
            call_event::Kind::CallStateChanged(change)
                if change.participant_id == theirs && change.state() == CallState::Connected =>
            {
                Some(())
            }
            _ => None,
        })
        .await;
        call_id
    }

    pub(crate) async fn incoming_call(&mut self) -> calling::IncomingCall {
        self.take(|body| match body {
            server_frame::Body::IncomingCall(incoming) => Some(incoming.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn incoming_call_ended(&mut self) -> calling::IncomingCallEnded {
        self.take(|body| match body {
            server_frame::Body::IncomingCallEnded(ended) => Some(ended.clone()),
            _ => None,
        })
        .await
    }

    /// Passes over what has been received and not asked for.
    pub(crate) fn forget_queued(&mut self) {
        self.frames.clear();
    }

    /// Waits for the first change of this endpoint's own connection that `pick` takes.
    pub(crate) async fn own_event<T>(
        &mut self,
        call_id: &str,
        pick: impl Fn(&calling::CallStateChanged) -> Option<T>,
    ) -> T {
        let own = self.participants[call_id].clone();
        self.event(call_id, |kind| match kind {
            call_event::Kind::CallStateChanged(change) if change.participant_id == own => {
                pick(change)
            }
            _ => None,
        })
        .await
    }

    /// Waits until this endpoint's own connection reaches `last` and returns the states on the way.
    pub(crate) async fn own_states(&mut self, call_id: &str, last: CallState) -> Vec<&'static str> {
        let own = self.participants[call_id].clone();
        let mut states = Vec::new();
        loop {
            let reached = self
                .event(call_id, |kind| match kind {
                    call_event::Kind::CallStateChanged(change) if change.participant_id == own => {
                        Some(change.state())
                    }
                    call_event::Kind::Snapshot(call) => {
                        let entry = call.participants.iter().find(|p| p.participant_id == own)?;
                        Some(entry.call_state())
                    }
                    _ => None,
                })
                .await;
            states.push(name(reached));
            if reached == last {
                return states;
            }
        }
    }

    pub(crate) async fn states_of_others_until_end(&mut self, call_id: &str) -> Vec<&'static str> {
        let own = self.participants[call_id].clone();
        let mut states = Vec::new();
        loop {
            let kind = self.event(call_id, |kind| Some(kind.clone())).await;
            match kind {
                call_event::Kind::CallStateChanged(change) if change.participant_id != own => {
                    states.push(name(change.state()));
                }
                call_event::Kind::CallEnded(_) => return states,
                _ => {}
            }
        }
    }

    pub(crate) async fn call_ended(&mut self, call_id: &str) -> calling::CallEnded {
        self.event(call_id, |kind| match kind {
            call_event::Kind::CallEnded(ended) => Some(ended.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for the first event of the call that `pick` takes; those before it are passed over.
    pub(crate) async fn event<T>(
        &mut self,
        call_id: &str,
        pick: impl Fn(&call_event::Kind) -> Option<T>,
    ) -> T {
        self.take(|body| match body {
            server_frame::Body::CallEvent(event) if event.call_id == call_id => {
                pick(event.kind.as_ref()?)
            }
            _ => None,
        })
        .await
    }

    pub(crate) async fn roster(&mut self, call_id: &str) -> calling::Call {
        self.forget_queued();
        let operation_id = format!("snapshot-{}", self.seq);
        let request = signaling::GetSnapshot { operation_id, call_id: call_id.to_owned() };
        self.command(command::Kind::GetSnapshot(request)).await;
        self.event(call_id, |kind| match kind {
            call_event::Kind::Snapshot(call) => Some(call.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) fn last_call_seq(&self, call_id: &str) -> u64 {
        let seqs = self.events.iter().filter(|event| event.call_id == call_id);
        seqs.map(|event| event.seq).max().unwrap_or_default()
    }

    /// Reads on until the call's event `last` and returns the events asked for after `resume`.
    pub(crate) async fn collect_call_seqs(&mut self, call_id: &str, last: u64) -> Vec<u64> {
        let mut seqs = Vec::new();
        while seqs.last() != Some(&last) {
            let event = self
                .take(|body| match body {
                    server_frame::Body::CallEvent(event) if event.call_id == call_id => {
                        Some(event.clone())
                    }
                    _ => None,
                })
                .await;
            seqs.push(event.seq);
        }
        seqs
    }

    /// The state of this endpoint's own connection, from all events received so far.
    pub(crate) fn state_of(&self, call_id: &str) -> CallState {
        let own = &self.participants[call_id];
        let of_event = |event: &calling::CallEvent| match &event.kind {
            Some(call_event::Kind::CallStateChanged(change)) if change.participant_id == *own => {
                Some(change.state())
            }
            _ => None,
        };
        let events = self.events.iter().filter(|event| event.call_id == call_id);
        events.filter_map(of_event).next_back().unwrap()
    }

    pub(crate) async fn close_code(&mut self) -> CloseCode {
        while let Some(outbound) = self.receive().await {
            if let Outbound::Close(code) = outbound {
                return code;
            }
        }
        panic!("the transport ended without a close code");
    }

    /// Everything on the transport up to its end.
    pub(crate) async fn everything(&mut self) -> (Vec<ServerFrame>, Option<CloseCode>) {
        let mut frames = Vec::new();
        while let Some(outbound) = self.receive().await {
            match outbound {
                Outbound::Frame(frame) => frames.push(frame.into()),
                Outbound::Close(code) => return (frames, Some(code)),
            }
        }
        (frames, None)
    }

    async fn take<T>(&mut self, pick: impl Fn(&server_frame::Body) -> Option<T>) -> T {
        let mut next = 0;
        loop {
            while next < self.frames.len() {
                if let Some(found) = pick(&self.frames[next]) {
                    self.frames.remove(next);
                    return found;
                }
                next += 1;
            }
            let frame = self.next_frame().await.expect("the transport ended");
            if frame.seq == 0 {
                continue;
            }
            assert_eq!(frame.seq, self.last_seq + 1, "a gap or a duplicate");
            self.last_seq = frame.seq;
            let body = frame.body.expect("a sequenced frame has a body");
            if let server_frame::Body::CallEvent(event) = &body {
                self.events.push(event.clone());
            }
            self.frames.push(body);
        }
    }

    async fn next_frame(&mut self) -> Option<ServerFrame> {
        loop {
            let frame: ServerFrame = match self.receive().await? {
                Outbound::Frame(frame) => frame.into(),
                Outbound::Close(code) => panic!("closed with {code:?}"),
            };
            if let Some(server_frame::Body::Ping(signaling::Ping { nonce })) = &frame.body {
                let pong = signaling::Pong { nonce: *nonce };
                let body = Some(client_frame::Body::Pong(pong));
                self.send(Inbound::Frame(ClientFrame { seq: 0, ack: self.last_seq, body })).await;
                continue;
            }
            return Some(frame);
        }
    }

    async fn receive(&mut self) -> Option<Outbound> {
        let transport = self.transport.as_mut().expect("a transport");
        // Virtual time: this passes in no time when nothing is going to happen.
        let limit = Duration::from_secs(600);
        timeout(limit, transport.outbound.recv()).await.expect("nothing happened for ten minutes")
    }
}

fn name(state: CallState) -> &'static str {
    match state {
        CallState::Unspecified => "Unspecified",
        CallState::None => "None",
        CallState::Connecting => "Connecting",
        CallState::Ringing => "Ringing",
        CallState::EarlyMedia => "EarlyMedia",
        CallState::Connected => "Connected",
        CallState::LocalHold => "LocalHold",
        CallState::RemoteHold => "RemoteHold",
        CallState::InLobby => "InLobby",
        CallState::Disconnecting => "Disconnecting",
        CallState::Disconnected => "Disconnected",
    }
}
