//! What Call Automation operations and connections end with.

use super::{Entry, rows};

rows! {
    200/0 Success LocalParticipant [CallAutomation MediaResult] ["CallDisconnected" "PlayCompleted" "PlayStarted" "MediaStreamingStarted" "MediaStreamingStopped" "TranscriptionStarted" "TranscriptionUpdated" "TranscriptionStopped"]
        "ended by the local participant"
        "Nothing to do.";
    200/4521 Success LocalParticipant [CallAutomation] ["CallDisconnected"]
        "participant left abruptly"
        "Nothing to do: the client went away without hanging up.";
    200/5000 Success OtherParticipant [CallAutomation] ["CallDisconnected"]
        "removed by another participant"
        "Ask who removed the participant; add it again if it should be there.";
    200/5010 Success Service [CallAutomation] ["CallDisconnected"]
        "only one participant remained"
        "Nothing to do: everybody else had left.";
    200/5013 Success Service [CallAutomation] ["CallDisconnected"]
        "nobody else joined the group call"
        "Invite the others again: nobody joined.";
    200/5855 ExpectedError Service [CallAutomation] []
        "removed after waiting in the lobby too long"
        "Ask somebody in the meeting to admit you, then join again.";
    200/7000 Success Application [CallAutomation] ["CallDisconnected"]
        "ended by Call Automation or a bot"
        "Nothing to do: a server application ended the call.";
    200/7015 Success Application [CallAutomation] ["CallDisconnected"]
        "ended after a successful transfer"
        "Nothing to do: the transfer target took over.";
    400/8500 UnexpectedClientError Service [CallAutomation] ["AnswerFailed"]
        "invalid media mode"
        "Use a media mode that the call supports.";
    400/8501 UnexpectedClientError Service [CallAutomation] ["AnswerFailed"]
        "call not established"
        "Wait until the call is established.";
    400/8523 UnexpectedClientError Service [CallAutomation] ["CreateCallFailed" "AnswerFailed"]
        "invalid argument in the body"
        "Correct the argument that the message names.";
    400/8528 UnexpectedClientError Service [CallAutomation] ["AnswerFailed"]
        "call terminated"
        "Nothing to do: the call was over.";
    400/8559 UnexpectedClientError Service [CallAutomation] ["CallDisconnected"]
        "duplicate recording / single dial-out app"
        "Start one recording at a time, with one dial-out application.";
    400/8567 UnexpectedClientError Service [CallAutomation] ["CreateCallFailed"]
        "cognitive service not configured for the resource"
        "Configure a speech provider for the resource.";
    400/8585 UnexpectedClientError Service [CallAutomation] ["AnswerFailed"]
        "action not valid in the current call state"
        "Look at the state of the call first: the action is not valid in it.";
    403/7504 UnexpectedClientError Policy [CallAutomation] ["CreateCallFailed"]
        "insufficient application permissions"
        "Give the application the permission that the operation needs.";
    403/7507 UnexpectedClientError Policy [CallAutomation] ["CreateCallFailed"]
        "call source identity invalid"
        "Use a source identity that belongs to the resource.";
    403/8560 ExpectedError Policy [CallAutomation] []
        "join blocked: the meeting is locked"
        "Ask the organizer or a co-organizer to unlock the meeting, then join again.";
    404/404 UnexpectedClientError Service [CallAutomation] ["AnswerFailed"]
        "unable to answer"
        "Check that the call still rings, then answer.";
    404/4500 UnexpectedClientError Service [CallAutomation] ["CreateCallFailed"]
        "call id does not exist"
        "Check the call id: the call is not there or over.";
    404/8522 UnexpectedClientError Service [CallAutomation] ["CreateCallFailed" "AnswerFailed"]
        "resource (call, participant) not found"
        "Check the id: the call, the participant or the configuration is not there.";
    404/8561 ExpectedError Policy [CallAutomation] []
        "no meeting is joined by that id and passcode"
        "Check both in the invitation: the id has 12 digits, the passcode 6 characters whose case \
         counts.";
    405/8520 UnexpectedClientError Service [CallAutomation] ["CreateCallFailed"]
        "not supported"
        "Use another operation: this one is not supported here.";
    405/8522 UnexpectedClientError Service [CallAutomation] ["CreateCallFailed"]
        "missing configuration"
        "Check the id: the call, the participant or the configuration is not there.";
    409/8519 UnexpectedClientError Service [CallAutomation] ["CreateCallFailed" "ConnectFailed"]
        "conflict"
        "Wait for the other operation to end, then try again.";
    412/8583 UnexpectedClientError Service [CallAutomation] ["CreateCallFailed"]
        "precondition failed (incompatible media action)"
        "Let the running media operation end, or interrupt it.";
    429/10_110 UnexpectedClientError Service [CallAutomation] ["ConnectFailed"]
        "maximum call duration exceeded"
        "Call again: the longest duration of a call was reached.";
    430/10_315 UnexpectedClientError Service [CallAutomation] ["AnswerFailed"]
        "signalling message not delivered"
        "Check that the client is connected: a signaling message was not delivered.";
    430/10_317 UnexpectedClientError Service [CallAutomation] ["AnswerFailed"]
        "signalling request not acknowledged"
        "Check that the client is connected: a signaling request was not acknowledged.";
    487/4501 ExpectedError Callee [CallAutomation] ["AnswerFailed"]
        "declined or no media offer"
        "The callee declined or sent no media offer: check its client, then call again.";
    500/10_045 UnexpectedServerError Service [CallAutomation] ["CallDisconnected"]
        "infrastructure error"
        "Call again; look at the server's log if it repeats.";
}
