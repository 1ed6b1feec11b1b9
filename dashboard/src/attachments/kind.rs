//! What a file is, by its content.

use super::office::{self, Archive};

/// Pixels of a picture at most: more would be unpacked into gigabytes by whoever opens it.
const MAX_PIXELS: usize = 200_000_000;

/// Kinds that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JPEG picture.
    Jpeg,
    /// PNG picture.
    Png,
    /// WebP picture.
    Webp,
    /// PDF.
    Pdf,
    /// Word, without macros.
    Docx,
    /// Excel, without macros.
    Xlsx,
    /// Plain text.
    Text,
}

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is empty.
    #[error("the file is empty")]
    Empty,
    /// The ending is not among those taken.
    #[error(
        "files that end in .{0} are not taken: attach jpg, png, webp, pdf, docx, xlsx, txt or csv"
    )]
    Ending(String),
    /// It is not what its name says.
    #[error(
        "the file is not what its name says: {0} does not begin and end as a .{1} does; save it anew in the right format"
    )]
    Content(String, String),
    /// It carries programs.
    #[error("the file carries macros: save it without them")]
    Programs,
    /// It would be unpacked into more than anybody can open.
    #[error("the file unpacks to far more than it is: it cannot be opened safely")]
    Bomb,
}

impl Kind {
    /// By the ending of a name.
    fn of_ending(ending: &str) -> Option<Self> {
        match ending.to_ascii_lowercase().as_str() {
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "webp" => Some(Self::Webp),
            "pdf" => Some(Self::Pdf),
            "docx" => Some(Self::Docx),
            "xlsx" => Some(Self::Xlsx),
            "txt" | "csv" => Some(Self::Text),
            _ => None,
        }
    }

    /// What it is served as.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Text => "text/plain",
        }
    }
}

/// What a file with this (clean) name is: its ending and its content agree on that.
///
/// # Errors
/// When they do not, when the kind is not taken, or when opening it would harm.
pub fn of(name: &str, bytes: &[u8]) -> Result<Kind, Unfit> {
    let ending = name.rsplit('.').next().unwrap_or_default();
    let kind = Kind::of_ending(ending).ok_or_else(|| Unfit::Ending(ending.to_owned()))?;
    if bytes.is_empty() {
        return Err(Unfit::Empty);
    }
    let found = infer::get(bytes).map(|found| found.mime_type());
    let agrees = match kind {
        Kind::Jpeg | Kind::Png | Kind::Webp => {
            found == Some(kind.media_type()) && fits_on_a_screen(bytes)?
        }
        Kind::Pdf => found == Some(kind.media_type()),
        Kind::Docx | Kind::Xlsx => is_office(kind, bytes)?,
        Kind::Text => found.is_none() && is_text(bytes),
    };
    if agrees {
        Ok(kind)
    } else {
        Err(Unfit::Content(name.to_owned(), ending.to_owned()))
    }
}

fn fits_on_a_screen(bytes: &[u8]) -> Result<bool, Unfit> {
    match imagesize::blob_size(bytes) {
        Ok(size) if size.width.saturating_mul(size.height) > MAX_PIXELS => Err(Unfit::Bomb),
        Ok(_) => Ok(true),
        Err(_) => Ok(false),
    }
}

fn is_office(kind: Kind, bytes: &[u8]) -> Result<bool, Unfit> {
    match office::read(bytes) {
        Archive::Word => Ok(kind == Kind::Docx),
        Archive::Excel => Ok(kind == Kind::Xlsx),
        Archive::Programs => Err(Unfit::Programs),
        Archive::Bomb => Err(Unfit::Bomb),
        Archive::Other => Ok(false),
    }
}

/// Text has no control characters but those that end lines. Offices write UTF-8 and GB 18030, so what is above ASCII is not
/// looked at.
fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| *byte >= b' ' && *byte != 0x7f || b"\t\r\n\x0c".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn ending_and_content_agree_or_the_file_is_refused() {
        let word = office::archive(&[("[Content_Types].xml", 1), ("word/document.xml", 1)]);
        assert_eq!(of("说明.txt", "情况说明\r\n".as_bytes()), Ok(Kind::Text));
        assert_eq!(of("gb.csv", b"\xb4\xf3\xcc\xfc,1\n"), Ok(Kind::Text));
        assert_eq!(of("a.PNG", &png(1920, 1080)), Ok(Kind::Png));
        assert_eq!(of("a.pdf", b"%PDF-1.7\n"), Ok(Kind::Pdf));
        assert_eq!(of("a.docx", &word), Ok(Kind::Docx));
        let content = |name: &str, bytes: &[u8]| matches!(of(name, bytes), Err(Unfit::Content(..)));
        assert!(content("a.jpg", &png(1, 1)), "another picture");
        assert!(content(
            "a.png",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>"
        ));
        assert!(content(
            "a.txt",
            b"<!DOCTYPE html><script>alert(1)</script>"
        ));
        assert!(content("a.txt", b"MZ\x90\x00\x03\x00"), "a program");
        assert!(content("a.txt", &word));
        assert!(content("a.xlsx", &word));
        assert!(content("a.docx", b"PK\x03\x04"));
        assert_eq!(of("a.svg", b"<svg/>"), Err(Unfit::Ending("svg".into())));
        assert_eq!(of("a.exe", b"MZ"), Err(Unfit::Ending("exe".into())));
        assert_eq!(of("a.txt", b""), Err(Unfit::Empty));
    }

    #[test]
    fn what_unpacks_to_far_more_is_refused() {
        assert_eq!(of("a.png", &png(60_000, 60_000)), Err(Unfit::Bomb));
        let bomb = office::archive(&[("[Content_Types].xml", 1), ("xl/workbook.xml", u32::MAX)]);
        assert_eq!(of("a.xlsx", &bomb), Err(Unfit::Bomb));
    }
}
