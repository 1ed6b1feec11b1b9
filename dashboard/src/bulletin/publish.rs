//! From a draft to what is published: signed, dated, printed, and told.

use chrono::NaiveDate;
use mingjing_alerts::channel::{About, Notice, What};

use super::Of;
use super::document::{Document, Language, Section, Signature, Words, paragraphs};
use super::print::{self, Format, PrintError};
use crate::app::App;
use crate::problem::{Problem, Result};
use crate::store::bulletins::{self, Bulletin, Done, File};

/// The languages in which a bulletin is published, by the words of the database.
const LANGUAGES: [(Language, &str); 2] = [(Language::Zh, "zh"), (Language::En, "en")];

/// The word of a language.
pub fn word(language: Language) -> &'static str {
    match language {
        Language::Zh => "zh",
        Language::En => "en",
    }
}

/// Who signed last, and on which day of the county.
pub fn signed(steps: &[Done], zone: chrono_tz::Tz) -> Option<(String, NaiveDate)> {
    let signed = steps.iter().rev().find(|done| done.step == "sign")?;
    Some((
        signed.who.clone(),
        signed.at.with_timezone(&zone).date_naive(),
    ))
}

/// A bulletin as it stands: what is not published says so under its title.
pub fn current(bulletin: &Bulletin, steps: &[Done], zone: chrono_tz::Tz) -> Document {
    let mut document = bulletin.document.0.clone();
    if bulletin.state == "published" {
        return document;
    }
    document = document.edited(&bulletin.edits.0);
    document.standing = Some(Words::new("（草稿，未签发）", "(Draft, not signed)"));
    if bulletin.state == "signed" {
        document.standing = Some(Words::new("（已签发，未公布）", "(Signed, not published)"));
        sign(&mut document, signed(steps, zone));
    }
    document
}

fn sign(document: &mut Document, signed: Option<(String, NaiveDate)>) {
    let (leader, date) = signed.unzip();
    document.signature.leader = leader;
    document.signature.date = date;
}

/// What is published of a signed bulletin on this day.
pub fn published(
    bulletin: &Bulletin,
    steps: &[Done],
    zone: chrono_tz::Tz,
    today: NaiveDate,
) -> Document {
    let mut document = bulletin.document.0.clone().edited(&bulletin.edits.0);
    sign(&mut document, signed(steps, zone));
    document.signature.published = Some(today);
    document
}

/// The addendum with this number to a published bulletin: a document of its own.
pub fn addendum(of: &Document, n: i32, text: &Words, leader: &str, today: NaiveDate) -> Document {
    Document {
        head: of.head.clone(),
        number: Words::new(
            format!("{}更正{n}号", of.number.zh),
            format!("{}, addendum {n}", of.number.en),
        ),
        title: Words::new(
            format!("《{}》更正（第{n}号）", of.title.zh),
            format!("{}: addendum {n}", of.title.en),
        ),
        addressee: of.addressee.clone(),
        sections: vec![Section {
            key: "addendum".to_owned(),
            title: Words::new("更正事项", "What is corrected"),
            findings: paragraphs(text),
            ..Section::default()
        }],
        signature: Signature {
            issuer: of.signature.issuer.clone(),
            leader: Some(leader.to_owned()),
            date: Some(today),
            published: Some(today),
        },
        standing: None,
    }
}

/// Prints a document in one format, beside the threads that answer.
///
/// # Errors
/// When it cannot be printed.
pub async fn print(document: Document, format: Format, language: Language) -> Result<Vec<u8>> {
    let printed = tokio::task::spawn_blocking(move || print::print(&document, format, language));
    printed.await.map_err(Problem::internal)?.map_err(problem)
}

/// Prints a document in all formats and languages.
///
/// # Errors
/// When one of them cannot be printed.
pub async fn files(document: &Document) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for (language, word) in LANGUAGES {
        for format in Format::ALL {
            files.push(File {
                format: format.ending(),
                language: word,
                content: print(document.clone(), format, language).await?,
            });
        }
    }
    Ok(files)
}

/// The files of a month's bulletin, by their names: as it was published, with its addenda; else as it stands, or, where there is none
/// yet, as it would be drafted now.
///
/// # Errors
/// When the database cannot be asked, or a file cannot be printed.
pub async fn of_month(app: &App, of: &Of, language: Language) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    let found = bulletins::find(app.db(), of.month, &of.hall).await?;
    let document = match &found {
        Some(bulletin) if bulletin.state == "published" => {
            let addenda = bulletins::addenda(app.db(), bulletin.id).await?;
            for n in std::iter::once(0).chain(addenda.iter().map(|it| it.n)) {
                for format in Format::ALL {
                    let kept = (bulletin.id, n);
                    let kept =
                        bulletins::file(app.db(), kept, format.ending(), word(language)).await?;
                    let name = match n {
                        0 => of.file_name(format),
                        n => of.addendum_name(n, format),
                    };
                    files.push((name, kept.ok_or_else(|| Problem::not_found("file"))?));
                }
            }
            return Ok(files);
        }
        Some(bulletin) => {
            let done = bulletins::history(app.db(), bulletin.id).await?;
            current(bulletin, &done, app.directory().zone())
        }
        None => super::draft(app, of).await?,
    };
    for format in Format::ALL {
        let bytes = print(document.clone(), format, language).await?;
        files.push((of.file_name(format), bytes));
    }
    Ok(files)
}

/// What whoever runs the machine can mend is said; the rest is our own fault.
fn problem(error: PrintError) -> Problem {
    match error {
        PrintError::NoFont(_) | PrintError::NoPdf => {
            Problem::unavailable(format!("No file can be made: {error}."))
        }
        other => Problem::internal(other),
    }
}

/// What is told of a publication to those who follow the hall.
pub fn notice(
    of: &Of,
    addendum: Option<i32>,
    document: &Document,
    at: chrono::DateTime<chrono::Utc>,
    trial: bool,
) -> Notice {
    Notice {
        key: match addendum {
            Some(n) => format!("bulletin/{}/addendum/{n}", of.name()),
            None => format!("bulletin/{}", of.name()),
        },
        about: About::Bulletin,
        subject: of.name(),
        what: What::Published,
        at,
        hall: of.hall.clone(),
        unit: None,
        grade: None,
        rule: None,
        case_no: None,
        sentence_zh: format!("{} {}", document.number.zh, document.title.zh),
        sentence_en: format!("{} {}", document.number.en, document.title.en),
        due: None,
        trial,
        applicant: None,
        to_hall: None,
        to_unit: None,
    }
}
