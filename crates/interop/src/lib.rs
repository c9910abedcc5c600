//! Where calls, chat and policy meet: rooms.
