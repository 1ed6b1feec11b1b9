//! As a Word file, in the type families that the standard names: whoever opens it in an office has them. Every number that the library
//! would take from a counter of the process is given here, and nothing carries a time but what the document says.

use std::io::Cursor;

use docx_rs::{
    AlignmentType, BorderType, BreakType, Docx, Footer, LineSpacing, LineSpacingType, PageMargin,
    PageNum, Paragraph, ParagraphBorder, ParagraphBorderPosition, ParagraphBorders, Pic, Run,
    RunFonts, SpecialIndentType, Table as WordTable, TableCell, TableLayoutType, TableRow,
    VAlignType, WidthType,
};

use super::{PrintError, words};
use crate::bulletin::document::{Chart, Document, Language, Section, Table, day};
use crate::chart;

/// 仿宋: running text.
const TEXT: &str = "仿宋";
/// 黑体: headings.
const HEADING: &str = "黑体";
/// 小标宋: the red head and the title.
const TITLE: &str = "方正小标宋简体";
/// For Latin letters and digits.
const LATIN: &str = "Times New Roman";
const RED: &str = "C8102E";

/// Half points: 二号, 三号, 四号, 五号, 小五.
const SIZE_TWO: usize = 44;
const SIZE_THREE: usize = 32;
const SIZE_FOUR: usize = 28;
const SIZE_FIVE: usize = 21;
const SIZE_SMALL: usize = 18;
/// Twentieths of a point: 22 lines in 225 mm.
const PITCH: i32 = 580;
/// The type area is 156 mm wide, in twentieths of a point and in EMU.
const WIDTH: u32 = 8_844;
const WIDTH_EMU: u32 = 156 * 36_000;

/// Paragraphs with numbers of their own.
struct Paper {
    language: Language,
    paragraphs: u32,
    pictures: u32,
}

pub fn print(document: &Document, language: Language) -> Result<Vec<u8>, PrintError> {
    let mut paper = Paper {
        language,
        paragraphs: 0,
        pictures: 0,
    };
    let fonts = RunFonts::new().ascii(LATIN).hi_ansi(LATIN).east_asia(TEXT);
    let margins = PageMargin::new()
        .top(2_098)
        .bottom(1_984)
        .left(1_587)
        .right(1_474)
        .footer(1_587);
    let made = document.signature.date.map_or_else(
        || "1970-01-01T00:00:00Z".to_owned(),
        |date| format!("{date}T00:00:00Z"),
    );
    let number = paper
        .paragraph()
        .align(AlignmentType::Center)
        .add_run(Run::new().add_text("— "));
    let number = number
        .add_page_num(PageNum::new())
        .add_run(Run::new().add_text(" —"));
    let mut docx = Docx::new()
        .default_fonts(fonts)
        .default_size(SIZE_THREE)
        .page_size(11_906, 16_838)
        .page_margin(margins)
        .created_at(&made)
        .updated_at(&made)
        .footer(Footer::new().add_paragraph(number));
    for paragraph in paper.head(document) {
        docx = docx.add_paragraph(paragraph);
    }
    for section in &document.sections {
        docx = paper.section(docx, section)?;
    }
    for paragraph in paper.signature(document) {
        docx = docx.add_paragraph(paragraph);
    }
    let mut file = Cursor::new(Vec::new());
    docx.pack(&mut file)
        .map_err(|error| PrintError::Write(error.to_string()))?;
    Ok(file.into_inner())
}

impl Paper {
    fn paragraph(&mut self) -> Paragraph {
        self.paragraphs += 1;
        let id = format!("{:08x}", 0x1000_0000 + self.paragraphs);
        let spacing = LineSpacing::new()
            .line_rule(LineSpacingType::Exact)
            .line(PITCH);
        Paragraph::new().id(id).line_spacing(spacing)
    }

    /// A paragraph of running text: two letters in, in Chinese.
    fn said(&mut self, text: &str) -> Paragraph {
        let paragraph = self
            .paragraph()
            .align(AlignmentType::Both)
            .add_run(Run::new().add_text(text));
        match self.language {
            Language::Zh => paragraph.first_line_chars(200).indent(
                None,
                Some(SpecialIndentType::FirstLine(640)),
                None,
                None,
            ),
            Language::En => paragraph,
        }
    }

