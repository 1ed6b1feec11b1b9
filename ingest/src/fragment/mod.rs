//! One access unit, one fMP4 fragment: made once, sent on at once, shared by every viewer and by the recording.

mod clock;

pub use clock::CaptureClock;
