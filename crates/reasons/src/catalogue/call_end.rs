//! How calls end, and the codes that come without a subcode.

use super::{Entry, rows};

rows! {
    0/0 Success LocalParticipant [CallEnd PstnEnd] []
        "ended by the local participant"
        "Nothing to do: somebody hung up.";
    0/4097 Success Organizer [CallEnd] []
        "organizer ended it for all"
        "Nothing to do: somebody entitled to it ended the call for everyone.";
    0/4521 ExpectedError LocalParticipant [CallEnd] []
        "user left abruptly (tab closed)"
        "Nothing to do: the client went away without hanging up, as a closed tab does.";
    0/5000 Success OtherParticipant [CallEnd] []
        "removed by another participant"
        "Ask the participant who removed you; join or call again if you should be in the \
         call.";
    0/5003 Success Service [CallEnd] []
        "service ended it because the call ended"
        "Nothing to do: the call was over, so the service ended this leg of it.";
    0/5300 Success OtherParticipant [CallEnd] []
        "removed by another participant (client, Call Automation, Graph)"
        "Ask the participant or the application that removed you; join again if you should be \
         in the call.";
    0/5854 ExpectedError OtherParticipant [CallEnd] []
        "dismissed from the lobby"
        "Ask the organizer to let you in; until then a new attempt to join is dismissed, too.";
    0/5317 ExpectedError Service [CallEnd] []
        "removed because the role changed"
        "Join again with the new role; media rights follow the role.";
    0/7000 Success Application [CallEnd] []
        "ended by Call Automation or a server bot"
        "Nothing to do: a server application ended the call.";
    0/540_000 Success PhoneNetwork [CallEnd PstnEnd] []
        "ended by the local PSTN caller"
        "Nothing to do: the phone that called in hung up.";
    0/560_000 Success PhoneNetwork [CallEnd PstnEnd] []
        "ended by the remote PSTN party"
        "Nothing to do: the called phone hung up.";
    401/10_009 UnexpectedClientError Policy [CallEnd CallAutomation] ["CreateCallFailed"]
        "unauthenticated identity"
        "Sign in again: the service does not know the identity that the client presented.";
    401/71_005 UnexpectedClientError Policy [CallEnd CallAutomation] ["AnswerFailed"]
        "token validation error"
        "Issue a new access token; the one presented is expired, revoked, or signed by an \
         unknown key.";
    403/5222 ExpectedError Policy [CallEnd] []
        "ACS user is not allowed to create conversation: the tenant has no federation with the resource"
        "Federation between the app's resource and the tenant is off: a tenant admin sets \
         EnableAcsUsers to true and lists the resource in AllowedAcsResources \
         (Set-CsTeamsAcsFederationConfiguration -EnableAcsUsers $true -AllowedAcsResources \
         <resource id>).";
    403/5828 UnexpectedClientError Policy [CallEnd] []
        "room join refused: not on the roster"
        "Add the user to the roster of the room, then join again.";
    403/5829 UnexpectedClientError Policy [CallEnd] []
        "room join refused: outside the valid time"
        "Join between the start and the end of the room's validity, or change it.";
    403/5830 ExpectedError Policy [CallEnd] []
        "room join refused: only ACS users may join"
        "Join with an app user: the room admits no other kind of identity.";
    403/510_403 ExpectedError PhoneNetwork [CallEnd PstnEnd CallAutomation] ["CreateCallFailed"]
        "PSTN blocked: no voice route / no alternate id / SBC refuses / spam"
        "Check the voice route, the alternate caller id and the trunk's rules for the number.";
    408/4506 UnexpectedClientError Service [CallEnd CallAutomation] ["AnswerFailed"]
        "call timed out"
        "Call again; if it repeats, check that the callee's client is online and shows \
         incoming calls.";
    408/10_057 ExpectedError Callee [CallEnd CallAutomation] ["ConnectFailed"]
        "callee failed to finish call set-up"
        "The callee accepted but media never came up: check that the callee's client reaches \
         the media ports over UDP (`trunkline doctor`).";
    410/3100 UnexpectedClientError ClientEnvironment [CallEnd] []
        "setup failed: client network problem"
        "Check that the client reaches the media ports over UDP (`trunkline doctor`), then \
         call again.";
    410/3101 UnexpectedClientError ClientEnvironment [CallEnd] []
        "dropped: client network problem"
        "Check the client's network for loss and roaming, then call again.";
    410/3111 UnexpectedClientError ClientEnvironment [CallEnd] []
        "setup failed: media offer not processed"
        "Update the client and look at its media offer: the server could not process the \
         session description.";
    410/3112 ExpectedError ClientEnvironment [CallEnd] []
        "setup failed: client network configuration"
        "Let the client's firewall or proxy pass UDP to the media ports, then call again.";
    410/301_004 UnexpectedClientError Service [CallEnd] []
        "removed: no media connectivity at set-up"
        "No media arrived from the client at set-up: let UDP pass to the media ports \
         (`trunkline doctor`), then call again.";
    410/301_005 UnexpectedClientError Service [CallEnd] []
        "removed: media connectivity lost"
        "Media stopped arriving from the client: check its network, then call again.";
    480/10_037 ExpectedError Service [CallEnd] []
        "callee has no registered endpoint"
        "The callee has no client that registered for calls: open one and sign in as that \
         user, then call again.";
    480/10_076 ExpectedError Service [CallEnd CallAutomation] ["ConnectFailed"]
        "callee registered but not online"
        "The callee is registered, but no client is online: open one, then call again.";
    480/10_077 ExpectedError Service [CallEnd CallAutomation] ["AnswerFailed"]
        "callee registered/push but not online"
        "The callee is registered for push, but no client came online: check push delivery, \
         then call again.";
    480/10_078 ExpectedError Service [CallEnd CallAutomation] ["CreateCallFailed"]
        "callee endpoint not registered or unreachable"
        "The callee's endpoint is gone or unreachable: sign in again there, then call again.";
    486/560_486 Success PhoneNetwork [CallEnd PstnEnd] []
        "remote PSTN party busy"
        "The phone is busy: call again later.";
    487/0 Success Caller [CallEnd CallAutomation CodeOnly] ["CallDisconnected"]
        "caller cancelled"
        "Nothing to do: the caller gave up before the call was accepted. The callee may call \
         back.";
    487/10_003 Success Callee [CallEnd CallAutomation] ["CallDisconnected"]
        "accepted on another endpoint"
        "Nothing to do: another endpoint of the same user took the call.";
    487/10_004 ExpectedError Service [CallEnd CallAutomation] ["AnswerFailed"]
        "not accepted in time"
        "Nobody picked up in time: call again later.";
    487/10_024 Success Callee [CallEnd CallAutomation] ["CallDisconnected"]
        "declined by all callee endpoints"
        "Nothing to do: every endpoint of the callee declined.";
    487/540_487 Success Caller [CallEnd PstnEnd CallAutomation] ["CreateCallFailed"]
        "caller cancelled"
        "Nothing to do: the caller gave up before the call was answered.";
    490/4502 UnexpectedClientError ClientEnvironment [CallEnd CallAutomation] ["AnswerFailed"]
        "browser could not complete the HTTP request"
        "Check that the browser reaches the server over HTTPS: proxy, DNS and certificate.";
    495/4507 UnexpectedClientError ClientEnvironment [CallEnd CallAutomation] ["AnswerFailed"]
        "no valid ACS token given"
        "Give the client a valid access token and refresh it before it expires.";
    496/7 ExpectedError ClientEnvironment [CallEnd CallAutomation] ["AnswerFailed"]
        "a client lost its network and all retries failed"
        "Check the network of the client that dropped out; it was given two minutes to come \
         back. Then call or join again.";
    603/0 Success Callee [CallEnd CodeOnly] []
        "callee declined (client, Call Automation, Graph, PSTN or Teams reject)"
        "Nothing to do: the callee declined. Try again later or leave a message.";
    404/0 UnexpectedClientError Service [CodeOnly] []
        "call not found"
        "Check the call id: the call is not there or over.";
    408/0 UnexpectedServerError Service [CodeOnly] []
        "call controller timed out"
        "Call again; look at the server's log if it repeats.";
    410/0 UnexpectedClientError ClientEnvironment [CodeOnly] []
        "local media stack or media infrastructure error"
        "Check that the client reaches the media ports over UDP (`trunkline doctor`), then \
         call again.";
    430/0 UnexpectedClientError Service [CodeOnly] []
        "message to the client could not be delivered"
        "Check that the client is connected, then call again.";
    480/0 ExpectedError Service [CodeOnly] []
        "endpoint of the callee is not registered"
        "Open a client, sign in as the callee, then call again.";
    481/0 UnexpectedClientError Callee [CodeOnly] []
        "incoming call was not handled"
        "Check that the callee's client handles incoming calls.";
    490/0 UnexpectedClientError ClientEnvironment [CodeOnly] []
        "local network problem"
        "Check the client's network, then call again.";
    491/0 UnexpectedClientError ClientEnvironment [CodeOnly] []
        "local network problem"
        "Check the client's network, then call again.";
    496/0 UnexpectedClientError ClientEnvironment [CodeOnly] []
        "local network problem"
        "Check the client's network, then call again.";
    497/0 UnexpectedClientError ClientEnvironment [CodeOnly] []
        "local network problem"
        "Check the client's network, then call again.";
    498/0 UnexpectedClientError ClientEnvironment [CodeOnly] []
        "local network problem"
        "Check the client's network, then call again.";
    500/0 UnexpectedServerError Service [CodeOnly] []
        "infrastructure error"
        "Call again; look at the server's log if it repeats.";
    503/0 UnexpectedServerError Service [CodeOnly] []
        "infrastructure error"
        "Call again; look at the server's log if it repeats.";
    504/0 UnexpectedServerError Service [CodeOnly] []
        "infrastructure error"
        "Call again; look at the server's log if it repeats.";
    600/0 ExpectedError Callee [CodeOnly] []
        "callee is busy everywhere"
        "Every endpoint of the callee is busy: call again later.";
    604/0 ExpectedError Service [CodeOnly] []
        "callee does not exist"
        "Check the identifier of the callee.";
    606/0 ExpectedError Callee [CodeOnly] []
        "not acceptable to the callee"
        "Offer media that the callee's endpoint supports.";
}
