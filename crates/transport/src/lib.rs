//! WebRTC on the wire: ICE, DTLS-SRTP, sockets, one media shard per core.
