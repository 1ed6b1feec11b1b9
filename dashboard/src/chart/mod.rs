//! Charts of statistics as pictures, for documents: SVG and PNG, of the same tables that the pages show.
//!
//! A chart is laid out once as a scene of shapes, whatever it is painted on.

mod paint;
mod scene;

use crate::statistics::{Language, Table};

pub use paint::{FONT, PaintError, fonts, pixels};

/// As SVG; whoever shows it has the font.
///
/// # Errors
/// When plotters refuses.
pub fn svg(table: &Table, language: Language) -> Result<String, PaintError> {
    paint::svg(&scene::of(table, language))
}

/// As PNG, twice as fine as the SVG's units.
///
/// # Errors
/// When the font is not on this machine, or the picture cannot be written.
pub fn png(table: &Table, language: Language) -> Result<Vec<u8>, PaintError> {
    pixels(&svg(table, language)?)
}
