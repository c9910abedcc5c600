//! The gRPC façade: identity, calling, signaling, health, reflection.
