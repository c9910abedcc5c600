//! What lasts when the whole exchange is killed, or has no room to write.

#[path = "outages/chat.rs"]
mod chat;
#[path = "outages/disk.rs"]
mod disk;
#[path = "outages/exchange.rs"]
mod exchange;
#[path = "outages/kills.rs"]
mod kills;
#[path = "outages/metrics.rs"]
mod metrics;
#[path = "outages/receiver.rs"]
mod receiver;
#[path = "outages/writers.rs"]
mod writers;
