//! Identifiers: parse, print, redact.
