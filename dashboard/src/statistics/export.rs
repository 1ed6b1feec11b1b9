//! A statistic as a file for a spreadsheet: CSV and Excel.

use rust_xlsxwriter::{Format, FormatAlign, Workbook, XlsxError};

use super::table::{Cell, Language, Table, Unit};

/// As CSV with a mark by which spreadsheets know UTF-8. Shares are given in percent.
pub fn csv(table: &Table, language: Language) -> String {
    let heads = table
        .columns
        .iter()
        .map(|column| head(&column.name, column.unit, language));
    let mut lines = vec![
        heads
            .map(|head| quoted(&head))
            .collect::<Vec<_>>()
            .join(","),
    ];
    for row in &table.rows {
        let cells = row.iter().zip(&table.columns);
        let cells = cells.map(|(cell, column)| match cell {
            Cell::Label { name, .. } => quoted(name.of(language)),
            Cell::Number(number) => shown(*number, column.unit),
            Cell::Missing => String::new(),
        });
        lines.push(cells.collect::<Vec<_>>().join(","));
    }
    format!("\u{feff}{}\r\n", lines.join("\r\n"))
}

fn head(name: &super::Words, unit: Unit, language: Language) -> String {
    let suffix = match (unit, language) {
        (Unit::Share, _) => "（%）",
        (Unit::Workdays, Language::Zh) => "（工作日）",
        (Unit::Workdays, Language::En) => " (workdays)",
        _ => "",
    };
    let suffix = if unit == Unit::Share && language == Language::En {
        " (%)"
    } else {
        suffix
    };
    format!("{}{suffix}", name.of(language))
}

fn shown(number: f64, unit: Unit) -> String {
    match unit {
        Unit::Share => format!("{:.2}", number * 100.0),
        Unit::Workdays => format!("{number:.3}"),
        Unit::Points => format!("{number:.1}"),
        Unit::Count | Unit::Label => format!("{number:.0}"),
    }
}

/// A cell in which no program finds a formula, a separator or the end of the line.
fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// As an Excel workbook: what is counted, the table with number formats, and the notes.
///
/// # Errors
/// When the workbook cannot be written; nothing of what comes here makes it so.
pub fn xlsx(table: &Table, language: Language) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let bold = Format::new().set_bold();
    let heading = Format::new().set_bold().set_font_size(14);
    sheet.write_string_with_format(0, 0, table.title.of(language), &heading)?;
    sheet.write_string(1, 0, table.about.of(language))?;
    let right = bold.clone().set_align(FormatAlign::Right);
    for (index, column) in (0u16..).zip(&table.columns) {
        let format = if column.unit == Unit::Label {
            &bold
        } else {
            &right
        };
        let name = match (column.unit, language) {
            // Excel shows the percent sign by the number format.
            (Unit::Share, _) => column.name.of(language).to_owned(),
            (unit, _) => head(&column.name, unit, language),
        };
        sheet.write_string_with_format(3, index, &name, format)?;
        sheet.set_column_width(index, if index == 0 { 32.0 } else { 14.0 })?;
    }
    let formats = [Unit::Count, Unit::Share, Unit::Workdays, Unit::Points].map(|unit| {
        let format = match unit {
            Unit::Share => "0.0%",
            Unit::Workdays => "0.00",
            Unit::Points => "0.0",
            Unit::Count | Unit::Label => "#,##0",
        };
        (unit, Format::new().set_num_format(format))
    });
    let mut line = 4;
    for row in &table.rows {
        for ((index, cell), column) in (0u16..).zip(row).zip(&table.columns) {
            match cell {
                Cell::Label { name, .. } => {
                    sheet.write_string(line, index, name.of(language))?;
                }
                Cell::Number(number) => {
                    let format = formats.iter().find(|(unit, _)| *unit == column.unit);
                    let plain = Format::new();
                    let format = format.map_or(&plain, |(_, format)| format);
                    sheet.write_number_with_format(line, index, *number, format)?;
                }
                Cell::Missing => {}
            }
        }
        line += 1;
    }
    for note in &table.notes {
        line += 1;
        sheet.write_string(line, 0, note.of(language))?;
    }
    book.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::table::{Column, Words};

    #[test]
    fn a_file_holds_what_the_table_says_and_no_formula() {
        let table = Table {
            name: "volumes",
            title: Words::new("业务量", "Volumes"),
            about: Words::default(),
            columns: vec![
                Column::new("hall", "大厅", "Hall", Unit::Label),
                Column::new("n", "受理", "Accepted", Unit::Count),
                Column::new("share", "按时率", "On time", Unit::Share),
            ],
            rows: vec![vec![
                Cell::label("T1", Words::new("=甲,\"乙\"", "A")),
                Cell::Number(12.0),
                Cell::Missing,
            ]],
            drawn: None,
            flow: None,
            notes: vec![Words::new("注", "Note")],
        };
        assert_eq!(
            csv(&table, Language::Zh),
            "\u{feff}大厅,受理,按时率（%）\r\n\"'=甲,\"\"乙\"\"\",12,\r\n"
        );
        let book = xlsx(&table, Language::En).unwrap();
        assert!(book.starts_with(b"PK"), "an archive");
    }
}
