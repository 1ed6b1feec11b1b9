//! As PDF: typst sets `bulletin.typ` with the document as its data. It reads no file, no font by chance and no clock.

use std::sync::{LazyLock, OnceLock};

use resvg::usvg::fontdb;
use serde_json::{Value, json};
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook, FontInfo};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_layout::PagedDocument;
use typst_pdf::PdfOptions;

use super::{PrintError, SANS, SERIF, words};
use crate::bulletin::document::{Document, Language, Table, day};
use crate::chart;

const TEMPLATE: &str = include_str!("bulletin.typ");
const MAIN: &str = "bulletin.typ";
const DATA: &str = "bulletin.json";

/// The faces of the two families: where each lies, and what typst knows of it before it is read.
struct Faces {
    book: LazyHash<FontBook>,
    places: Vec<(fontdb::ID, u32)>,
}

static FACES: LazyLock<Faces> = LazyLock::new(|| {
    let fonts = chart::fonts();
    let (mut book, mut places) = (FontBook::new(), Vec::new());
    let named = |face: &&fontdb::FaceInfo| {
        let family = |(name, _): &(String, _)| [SANS, SERIF].contains(&name.as_str());
        face.families.iter().any(family)
    };
    for face in fonts.faces().filter(named) {
        let info = fonts.with_face_data(face.id, FontInfo::new).flatten();
        if let Some(info) = info {
            book.push(info);
            places.push((face.id, face.index));
        }
    }
    Faces {
        book: LazyHash::new(book),
        places,
    }
});

static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| LazyHash::new(Library::default()));

/// All that typst may see.
struct Page {
    main: Source,
    /// The data and the charts.
    files: Vec<(FileId, Bytes)>,
    /// Fonts are large: each is read when it is needed, and let go with the page.
    fonts: Vec<OnceLock<Option<Font>>>,
}

impl World for Page {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &FACES.book
    }

    fn main(&self) -> FileId {
        self.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        match id == self.main.id() {
            true => Ok(self.main.clone()),
            false => Err(FileError::AccessDenied),
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let found = self.files.iter().find(|(file, _)| *file == id);
        found.map_or(Err(FileError::AccessDenied), |(_, bytes)| Ok(bytes.clone()))
    }

    fn font(&self, index: usize) -> Option<Font> {
        let (id, face) = FACES.places.get(index)?;
        let read = || {
            let data = chart::fonts().with_face_data(*id, |data, _| Bytes::new(data.to_vec()));
            Font::new(data?, *face)
        };
        self.fonts.get(index)?.get_or_init(read).clone()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

fn id(name: &str) -> Result<FileId, PrintError> {
    let path = VirtualPath::new(name).map_err(|error| PrintError::Set(error.to_string()))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

pub fn print(document: &Document, language: Language) -> Result<Vec<u8>, PrintError> {
    super::fonts()?;
    let mut files = Vec::new();
    let data = data(document, language, &mut files)?;
    files.push((id(DATA)?, Bytes::from_string(data.to_string())));
    let page = Page {
        main: Source::new(id(MAIN)?, TEMPLATE.to_owned()),
        files,
        fonts: FACES.places.iter().map(|_| OnceLock::new()).collect(),
    };
    let set = typst::compile::<PagedDocument>(&page).output;
    let printed = set.and_then(|set| typst_pdf::pdf(&set, &options(document, language)));
    // What typst remembers of a page, fonts among it, is of no use for the next.
    typst::comemo::evict(0);
    printed.map_err(|errors| {
        let said: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        PrintError::Set(said.join("; "))
    })
}

fn options(document: &Document, language: Language) -> PdfOptions {
    PdfOptions {
        ident: Smart::Custom(format!(
            "{} {}",
            document.head.zh,
            document.number.of(language)
        )),
        creator: Smart::Custom(Some("Mingjing".to_owned())),
        timestamp: None,
        ..PdfOptions::default()
    }
}

/// The document in one language as the template reads it; its charts become files beside it.
fn data(
    document: &Document,
    language: Language,
    files: &mut Vec<(FileId, Bytes)>,
) -> Result<Value, PrintError> {
    let mut sections = Vec::new();
    for section in &document.sections {
        let mut charts = Vec::new();
        for chart in &section.charts {
            let file = format!("chart-{}.svg", files.len());
            files.push((
                id(&file)?,
                Bytes::from_string(chart.svg.of(language).to_owned()),
            ));
            charts.push(json!({"file": file, "title": chart.title.of(language)}));
        }
        let findings = section.findings.iter().map(|finding| finding.of(language));
        let findings: Vec<&str> = findings.filter(|finding| !finding.is_empty()).collect();
        let tables: Vec<Value> = section
            .tables
            .iter()
            .map(|shown| table(shown, language))
            .collect();
        sections.push(json!({
            "title": section.title.of(language), "findings": findings, "charts": charts, "tables": tables,
        }));
    }
    let signature = &document.signature;
    let leader = signature.leader.as_ref();
    let issued = |date| match language {
        Language::Zh => format!("{}印发", day(date, language)),
        Language::En => format!("Issued on {}", day(date, language)),
    };
    Ok(json!({
        "language": words(language, "zh", "en"),
        "head": document.head.of(language),
        "number": document.number.of(language),
        "title": document.title.of(language),
        "standing": document.standing.as_ref().map(|standing| standing.of(language)),
        "addressee": document.addressee.of(language),
        "sections": sections,
        "issuer": signature.issuer.of(language),
        "leader": leader.map(|leader| format!("{}{leader}", words(language, "签发：", "Signed by "))),
        "date": signature.date.map(|date| day(date, language)),
        "published": signature.published.map(issued),
    }))
}

fn table(table: &Table, language: Language) -> Value {
    let column = |head: &crate::bulletin::document::Head| json!({"name": head.name.of(language), "number": head.number, "width": head.width});
    let columns: Vec<Value> = table.columns.iter().map(column).collect();
    let row = |row: &Vec<crate::bulletin::document::Words>| -> Vec<String> {
        row.iter()
            .map(|cell| cell.of(language).to_owned())
            .collect()
    };
    let rows: Vec<Vec<String>> = table.rows.iter().map(row).collect();
    json!({
        "title": table.title.of(language), "columns": columns, "rows": rows,
        "note": table.note.as_ref().map(|note| note.of(language)),
    })
}
