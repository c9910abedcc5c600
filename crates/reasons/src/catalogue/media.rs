//! What prompts, recognition and streaming end with.

use super::{Entry, rows};

rows! {
    200/8514 Success Service [MediaResult] ["RecognizeCompleted"]
        "stop tone"
        "Nothing to do.";
    200/8531 Success Service [MediaResult] ["RecognizeCompleted"]
        "max digits received"
        "Nothing to do.";
    200/8533 Success Service [MediaResult] ["RecognizeCompleted"]
        "DTMF option matched"
        "Nothing to do.";
    200/8545 Success Service [MediaResult] ["RecognizeCompleted"]
        "speech option matched"
        "Nothing to do.";
    200/8569 Success Service [MediaResult] ["RecognizeCompleted"]
        "speech recognized"
        "Nothing to do.";
    400/8508 Success Application [MediaResult] ["PlayCanceled" "RecognizeCanceled"]
        "cancelled"
        "Nothing to do: the operation was cancelled.";
    400/8510 ExpectedError Service [MediaResult] ["RecognizeFailed"]
        "initial silence timeout"
        "Ask again: nobody spoke or pressed a key in time.";
    400/8532 ExpectedError Service [MediaResult] ["RecognizeFailed"]
        "inter-digit timeout"
        "Ask again, or allow more time between digits.";
    400/8535 ExpectedError Service [MediaResult] ["PlayFailed"]
        "file format invalid"
        "Use WAV mono 16-bit PCM at 16 kHz, or MP3.";
    400/8536 ExpectedError Service [MediaResult] ["PlayFailed"]
        "file could not be downloaded"
        "Check that the server reaches the address of the file.";
    400/8547 ExpectedError Service [MediaResult] ["RecognizeFailed"]
        "speech option not matched"
        "Ask again: what was said is not one of the choices.";
    400/8563 ExpectedError Service [MediaResult] ["RecognizeFailed"]
        "speech not recognized"
        "Ask again: nothing intelligible was said.";
    400/8565 ExpectedError Service [MediaResult] ["PlayFailed"]
        "cognitive service error"
        "Check the speech provider: address, key and quota.";
    401/8565 ExpectedError Service [MediaResult] ["PlayFailed"]
        "cognitive service error"
        "Check the speech provider: address, key and quota.";
    403/8565 ExpectedError Service [MediaResult] ["PlayFailed"]
        "cognitive service error"
        "Check the speech provider: address, key and quota.";
    408/8565 ExpectedError Service [MediaResult] ["PlayFailed"]
        "cognitive service error"
        "Check the speech provider: address, key and quota.";
    429/8565 ExpectedError Service [MediaResult] ["PlayFailed"]
        "cognitive service error"
        "Check the speech provider: address, key and quota.";
    500/8511 UnexpectedServerError Service [MediaResult] ["RecognizeFailed"]
        "prompt failed"
        "Check the prompt.";
    500/8512 UnexpectedServerError Service [MediaResult] ["RecognizeFailed"]
        "beep failed"
        "Recognize again; look at the server's log if it repeats.";
    500/8534 UnexpectedServerError Service [MediaResult] ["RecognizeFailed"]
        "incorrect tone"
        "Ask again: the key is not one of the choices.";
    500/8572 UnexpectedServerError Service [MediaResult] ["PlayFailed"]
        "play service shut down"
        "Play again; look at the server's log if it repeats.";
    500/9999 UnexpectedServerError Service [MediaResult] ["PlayFailed" "RecognizeFailed"]
        "unknown"
        "Try again; look at the server's log if it repeats.";
}
