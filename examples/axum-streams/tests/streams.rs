//! The example over real HTTP: a session that others change and end while a response still goes on.

mod streams {
    mod clients;
    mod events;
    mod sockets;
}
