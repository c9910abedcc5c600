//! The one catalogue of end reasons and result codes.
