//! The client protocol: frames, the resumable session, the subset of SDP it needs.
