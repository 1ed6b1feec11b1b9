//! Single sign-on against an issuer whose every word the tests can bend: the real provider is in `tests/browser`.

mod accounts;
mod browser;
mod door;
mod issuer;
mod logout;
