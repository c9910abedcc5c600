//! What every command of signaling has, whichever it is: a call, an operation, an offer of media.

use trunkline_ids::CallId;
use trunkline_proto::{calling::v1 as calling, signaling::v1::command::Kind};

pub(super) fn with_offer(mut command: Kind, offer: &crate::media::LocalOffer) -> Kind {
    let media = Some(calling::MediaOffer { sdp: offer.sdp.clone(), tracks: offer.tracks.clone() });
    match &mut command {
        Kind::PlaceCall(request) => request.media = media,
        Kind::JoinCall(request) => request.media = media,
        Kind::AcceptCall(request) => request.media = media,
        Kind::RejectCall(_)
        | Kind::HangUp(_)
        | Kind::Hold(_)
        | Kind::Resume(_)
        | Kind::Mute(_)
        | Kind::Unmute(_)
        | Kind::MuteParticipant(_)
        | Kind::MuteAllParticipants(_)
        | Kind::AddParticipant(_)
        | Kind::CancelAddParticipant(_)
        | Kind::RemoveParticipant(_)
        | Kind::StartVideo(_)
        | Kind::StopVideo(_)
        | Kind::StartScreenShare(_)
        | Kind::StopScreenShare(_)
        | Kind::SetVideoTiles(_)
        | Kind::RestartMedia(_)
        | Kind::ActInMeeting(_)
        | Kind::GetSnapshot(_)
        | Kind::TransferCall(_) => {}
    }
    command
}

macro_rules! each_command {
    ($command:expr, $request:ident => $set:expr, $($unnamed:pat => $nothing:expr)?) => {
        match $command {
            Kind::AcceptCall($request) => $set,
            Kind::RejectCall($request) => $set,
            Kind::HangUp($request) => $set,
            Kind::Hold($request) => $set,
            Kind::Resume($request) => $set,
            Kind::Mute($request) => $set,
            Kind::Unmute($request) => $set,
            Kind::MuteParticipant($request) => $set,
            Kind::MuteAllParticipants($request) => $set,
            Kind::AddParticipant($request) => $set,
            Kind::CancelAddParticipant($request) => $set,
            Kind::RemoveParticipant($request) => $set,
            Kind::StartVideo($request) => $set,
            Kind::StopVideo($request) => $set,
            Kind::StartScreenShare($request) => $set,
            Kind::StopScreenShare($request) => $set,
            Kind::SetVideoTiles($request) => $set,
            Kind::RestartMedia($request) => $set,
            Kind::ActInMeeting($request) => $set,
            Kind::GetSnapshot($request) => $set,
            Kind::TransferCall($request) => $set,
            $($unnamed => $nothing,)?
        }
    };
}

pub(super) fn set_call_id(command: &mut Kind, call_id: CallId) {
    each_command!(
        command,
        request => request.call_id = call_id.to_string(),
        // These make the call.
        Kind::PlaceCall(_) | Kind::JoinCall(_) => {}
    );
}

pub(super) fn set_operation_id(command: &mut Kind, operation_id: String) {
    match command {
        Kind::PlaceCall(request) => request.operation_id = operation_id,
        Kind::JoinCall(request) => request.operation_id = operation_id,
        other => each_command!(
            other,
            request => request.operation_id = operation_id,
            Kind::PlaceCall(_) | Kind::JoinCall(_) => {}
        ),
    }
}
