//! The layout of a chart: from a table to shapes with places.

use crate::statistics::table::{Cell, Column, Flow, Form, Language, Table, Unit};

/// Width of every chart.
const WIDTH: f64 = 1200.0;
/// Rows that are drawn at most; the table has them all.
const MOST_ROWS: usize = 20;
/// Colours of series: dark and light of two hues, then grey, so that they differ without colour too. Cards have theirs, which mean a state.
const COLOURS: [Rgb; 5] = [
    Rgb(31, 78, 95),
    Rgb(127, 171, 186),
    Rgb(107, 83, 124),
    Rgb(186, 170, 199),
    Rgb(150, 158, 160),
];
const YELLOW: Rgb = Rgb(201, 154, 26);
const RED: Rgb = Rgb(176, 42, 42);
pub(super) const INK: Rgb = Rgb(29, 36, 38);
const SOFT: Rgb = Rgb(96, 108, 112);
const LINE: Rgb = Rgb(216, 221, 222);
const PAPER: Rgb = Rgb(255, 255, 255);

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// On which side of its place a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// Something drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    Rect {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        fill: Rgb,
        border: Option<Rgb>,
    },
    Path {
        points: Vec<(f64, f64)>,
        colour: Rgb,
        width: f64,
    },
    /// A filled outline.
    Area { points: Vec<(f64, f64)>, fill: Rgb },
    /// Its place is the middle of its height.
    Text {
        x: f64,
        y: f64,
        text: String,
        size: f64,
        anchor: Anchor,
        colour: Rgb,
    },
}

/// A chart with every place computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    pub width: f64,
    pub height: f64,
    pub shapes: Vec<Shape>,
}

/// A series: a column of the table, and how it looks.
struct Series<'a> {
    column: &'a Column,
    index: usize,
    colour: Rgb,
}

/// Lays a table out.
pub fn of(table: &Table, language: Language) -> Scene {
    let mut drawing = Drawing {
        shapes: vec![],
        language,
    };
    drawing.text(
        24.0,
        30.0,
        table.title.of(language),
        22.0,
        Anchor::Start,
        INK,
    );
    drawing.text(
        24.0,
        56.0,
        table.about.of(language),
        14.0,
        Anchor::Start,
        SOFT,
    );
    let form = table.drawn.as_ref().map(|drawn| drawn.form);
    let height = match (form, &table.flow) {
        (Some(Form::Flow), Some(flow)) => drawing.flow(flow),
        (Some(_), _) if table.rows.is_empty() => drawing.empty(),
        (Some(Form::Rows), _) => drawing.rows(table),
        (Some(form @ (Form::Lines | Form::Bars)), _) => drawing.upright(table, form),
        _ => drawing.empty(),
    };
    let mut shapes = vec![Shape::Rect {
        x: 0.0,
        y: 0.0,
        width: WIDTH,
        height,
        fill: PAPER,
        border: None,
    }];
    shapes.append(&mut drawing.shapes);
    Scene {
        width: WIDTH,
        height,
        shapes,
    }
}

struct Drawing {
    shapes: Vec<Shape>,
    language: Language,
}

impl Drawing {
    fn text(&mut self, x: f64, y: f64, text: &str, size: f64, anchor: Anchor, colour: Rgb) {
        self.shapes.push(Shape::Text {
            x,
            y,
            text: text.to_owned(),
            size,
            anchor,
            colour,
        });
    }

    fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: Rgb) {
        self.shapes.push(Shape::Rect {
            x,
            y,
            width,
            height,
            fill,
            border: None,
        });
    }

    fn path(&mut self, points: Vec<(f64, f64)>, colour: Rgb, width: f64) {
        self.shapes.push(Shape::Path {
            points,
            colour,
            width,
        });
    }

    fn empty(&mut self) -> f64 {
        let words = match self.language {
            Language::Zh => "所选范围内没有数据",
            Language::En => "Nothing in this span",
        };
        self.text(WIDTH / 2.0, 160.0, words, 16.0, Anchor::Middle, SOFT);
        240.0
    }

    /// The series and a legend of them, ending at the right edge.
    fn series<'a>(&mut self, table: &'a Table) -> Vec<Series<'a>> {
        let keys = table
            .drawn
            .as_ref()
            .map(|drawn| drawn.series.as_slice())
            .unwrap_or_default();
        let found = keys.iter().filter_map(|key| table.column(key));
        let series: Vec<Series<'a>> = found
            .enumerate()
            .map(|(nth, index)| {
                let column = &table.columns[index];
                let colour = match column.key {
                    "yellow" => YELLOW,
                    "red" => RED,
                    _ => COLOURS[nth % COLOURS.len()],
                };
                Series {
                    column,
                    index,
                    colour,
                }
            })
            .collect();
        let mut x = WIDTH - 24.0;
        for one in series.iter().rev() {
            let name = one.column.name.of(self.language).to_owned();
            x -= width_of(&name, 14.0);
            self.text(x, 86.0, &name, 14.0, Anchor::Start, INK);
            x -= 20.0;
            self.rect(x, 79.0, 14.0, 14.0, one.colour);
            x -= 18.0;
        }
        series
    }

    /// Lines or bars over the rows, from left to right.
    fn upright(&mut self, table: &Table, form: Form) -> f64 {
        let series = self.series(table);
        let rows: Vec<&Vec<Cell>> = table.rows.iter().filter(|row| !is_total(row)).collect();
        let unit = series.first().map_or(Unit::Count, |one| one.column.unit);
        let values = || {
            series
                .iter()
                .flat_map(|one| rows.iter().filter_map(move |row| row[one.index].number()))
        };
        let ticks = ticks(
            values().fold(0.0, f64::min),
            values().fold(0.0, f64::max),
            unit,
        );
        let (left, right, top, bottom) = (84.0, WIDTH - 24.0, 112.0, 430.0);
        let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
        let y_of = |value: f64| bottom - (value - low) / (high - low) * (bottom - top);
        for tick in &ticks {
            let y = y_of(*tick);
            self.path(vec![(left, y), (right, y)], LINE, 1.0);
            self.text(left - 10.0, y, &shown(*tick, unit), 13.0, Anchor::End, SOFT);
        }
        let slot = (right - left) / rows.len().max(1) as f64;
        let middle = |index: usize| left + slot * (index as f64 + 0.5);
        let longest = rows
            .iter()
            .map(|row| width_of(self.name(&row[0]), 13.0))
            .fold(0.0, f64::max);
        let every = ((longest + 16.0) / slot).ceil().max(1.0) as usize;
        for (index, row) in rows.iter().enumerate().step_by(every) {
            let name = self.name(&row[0]).to_owned();
            self.text(
                middle(index),
                bottom + 20.0,
                &name,
                13.0,
                Anchor::Middle,
                SOFT,
            );
        }
        for (nth, one) in series.iter().enumerate() {
            let points = rows
                .iter()
                .enumerate()
                .map(|(index, row)| (index, row[one.index].number()));
            if form == Form::Bars {
                let width = slot * 0.7 / series.len() as f64;
                for (index, value) in points {
                    let Some(value) = value else { continue };
                    let x = middle(index) - slot * 0.35 + width * nth as f64;
                    self.rect(
                        x,
                        y_of(value),
                        width.max(1.0),
                        y_of(0.0) - y_of(value),
                        one.colour,
                    );
                }
                continue;
            }
            // Where there is nothing to show the line is broken, not drawn through.
            let mut run = Vec::new();
            for (index, value) in points.chain([(rows.len(), None)]) {
                match value {
                    Some(value) => run.push((middle(index), y_of(value))),
                    None if run.len() == 1 => {
                        let (x, y) = run[0];
                        self.rect(x - 2.5, y - 2.5, 5.0, 5.0, one.colour);
                        run.clear();
                    }
                    None if run.is_empty() => {}
                    None => self.path(std::mem::take(&mut run), one.colour, 2.5),
                }
            }
        }
        470.0
    }

    /// Lying bars, the series of a row after each other.
    fn rows(&mut self, table: &Table) -> f64 {
        let series = self.series(table);
        let rows: Vec<&Vec<Cell>> = table.rows.iter().filter(|row| !is_total(row)).collect();
        let unit = series.first().map_or(Unit::Count, |one| one.column.unit);
        let sum = |row: &[Cell]| -> f64 {
            let values = series.iter().filter_map(|one| row[one.index].number());
            values.map(|value| value.max(0.0)).sum()
        };
        let most = rows
            .iter()
            .take(MOST_ROWS)
            .map(|row| sum(row))
            .fold(0.0, f64::max);
        let (left, right) = (330.0, WIDTH - 110.0);
        let mut y = 112.0;
        for row in rows.iter().take(MOST_ROWS) {
            let name = cut(self.name(&row[0]), left - 40.0, 14.0);
            self.text(left - 12.0, y + 11.0, &name, 14.0, Anchor::End, INK);
            let mut x = left;
            for one in &series {
                let value = row[one.index].number().unwrap_or(0.0).max(0.0);
                let width = if most > 0.0 {
                    value / most * (right - left)
                } else {
                    0.0
                };
                if width > 0.0 {
                    self.rect(x, y, width, 22.0, one.colour);
                }
                x += width;
            }
            self.text(
                x + 8.0,
                y + 11.0,
                &shown(sum(row), unit),
                13.0,
                Anchor::Start,
                SOFT,
            );
            y += 32.0;
        }
        if rows.len() > MOST_ROWS {
            let more = rows.len() - MOST_ROWS;
            let words = match self.language {
                Language::Zh => format!("另有 {more} 行见表"),
                Language::En => format!("{more} more in the table"),
            };
            self.text(left, y + 8.0, &words, 13.0, Anchor::Start, SOFT);
            y += 24.0;
        }
        y + 16.0
    }

    /// A process map: steps from left to right, what is foreseen in the middle, what goes back below, what leaves out above.
    fn flow(&mut self, flow: &Flow) -> f64 {
        let columns = flow.nodes.iter().map(|node| node.x).fold(1.0, f64::max);
        let (left, right, top) = (80.0, WIDTH - 80.0, 250.0);
        let x_of = |x: f64| left + x / columns * (right - left);
        let y_of = |y: f64| top + y * 110.0;
        let most = flow
            .edges
            .iter()
            .map(|edge| edge.n)
            .max()
            .unwrap_or(1)
            .max(1) as f64;
        let step = (right - left) / columns;
        for edge in flow.edges.iter().rev() {
            let (from, to) = (&flow.nodes[edge.from], &flow.nodes[edge.to]);
            let (a, b) = ((x_of(from.x), y_of(from.y)), (x_of(to.x), y_of(to.y)));
            let reach = (to.x - from.x).abs();
            let straight = (to.x - from.x - 1.0).abs() < 0.1 && (to.y - from.y).abs() < 0.1;
            let bend = match (straight, to.x > from.x) {
                (true, _) => 0.0,
                (_, true) => -34.0 - 22.0 * reach.min(5.0),
                _ => 40.0 + 22.0 * reach.min(5.0),
            };
            let colour = if edge.foreseen {
                COLOURS[0]
            } else {
                COLOURS[2]
            };
            let width = 1.0 + 6.0 * (edge.n as f64 / most).sqrt();
            let points: Vec<(f64, f64)> = if edge.from == edge.to {
                loop_at(a)
            } else {
                arc(a, b, bend)
            };
            let label = points[points.len() / 2];
            let tip = points[points.len() - 1];
            let before = points[points.len().saturating_sub(4)];
            self.path(points, colour, width);
            self.head(before, tip, width, colour);
            let y = label.1 + if bend > 0.0 { 12.0 } else { -12.0 };
            self.text(
                label.0,
                y,
                &edge.n.to_string(),
                13.0,
                Anchor::Middle,
                colour,
            );
        }
        for node in &flow.nodes {
            let (x, y) = (x_of(node.x), y_of(node.y));
            let name = cut(node.name.of(self.language), (step * 0.82).max(44.0), 14.0);
            let width = (width_of(&name, 14.0) + 18.0).max(44.0);
            self.shapes.push(Shape::Rect {
                x: x - width / 2.0,
                y: y - 24.0,
                width,
                height: 48.0,
                fill: PAPER,
                border: Some(if node.foreseen { INK } else { COLOURS[2] }),
            });
            self.text(x, y - 9.0, &name, 14.0, Anchor::Middle, INK);
            self.text(x, y + 11.0, &node.n.to_string(), 13.0, Anchor::Middle, SOFT);
        }
        let words = match self.language {
            Language::Zh => [("事项流程之内", COLOURS[0]), ("与事项流程不符", COLOURS[2])],
            Language::En => [
                ("as the item foresees", COLOURS[0]),
                ("not foreseen", COLOURS[2]),
            ],
        };
        let mut x = 24.0;
        for (text, colour) in words {
            self.rect(x, 84.0, 22.0, 5.0, colour);
            self.text(x + 30.0, 86.0, text, 14.0, Anchor::Start, INK);
            x += 60.0 + width_of(text, 14.0);
        }
        520.0
    }

    /// The head of an arrow that comes from `before` to `tip`, which is the middle of a box: it ends at the box's edge.
    fn head(&mut self, before: (f64, f64), tip: (f64, f64), width: f64, colour: Rgb) {
        let (dx, dy) = (tip.0 - before.0, tip.1 - before.1);
        let length = dx.hypot(dy).max(0.001);
        let (ux, uy) = (dx / length, dy / length);
        let size = 6.0 + width;
        // Where the way leaves the box: 26 above or below its middle, or about 34 beside it.
        let away = (26.0 / uy.abs().max(0.001)).min(36.0 / ux.abs().max(0.001));
        let (x, y) = (tip.0 - ux * away, tip.1 - uy * away);
        let (bx, by) = (x - ux * size, y - uy * size);
        let (nx, ny) = (-uy * size * 0.5, ux * size * 0.5);
        self.shapes.push(Shape::Area {
            points: vec![(x, y), (bx + nx, by + ny), (bx - nx, by - ny)],
            fill: colour,
        });
    }

    fn name<'a>(&self, cell: &'a Cell) -> &'a str {
        match cell {
            Cell::Label { name, .. } => name.of(self.language),
            _ => "",
        }
    }
}

