//! Chat threads: who is in them, what was said, who has read it.
