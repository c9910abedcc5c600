//! Events to the outside: the Event Grid schema, delivery with retry, the guard against foreign targets.
