//! Pages and the WebSocket signaling endpoint.
