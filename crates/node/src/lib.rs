//! The tokio shell: one task per call, sessions, timers, fan-out, shutdown.
