//! The realtime façade: chat notifications in the dialect of the browser SDK.
