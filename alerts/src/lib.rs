//! Rule profiles, anomalies, cards and orders of Mingjing.
//!
//! [`profile`] holds the numbers, [`rules`] tell from a case's facts which anomalies it has given rise to, [`card`] says what
//! may become of a card, and [`supervisor`] is the one writer that keeps cases, cards and roll-ups in step with the events;
//! [`channel`] words what goes out, [`merit`] says where a card counts in the score, [`performance`] scores a month, and
//! [`closing`] says what may become of one that is over.
//! The rules are pure and declarative: the same facts at the same instant give the same anomalies, whatever was known before.
//! So the order of arrival cannot matter, a replay equals having lived it, and late evidence mends what it should.

pub mod card;
pub mod channel;
pub mod check;
pub mod closing;
pub mod draft;
pub mod ladder;
pub mod merit;
pub mod numbers;
pub mod order;
pub mod performance;
pub mod profile;
pub mod rules;
pub mod shadow;
pub mod store;
pub mod supervisor;
pub mod versions;
pub mod within;