    fn set(&mut self, text: &str, family: &str, size: usize) -> Paragraph {
        let fonts = RunFonts::new()
            .ascii(LATIN)
            .hi_ansi(LATIN)
            .east_asia(family);
        self.paragraph()
            .add_run(Run::new().add_text(text).size(size).fonts(fonts))
    }

    fn head(&mut self, document: &Document) -> Vec<Paragraph> {
        let language = self.language;
        let fonts = RunFonts::new().ascii(LATIN).hi_ansi(LATIN).east_asia(TITLE);
        // As large as fits one line.
        let head = document.head.of(language);
        let ems: f64 = head
            .chars()
            .map(|letter| if letter.is_ascii() { 0.5 } else { 1.0 })
            .sum();
        let size = (f64::from(WIDTH) / 10.0 / ems.max(1.0)).min(88.0) as usize;
        let open = LineSpacing::new()
            .line_rule(LineSpacingType::AtLeast)
            .line(PITCH)
            .before(900);
        let red = Run::new()
            .add_text(head)
            .size(size)
            .color(RED)
            .bold()
            .fonts(fonts);
        let red = self
            .paragraph()
            .line_spacing(open)
            .align(AlignmentType::Center)
            .add_run(red);
        let line = ParagraphBorder::new(ParagraphBorderPosition::Bottom)
            .val(BorderType::Single)
            .size(12)
            .space(11)
            .color(RED);
        let number = self.set(document.number.of(language), TEXT, SIZE_THREE);
        let number = number
            .align(AlignmentType::Center)
            .set_borders(ParagraphBorders::with_empty().set(line));
        let open = LineSpacing::new()
            .line_rule(LineSpacingType::AtLeast)
            .line(700)
            .before(900);
        let title = self.set(document.title.of(language), TITLE, SIZE_TWO);
        let title = title.line_spacing(open).align(AlignmentType::Center);
        let mut all = vec![red, number, title];
        if let Some(standing) = &document.standing {
            all.push(
                self.set(standing.of(language), TEXT, SIZE_FOUR)
                    .align(AlignmentType::Center),
            );
        }
        let open = LineSpacing::new()
            .line_rule(LineSpacingType::Exact)
            .line(PITCH)
            .before(300);
        all.push(
            self.set(document.addressee.of(language), TEXT, SIZE_THREE)
                .line_spacing(open),
        );
        all
    }

    fn section(&mut self, mut docx: Docx, section: &Section) -> Result<Docx, PrintError> {
        let language = self.language;
        let title = self
            .set(section.title.of(language), HEADING, SIZE_THREE)
            .keep_next(true)
            .outline_lvl(0);
        docx = docx.add_paragraph(match language {
            Language::Zh => title.first_line_chars(200).indent(
                None,
                Some(SpecialIndentType::FirstLine(640)),
                None,
                None,
            ),
            Language::En => title,
        });
        for finding in section.findings.iter().map(|finding| finding.of(language)) {
            if !finding.is_empty() {
                docx = docx.add_paragraph(self.said(finding));
            }
        }
        for chart in &section.charts {
            docx = docx.add_paragraph(self.chart(chart)?);
        }
        for table in &section.tables {
            let title = self.set(table.title.of(language), HEADING, SIZE_FIVE);
            docx = docx.add_paragraph(title.align(AlignmentType::Center).keep_next(true));
            docx = docx.add_table(self.table(table));
            let note = table.note.as_ref().map_or("", |note| note.of(language));
            let close = LineSpacing::new()
                .line_rule(LineSpacingType::Exact)
                .line(300);
            docx = docx.add_paragraph(self.set(note, TEXT, SIZE_SMALL).line_spacing(close));
        }
        Ok(docx)
    }