/// The line that sums the others up is not drawn among them.
fn is_total(row: &[Cell]) -> bool {
    matches!(&row[0], Cell::Label { code, name } if code.is_empty() && name.zh == "合计")
}

/// A quadratic curve from `a` to `b` that bends by `bend` in the middle.
fn arc(a: (f64, f64), b: (f64, f64), bend: f64) -> Vec<(f64, f64)> {
    let control = ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0 + 2.0 * bend);
    (0..=32)
        .map(|i| {
            let t = f64::from(i) / 32.0;
            let (p, q, r) = ((1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t);
            (
                p * a.0 + q * control.0 + r * b.0,
                p * a.1 + q * control.1 + r * b.1,
            )
        })
        .collect()
}

/// From a box to itself, above it.
fn loop_at((x, y): (f64, f64)) -> Vec<(f64, f64)> {
    (0..=32)
        .map(|i| {
            let t = f64::from(i) / 32.0 * std::f64::consts::PI;
            (x - 26.0 * t.cos(), y - 22.0 - 46.0 * t.sin())
        })
        .chain([(x + 14.0, y)])
        .collect()
}

/// Round numbers from at most `low` to at least `high`, three to six of them.
fn ticks(low: f64, high: f64, unit: Unit) -> Vec<f64> {
    let span = (high - low).max(match unit {
        Unit::Share => 0.05,
        Unit::Workdays => 0.5,
        _ => 4.0,
    });
    let rough = span / 4.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let (first, last) = (
        (low / step).floor() as i64,
        ((low + span) / step).ceil() as i64,
    );
    (first..=last).map(|n| n as f64 * step).collect()
}

