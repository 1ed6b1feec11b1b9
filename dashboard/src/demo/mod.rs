//! The demo county behind `mingjing demo`: what it is ([`county`]) and what happens in it ([`plan`]). It uses the same
//! interfaces as any outside system.

pub mod county;
pub mod plan;
pub mod rng;
