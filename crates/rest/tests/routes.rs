//! Every route over the router itself: who may use it, what it answers, what it makes of bad input.

mod routes {
    pub(crate) mod scene;

    mod chat;
    mod credentials;
    mod graph;
    mod hostile;
    mod operations;
    mod repeated;
    mod rooms;
}
