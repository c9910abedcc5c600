//! How calls with a phone end; 54xxxx and 56xxxx end in the SIP status of the trunk.

use super::{Entry, rows};

rows! {
    403/511_532 ExpectedError PhoneNetwork [PstnEnd] []
        "SIP trunk configuration not found"
        "Configure a SIP trunk and a route that matches the number.";
    403/560_403 ExpectedError PhoneNetwork [PstnEnd CallAutomation] ["CreateCallFailed"]
        "forbidden, cancelled or rejected"
        "The phone network forbids the call or it was rejected: check the number and the \
         trunk's permissions.";
    404/511_404 ExpectedError PhoneNetwork [PstnEnd] []
        "number or resource not found"
        "Check the number and the resource that owns it.";
    404/560_404 ExpectedError PhoneNetwork [PstnEnd] []
        "number not found / not assigned / not allowed"
        "Check the number: it is not assigned or may not be called from this trunk.";
    408/500_001 UnexpectedServerError PhoneNetwork [PstnEnd] []
        "user gateway timeout"
        "The gateway timed out: call again, and look at the gateway if it repeats.";
    408/560_408 ExpectedError PhoneNetwork [PstnEnd] []
        "callee did not answer the set-up message in time"
        "The far end did not answer the set-up message: check that the trunk is up (OPTIONS), \
         then call again.";
    410/531_004 ExpectedError PhoneNetwork [PstnEnd] []
        "ICE checks failed"
        "No media path to the trunk: check addresses, NAT and firewall between server and \
         gateway.";
    480/560_480 ExpectedError PhoneNetwork [PstnEnd CallAutomation] ["CreateCallFailed"]
        "no answer / temporarily unavailable"
        "Nobody answered or the phone is off: call again later.";
    484/560_484 ExpectedError PhoneNetwork [PstnEnd CallAutomation] ["ConnectFailed"]
        "incomplete or invalid number"
        "Complete the number: E.164 with country code.";
    486/540_486 Success PhoneNetwork [PstnEnd] []
        "busy"
        "The line is busy: call again later.";
    497/560_487 Success PhoneNetwork [PstnEnd] []
        "caller cancelled / normal clearing"
        "Nothing to do: the call was cancelled and cleared normally.";
    500/560_500 UnexpectedServerError PhoneNetwork [PstnEnd] []
        "internal error"
        "The gateway failed: look at its log, then call again.";
    503/560_503 UnexpectedServerError PhoneNetwork [PstnEnd CallAutomation] ["CallDisconnected"]
        "internal error or network out of order"
        "The gateway or its network is out of order: check the trunk, then call again.";
    603/560_603 ExpectedError PhoneNetwork [PstnEnd] []
        "declined, or fraud detection"
        "The phone declined, or fraud detection did: ask the operator if it repeats.";
}
