//! Markup made safe: what may stay is listed, everything else goes.
