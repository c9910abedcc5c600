//! Time as a value: instants, wall-clock timestamps, deadlines, a virtual clock.
