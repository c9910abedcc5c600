//! What calls into the client library fail with.

use super::{Entry, rows};

rows! {
    400/40_613 ExpectedError ClientEnvironment [ClientSdk] []
        "microphone/camera permission denied"
        "Allow the microphone and the camera in the browser or system settings.";
    400/41_006 ExpectedError ClientEnvironment [ClientSdk] []
        "accept: not in Ringing state"
        "Accept only while the incoming call rings.";
    400/41_007 ExpectedError ClientEnvironment [ClientSdk] []
        "reject: not in Ringing state"
        "Reject only while the incoming call rings.";
    400/41_016 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "unmute failed"
        "Try again; look at the client's log if it repeats.";
    400/41_025 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "start video: invalid LocalVideoStream"
        "Pass a LocalVideoStream of a working camera.";
    400/41_027 ExpectedError ClientEnvironment [ClientSdk] []
        "video already started"
        "Stop the running video first, or keep it.";
    400/41_030 ExpectedError ClientEnvironment [ClientSdk] []
        "video already stopped"
        "Nothing to do: no video is being sent.";
    400/41_032 ExpectedError ClientEnvironment [ClientSdk] []
        "stop video: stream not being sent"
        "Stop a stream that is being sent.";
    400/41_035 ExpectedError ClientEnvironment [ClientSdk] []
        "screen share already started"
        "Nothing to do: the screen is shared already.";
    400/41_041 ExpectedError ClientEnvironment [ClientSdk] []
        "screen share already stopped"
        "Nothing to do: no screen is being shared.";
    400/43_004 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "switch source: invalid input"
        "Try again; look at the client's log if it repeats.";
    400/43_005 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "switch source: same device"
        "Try again; look at the client's log if it repeats.";
    400/43_210 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "renderer already disposed"
        "Try again; look at the client's log if it repeats.";
    400/43_220 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "too many remote views"
        "Close other remote views first.";
    403/43_001 ExpectedError ClientEnvironment [ClientSdk] []
        "camera permission missing"
        "Allow the camera in the browser or system settings.";
    404/43_202 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "render: stream gone"
        "Try again; look at the client's log if it repeats.";
    405/40_606 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "speaker enumeration not supported"
        "Let the browser choose the speaker: it cannot list them.";
    405/43_209 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "renderer disposed during init"
        "Try again; look at the client's log if it repeats.";
    408/40_101 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "CallAgent creation failed"
        "Try again; look at the client's log if it repeats.";
    408/40_104 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "CallAgent creation failed"
        "Try again; look at the client's log if it repeats.";
    408/40_114 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "cannot reach infrastructure"
        "Check that the client reaches the server.";
    408/43_203 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "render: timed out"
        "Try again; look at the client's log if it repeats.";
    409/40_228 ExpectedError ClientEnvironment [ClientSdk] []
        "CallAgent for this identity already exists"
        "Dispose of the existing CallAgent of this identity first, or use it.";
    409/40_230 ExpectedError ClientEnvironment [ClientSdk] []
        "TeamsCallAgent for this identity already exists"
        "Dispose of the existing TeamsCallAgent of this identity first, or use it.";
    410/41_048 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "start video during set-up failed"
        "Try again; look at the client's log if it repeats.";
    412/40_115 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "CallAgent creation: no connection"
        "Check the connection to the server, then create the agent again.";
    412/41_056 ExpectedError ClientEnvironment [ClientSdk] []
        "Teams enterprise voice not enabled"
        "Enable enterprise voice and assign a phone licence to the user.";
    412/41_071 ExpectedError ClientEnvironment [ClientSdk] []
        "screen share: call not connected"
        "Share the screen once the call is Connected.";
    412/41_073 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "custom MediaStream disabled"
        "Try again; look at the client's log if it repeats.";
    412/43_000 ExpectedError ClientEnvironment [ClientSdk] []
        "camera in use"
        "Close the other application that uses the camera.";
    412/43_013 ExpectedError ClientEnvironment [ClientSdk] []
        "no video device"
        "Connect a camera.";
    412/43_014 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "media stream request failed"
        "Try again; look at the client's log if it repeats.";
    412/43_015 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "media stream request timed out"
        "Try again; look at the client's log if it repeats.";
    412/43_016 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "denied by the system"
        "Allow the device in the system settings.";
    412/43_017 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "unsupported stream"
        "Try again; look at the client's log if it repeats.";
    412/43_018 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "set constraints failed"
        "Try again; look at the client's log if it repeats.";
    412/43_019 ExpectedError ClientEnvironment [ClientSdk] []
        "no device selected"
        "Select a device first.";
    412/43_200 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "render: stream not available"
        "Try again; look at the client's log if it repeats.";
    500/40_216 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "CallAgent creation failed"
        "Try again; look at the client's log if it repeats.";
    500/40_614 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "asking for permission failed"
        "Try again; look at the client's log if it repeats.";
    500/41_015 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "mute failed"
        "Try again; look at the client's log if it repeats.";
    500/41_033 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "hold failed"
        "Try again; look at the client's log if it repeats.";
    500/41_034 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "resume failed"
        "Try again; look at the client's log if it repeats.";
    500/43_002 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "start video: unknown"
        "Try again; look at the client's log if it repeats.";
    500/43_204 UnexpectedClientError ClientEnvironment [ClientSdk] []
        "render: subscribe failed"
        "Try again; look at the client's log if it repeats.";
}