fn shown(number: f64, unit: Unit) -> String {
    let text = match unit {
        Unit::Share => return format!("{:.1}%", number * 100.0),
        Unit::Workdays => format!("{number:.2}"),
        Unit::Points => format!("{number:.1}"),
        Unit::Count | Unit::Label => format!("{number:.0}"),
    };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// About how wide a text is: ideographs are square, other letters half as wide and a little more.
fn width_of(text: &str, size: f64) -> f64 {
    let ems = text.chars().map(|letter| {
        if u32::from(letter) >= 0x2e80 {
            1.0
        } else {
            0.56
        }
    });
    ems.sum::<f64>() * size
}

/// A text that fits, its end cut off where it must be.
fn cut(text: &str, width: f64, size: f64) -> String {
    if width_of(text, size) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        if width_of(&kept, size) + size > width {
            break;
        }
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_what_is_drawn() {
        assert_eq!(ticks(0.0, 0.97, Unit::Share), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(ticks(0.0, 0.0, Unit::Count), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(ticks(-0.3, 0.5, Unit::Share)[0], -0.4);
        for high in [3.0, 17.0, 99.0, 12_345.0] {
            let ticks = ticks(0.0, high, Unit::Count);
            assert!(
                ticks.len() <= 6 && ticks[ticks.len() - 1] >= high,
                "{high}: {ticks:?}"
            );
        }
    }

    #[test]
    fn a_long_name_is_cut_and_a_short_one_is_not() {
        assert_eq!(cut("现场踏勘", 60.0, 14.0), "现场踏勘");
        assert_eq!(cut("建设工程规划许可证核发", 60.0, 14.0), "建设工程…");
    }
}
