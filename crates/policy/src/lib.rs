//! Decisions: who may call whom, each with a printable trace.
