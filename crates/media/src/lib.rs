//! The media core: SRTP, RTP and RTCP, forwarding, speaker detection, jitter buffering.
