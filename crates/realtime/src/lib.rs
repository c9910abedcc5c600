//! The realtime façade: chat notifications in the dialect of the browser SDK.

pub mod endpoint;
pub mod frame;
pub mod negotiate;
pub mod push;
