//! What goes out, to real receivers: they answer as DingTalk, WeCom, gateways and mail servers do when all is well, and when
//! it is not.

mod guarded;
mod mail;
mod receiver;
mod services;
mod trouble;
mod world;
