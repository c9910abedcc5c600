//! The REST façade: identity, chat, rooms and numbers as the documented service speaks.
