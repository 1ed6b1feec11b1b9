//! Bulletins 通报: what a month came to, drafted by itself, as an official document.
//!
//! [`figures`] reads the month, [`findings`] says it in sentences, [`compose`] makes a [`Document`] of both, and [`print`] prints that as
//! PDF, Word and HTML. The same document prints the same bytes.

mod compose;
pub mod document;
pub mod drafts;
pub mod figures;
pub mod findings;
pub mod print;
pub mod publish;
pub mod steps;
#[cfg(test)]
mod testing;

pub use document::{Document, Edits, Language};
pub use figures::Of;

use crate::app::App;
use crate::problem::Result;

/// Drafts the bulletin of a month from what is known now.
///
/// # Errors
/// When the database cannot be asked, or a chart cannot be drawn.
pub async fn draft(app: &App, of: &Of) -> Result<Document> {
    let figures = figures::Figures::read(app, of).await?;
    compose::document(&compose::Names::of(app), &figures).map_err(crate::problem::Problem::internal)
}