    fn chart(&mut self, drawn: &Chart) -> Result<Paragraph, PrintError> {
        let png = chart::pixels(drawn.svg.of(self.language))?;
        let size =
            imagesize::blob_size(&png).map_err(|error| PrintError::Write(error.to_string()))?;
        let (width, height) = (
            u32::try_from(size.width).unwrap_or(1).max(1),
            u32::try_from(size.height).unwrap_or(1),
        );
        let tall = u64::from(WIDTH_EMU) * u64::from(height) / u64::from(width);
        self.pictures += 1;
        let picture = Pic::new_with_dimensions(png, width, height)
            .id(format!("rIdImage{}", self.pictures))
            .size(WIDTH_EMU, u32::try_from(tall).unwrap_or(WIDTH_EMU));
        let spacing = LineSpacing::new()
            .line_rule(LineSpacingType::Auto)
            .line(240);
        Ok(self
            .paragraph()
            .line_spacing(spacing)
            .add_run(Run::new().add_image(picture)))
    }

    fn table(&mut self, table: &Table) -> WordTable {
        let language = self.language;
        let parts: u32 = table.columns.iter().map(|column| column.width).sum();
        let widths: Vec<usize> = table
            .columns
            .iter()
            .map(|column| (WIDTH * column.width / parts.max(1)) as usize)
            .collect();
        let mut rows = Vec::with_capacity(table.rows.len() + 1);
        let heads: Vec<&str> = table
            .columns
            .iter()
            .map(|column| column.name.of(language))
            .collect();
        rows.push(self.row(table, &widths, &heads, HEADING));
        for row in &table.rows {
            let cells: Vec<&str> = row.iter().map(|cell| cell.of(language)).collect();
            rows.push(self.row(table, &widths, &cells, TEXT));
        }
        WordTable::new(rows)
            .set_grid(widths)
            .layout(TableLayoutType::Fixed)
            .width(WIDTH as usize, WidthType::Dxa)
    }

    fn row(&mut self, table: &Table, widths: &[usize], cells: &[&str], family: &str) -> TableRow {
        let mut row = Vec::with_capacity(cells.len());
        for ((text, column), width) in cells.iter().zip(&table.columns).zip(widths) {
            let side = if column.number {
                AlignmentType::Right
            } else {
                AlignmentType::Left
            };
            let close = LineSpacing::new()
                .line_rule(LineSpacingType::AtLeast)
                .line(260);
            let paragraph = self
                .set(text, family, SIZE_SMALL)
                .line_spacing(close)
                .align(side);
            let cell = TableCell::new().add_paragraph(paragraph);
            row.push(
                cell.width(*width, WidthType::Dxa)
                    .vertical_align(VAlignType::Center),
            );
        }
        TableRow::new(row).cant_split()
    }

    fn signature(&mut self, document: &Document) -> Vec<Paragraph> {
        let (language, signature) = (self.language, &document.signature);
        let mut lines = Vec::new();
        if let Some(leader) = &signature.leader {
            lines.push(format!(
                "{}{leader}",
                words(language, "签发：", "Signed by ")
            ));
        }
        lines.push(signature.issuer.of(language).to_owned());
        lines.extend(signature.date.map(|date| day(date, language)));
        let mut all = Vec::new();
        for (i, line) in lines.into_iter().enumerate() {
            let open = LineSpacing::new()
                .line_rule(LineSpacingType::Exact)
                .line(PITCH);
            let open = open.before(if i == 0 { 900 } else { 0 });
            let paragraph = self
                .set(&line, TEXT, SIZE_THREE)
                .line_spacing(open)
                .keep_lines(true);
            all.push(
                paragraph
                    .align(AlignmentType::Right)
                    .indent(None, None, Some(640), None),
            );
        }
        if let Some(date) = signature.published {
            let issued = match language {
                Language::Zh => format!(
                    "{}  {}印发",
                    signature.issuer.of(language),
                    day(date, language)
                ),
                Language::En => format!(
                    "{}, issued on {}",
                    signature.issuer.of(language),
                    day(date, language)
                ),
            };
            let line = |position| {
                ParagraphBorder::new(position)
                    .val(BorderType::Single)
                    .size(6)
                    .space(4)
                    .color("000000")
            };
            let both = ParagraphBorders::with_empty()
                .set(line(ParagraphBorderPosition::Top))
                .set(line(ParagraphBorderPosition::Bottom));
            let apart = self
                .paragraph()
                .add_run(Run::new().add_break(BreakType::TextWrapping));
            all.push(apart);
            all.push(self.set(&issued, TEXT, SIZE_FOUR).set_borders(both));
        }
        all
    }
}
