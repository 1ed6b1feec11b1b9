//! As one HTML file: nothing in it comes from elsewhere.

use std::fmt::Write;

use super::words;
use crate::bulletin::document::{Document, Language, Section, Table, day};

const STYLE: &str = "\
@page{size:A4;margin:37mm 26mm 35mm 28mm}\
body{max-width:48rem;margin:2rem auto;padding:0 1rem;color:#1d2426;background:#fff;\
font:1.0625rem/1.8 'Noto Serif CJK SC','Source Han Serif SC',SimSun,serif}\
header{text-align:center;border-bottom:2px solid #c8102e;margin-bottom:2rem;padding-bottom:.5rem}\
.head{color:#c8102e;font-size:2rem;font-weight:700;line-height:1.3;margin:0 0 1rem}\
h1{font-size:1.5rem;text-align:center;line-height:1.4}\
h2,th,caption{font-family:'Noto Sans CJK SC','Source Han Sans SC',SimHei,sans-serif}h2{font-size:1.125rem;margin:1.5rem 0 .5rem}\
.standing{text-align:center;color:#606c70}p{margin:.25rem 0}html[lang=zh-CN] section p{text-indent:2em}\
figure{margin:1rem 0}figure svg{width:100%;height:auto}\
table{border-collapse:collapse;width:100%;margin:1rem 0;font-size:.8125rem;line-height:1.5}\
caption{font-size:.875rem;padding:.25rem}th,td{border:1px solid #8b9598;padding:.2rem .4rem;text-align:left;vertical-align:top}\
th{background:#f0f3f3}.n{text-align:right;font-variant-numeric:tabular-nums}.note{font-size:.8125rem;color:#606c70}\
footer{text-align:right;margin-top:2rem}footer .issued{border-top:1px solid;border-bottom:1px solid;text-align:left;margin-top:2rem;\
display:flex;justify-content:space-between;font-size:.875rem}tr,figure,h2{break-inside:avoid}h2{break-after:avoid}thead{display:table-header-group}\
@media print{body{margin:0;padding:0;max-width:none}}";

pub fn print(document: &Document, language: Language) -> String {
    let mut page = String::new();
    let lang = words(language, "zh-CN", "en");
    let title = text(document.title.of(language));
    push(
        &mut page,
        format_args!("<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n"),
    );
    push(
        &mut page,
        format_args!(
            "<meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n"
        ),
    );
    push(
        &mut page,
        format_args!("<style>{STYLE}</style>\n</head>\n<body>\n<header>\n"),
    );
    push(
        &mut page,
        format_args!(
            "<p class=\"head\">{}</p>\n",
            text(document.head.of(language))
        ),
    );
    push(
        &mut page,
        format_args!(
            "<p>{}</p>\n</header>\n<main>\n<h1>{title}</h1>\n",
            text(document.number.of(language))
        ),
    );
    if let Some(standing) = &document.standing {
        push(
            &mut page,
            format_args!(
                "<p class=\"standing\">{}</p>\n",
                text(standing.of(language))
            ),
        );
    }
    push(
        &mut page,
        format_args!("<p>{}</p>\n", text(document.addressee.of(language))),
    );
    for section in &document.sections {
        of_section(&mut page, section, language);
    }
    page.push_str("</main>\n<footer>\n");
    let signature = &document.signature;
    if let Some(leader) = &signature.leader {
        push(
            &mut page,
            format_args!(
                "<p>{}{}</p>\n",
                words(language, "签发：", "Signed by "),
                text(leader)
            ),
        );
    }
    push(
        &mut page,
        format_args!("<p>{}</p>\n", text(signature.issuer.of(language))),
    );
    if let Some(date) = signature.date {
        push(&mut page, format_args!("<p>{}</p>\n", day(date, language)));
    }
    if let Some(date) = signature.published {
        let (issuer, date) = (text(signature.issuer.of(language)), day(date, language));
        let issued = match language {
            Language::Zh => format!("{date}印发"),
            Language::En => format!("Issued on {date}"),
        };
        push(
            &mut page,
            format_args!("<p class=\"issued\"><span>{issuer}</span><span>{issued}</span></p>\n"),
        );
    }
    page.push_str("</footer>\n</body>\n</html>\n");
    page
}

fn push(page: &mut String, part: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = page.write_fmt(part);
}

fn of_section(page: &mut String, section: &Section, language: Language) {
    push(
        page,
        format_args!("<section>\n<h2>{}</h2>\n", text(section.title.of(language))),
    );
    let said = section.findings.iter().map(|finding| finding.of(language));
    for finding in said.filter(|finding| !finding.is_empty()) {
        push(page, format_args!("<p>{}</p>\n", text(finding)));
    }
    for chart in &section.charts {
        // Drawn by this program, with its texts escaped.
        let (title, svg) = (text(chart.title.of(language)), chart.svg.of(language));
        let svg = svg.find("<svg").map_or("", |start| &svg[start..]).trim();
        push(
            page,
            format_args!("<figure role=\"img\" aria-label=\"{title}\">{svg}</figure>\n"),
        );
    }
    for table in &section.tables {
        of_table(page, table, language);
    }
    page.push_str("</section>\n");
}

fn of_table(page: &mut String, table: &Table, language: Language) {
    push(
        page,
        format_args!(
            "<table>\n<caption>{}</caption>\n<thead><tr>",
            text(table.title.of(language))
        ),
    );
    let class = |number: bool| if number { " class=\"n\"" } else { "" };
    for column in &table.columns {
        push(
            page,
            format_args!(
                "<th scope=\"col\"{}>{}</th>",
                class(column.number),
                text(column.name.of(language))
            ),
        );
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        page.push_str("<tr>");
        for (cell, column) in row.iter().zip(&table.columns) {
            push(
                page,
                format_args!(
                    "<td{}>{}</td>",
                    class(column.number),
                    text(cell.of(language))
                ),
            );
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n");
    if let Some(note) = &table.note {
        push(
            page,
            format_args!("<p class=\"note\">{}</p>\n", text(note.of(language))),
        );
    }
}

/// A text as it may stand in markup and in an attribute.
fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
