//! The policy table against the console as it is built: every route and socket, every role, and subjects inside, below, above,
//! beside and outside the halls that the caller stands over.

mod administration;
mod sockets;
mod walk;
mod world;
