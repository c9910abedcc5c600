//! What is kept: store traits, and SQLite with group commit.
