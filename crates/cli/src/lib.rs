//! The commands as a library: demo, doctor, explain, token, call.
