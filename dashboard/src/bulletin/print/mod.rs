//! The printers. Each takes a document and a language and gives a file's bytes; none knows a clock, a random number or a place on this
//! machine, so that the same document gives the same bytes.

mod docx;
mod html;
#[cfg(feature = "print")]
mod pdf;

use crate::chart::{self, PaintError};

use super::document::{Document, Language};

/// The family of running text, 仿宋's and 小标宋's place.
pub const SERIF: &str = "Noto Serif CJK SC";
/// The family of headings, 黑体's place.
pub const SANS: &str = chart::FONT;

/// As which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// In the layout of an official document (GB/T 9704).
    Pdf,
    /// To be worked on.
    Docx,
    /// One file, with its pictures in it.
    Html,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pdf, Self::Docx, Self::Html];

    /// The ending of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Html => "html",
        }
    }

    /// From the ending of a file's name.
    pub fn parse(ending: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.ending() == ending)
    }

    /// Its media type.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Html => "text/html; charset=utf-8",
        }
    }
}

/// Why a document could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// Chinese would be empty boxes.
    #[error("the font {0} is not there: install fonts-noto-cjk")]
    NoFont(&'static str),
    /// This program was built without the typesetter.
    #[error("this program was built without PDF (feature print)")]
    NoPdf,
    /// The typesetter refused.
    #[error("the page could not be set: {0}")]
    Set(String),
    /// A chart could not be painted.
    #[error(transparent)]
    Paint(#[from] PaintError),
    /// The file could not be put together.
    #[error("the file could not be written: {0}")]
    Write(String),
}

/// Prints a document. It takes a second and many megabytes: not on a thread that answers requests.
///
/// # Errors
/// When a font is missing, or the file cannot be put together.
pub fn print(
    document: &Document,
    format: Format,
    language: Language,
) -> Result<Vec<u8>, PrintError> {
    match format {
        Format::Html => Ok(html::print(document, language).into_bytes()),
        Format::Docx => docx::print(document, language),
        #[cfg(feature = "print")]
        Format::Pdf => pdf::print(document, language),
        #[cfg(not(feature = "print"))]
        Format::Pdf => Err(PrintError::NoPdf),
    }
}

/// Whether both families are on this machine; the first that is not.
///
/// # Errors
/// The family that is missing.
pub fn fonts() -> Result<(), PrintError> {
    let there = |family: &str| {
        let named = |face: &resvg::usvg::fontdb::FaceInfo| {
            face.families.iter().any(|(name, _)| name == family)
        };
        chart::fonts().faces().any(named)
    };
    [SANS, SERIF]
        .into_iter()
        .find(|family| !there(family))
        .map_or(Ok(()), |family| Err(PrintError::NoFont(family)))
}

/// A word or two that all printers need.
fn words<'a>(language: Language, zh: &'a str, en: &'a str) -> &'a str {
    match language {
        Language::Zh => zh,
        Language::En => en,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulletin::compose;
    use crate::bulletin::document::Words;
    use crate::bulletin::testing;

    fn document() -> Document {
        let mut document = compose::document(&compose::Names::none(), &testing::figures()).unwrap();
        document.signature.leader = Some("陈<县长>".into());
        document.signature.date = chrono::NaiveDate::from_ymd_opt(2026, 11, 16);
        document
    }

    #[test]
    fn the_same_document_gives_the_same_bytes() {
        let document = document();
        for language in [Language::Zh, Language::En] {
            for format in Format::ALL {
                let first = print(&document, format, language).unwrap();
                // On a thread that has printed before, and on one that has not.
                let again = print(&document, format, language).unwrap();
                let elsewhere = std::thread::scope(|scope| {
                    let printing = scope.spawn(|| print(&document, format, language).unwrap());
                    printing.join().unwrap()
                });
                assert!(
                    first == again && first == elsewhere,
                    "{format:?} {language:?}"
                );
            }
        }
    }

    #[test]
    fn what_stands_in_the_document_stands_in_every_file() {
        let document = document();
        let html =
            String::from_utf8(print(&document, Format::Html, Language::Zh).unwrap()).unwrap();
        assert!(html.contains("办结超法定时限3件") && html.contains("<svg"));
        assert!(html.contains("陈&lt;县长&gt;") && !html.contains("<县长>"));
        let word = print(&document, Format::Docx, Language::Zh).unwrap();
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(word)).unwrap();
        let text = std::io::read_to_string(archive.by_name("word/document.xml").unwrap()).unwrap();
        assert!(text.contains("办结超法定时限3件") && text.contains("陈&lt;县长&gt;"));
        let names = archive.file_names().map(Result::unwrap);
        let pictures = names.filter(|name| name.ends_with(".png")).count();
        assert_eq!(pictures, 2);
        let pdf = print(&document, Format::Pdf, Language::Zh).unwrap();
        assert!(pdf.starts_with(b"%PDF-"));
    }

    #[test]
    fn another_document_gives_other_bytes() {
        let mut document = document();
        let before = print(&document, Format::Pdf, Language::Zh).unwrap();
        document.sections[0].findings[0] = Words::same("另一句。");
        assert!(before != print(&document, Format::Pdf, Language::Zh).unwrap());
    }
}
