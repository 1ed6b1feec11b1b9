//! Statistics of cases: how many, how long, how punctual, how they came in, how they were rated, and where they are handled.

use std::collections::HashMap;

use chrono::Months;
use mingjing_monitor::statistics::histogram;
use mingjing_monitor::store::statistics::{self as store, By, Counts, Wanted};

use super::table::{Cell, Column, Drawn, Form, Table, Unit, Words};
use super::{Asked, Names, WORKDAY, share, workdays};
use crate::app::App;
use crate::problem::Result;

/// Upper ends of the classes that the distribution shows, in workdays.
const CLASSES: [f64; 11] = [0.125, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0];

/// An empty table whose first column says what its rows stand for.
pub(super) fn new(name: &'static str, title: Words, first: Column, others: Vec<Column>) -> Table {
    let mut columns = vec![first];
    columns.extend(others);
    Table {
        name,
        title,
        about: Words::default(),
        columns,
        rows: Vec::new(),
        drawn: None,
        flow: None,
        notes: Vec::new(),
    }
}

fn first(by: By) -> Column {
    match by {
        By::Day => Column::new("day", "日期", "Day", Unit::Label),
        By::Month | By::Whole => Column::new("month", "月份", "Month", Unit::Label),
        By::Hall => Column::new("hall", "大厅", "Hall", Unit::Label),
        By::Unit => Column::new("unit", "单位", "Unit", Unit::Label),
        By::Item => Column::new("item", "事项", "Item", Unit::Label),
    }
}

fn drawn(by: By, over_time: Form, series: &[&'static str]) -> Option<Drawn> {
    let form = match by {
        By::Day | By::Month => over_time,
        _ => Form::Rows,
    };
    Some(Drawn {
        form,
        series: series.to_vec(),
    })
}

/// The sums in the order of the rows: every day or month of the span, or halls, units and items with most cases first; nothing is left
/// out, and the whole is last.
async fn rows(app: &App, asked: &Asked, wanted: Wanted) -> Result<(Vec<Counts>, Counts)> {
    let found = store::counts(app.db(), &asked.filter, asked.by, wanted).await?;
    let mut total = Counts {
        rated: vec![0; 5],
        ..Counts::default()
    };
    for row in &found {
        add(&mut total, row);
    }
    if !matches!(asked.by, By::Day | By::Month) {
        let mut found = found;
        found.sort_by(|a, b| {
            (b.completed, b.accepted, &a.key).cmp(&(a.completed, a.accepted, &b.key))
        });
        return Ok((found, total));
    }
    let mut of: HashMap<String, Counts> = found
        .into_iter()
        .map(|row| (row.key.clone(), row))
        .collect();
    let empty = |key: String| Counts {
        key,
        rated: vec![0; 5],
        ..Counts::default()
    };
    let times = asked.times().into_iter();
    Ok((
        times
            .map(|key| of.remove(&key).unwrap_or_else(|| empty(key)))
            .collect(),
        total,
    ))
}

fn add(total: &mut Counts, row: &Counts) {
    total.accepted += row.accepted;
    total.completed += row.completed;
    total.refused += row.refused;
    total.withdrawn += row.withdrawn;
    total.voided += row.voided;
    total.met += row.met;
    total.over += row.over;
    total.promised += row.promised;
    total.early += row.early;
    total.measured += row.measured;
    total.worked += row.worked;
    total.legal_worked += row.legal_worked;
    total.legal_allowed += row.legal_allowed;
    total.cut_promise += row.cut_promise;
    total.cut_legal += row.cut_legal;
    for (sum, n) in total.rated.iter_mut().zip(&row.rated) {
        *sum += n;
    }
}

/// A table of sums, one row after the other and the whole below them.
fn filled(
    mut table: Table,
    (rows, total): (Vec<Counts>, Counts),
    by: By,
    names: &Names,
    cells: impl Fn(&Counts) -> Vec<Cell>,
) -> Table {
    if rows.iter().all(|row| {
        row.accepted + row.completed + row.met + row.over + row.rated.iter().sum::<i64>() == 0
    }) {
        return table;
    }
    let line = |head: Cell, row: &Counts| {
        let mut line = vec![head];
        line.extend(cells(row));
        line
    };
    table.rows = rows
        .iter()
        .map(|row| line(names.cell(by, &row.key), row))
        .collect();
    table.rows.push(line(names.cell(By::Whole, ""), &total));
    table
}

/// Accepted, ended, and ended otherwise than by a decision for the applicant.
pub async fn volumes(app: &App, asked: &Asked, names: &Names) -> Result<Table> {
    let columns = vec![
        Column::new("accepted", "受理", "Accepted", Unit::Count),
        Column::new("completed", "办结", "Ended", Unit::Count),
        Column::new("refused", "其中不予办理", "Of them refused", Unit::Count),
        Column::new("withdrawn", "其中撤回", "Withdrawn", Unit::Count),
        Column::new("voided", "其中作废", "Voided", Unit::Count),
    ];
    let mut table = new(
        "volumes",
        Words::new("业务量", "Volumes"),
        first(asked.by),
        columns,
    );
    table.drawn = drawn(asked.by, Form::Lines, &["accepted", "completed"]);
    Ok(filled(
        table,
        rows(app, asked, Wanted::Volumes).await?,
        asked.by,
        names,
        |row| {
            [
                row.accepted,
                row.completed,
                row.refused,
                row.withdrawn,
                row.voided,
            ]
            .map(Cell::from)
            .to_vec()
        },
    ))
}

/// Working time from acceptance to decision: mean, median and p90.
pub async fn durations(app: &App, asked: &Asked, names: &Names) -> Result<Table> {
    let columns = vec![
        Column::new("decided", "办结件数", "Decided", Unit::Count),
        Column::new("mean", "平均用时", "Mean", Unit::Workdays),
        Column::new("median", "中位用时", "Median", Unit::Workdays),
        Column::new("p90", "九成办件用时不超过", "90 % within", Unit::Workdays),
    ];
    let mut table = new(
        "durations",
        Words::new("办理用时", "Time taken"),
        first(asked.by),
        columns,
    );
    table.drawn = drawn(asked.by, Form::Lines, &["median", "p90"]);
    if !matches!(asked.by, By::Day | By::Month) {
        table.drawn = drawn(asked.by, Form::Rows, &["median"]);
    }
    table.notes.push(Words::new(
        "用时按办公时间折算为工作日，依法停钟的特别程序不计；撤回和作废的办件不计。中位数和九成数由直方图求得，误差不超过 3.2%，平均数是精确的。",
        "Working time in workdays of office hours, lawful special procedures left out; cases withdrawn or voided are not counted. Median and \
         90 % come from a histogram and are at most 3.2 % off; the mean is exact.",
    ));
    // Side by side: neither waits for the other.
    let found = async { Ok(store::durations(app.db(), &asked.filter, asked.by).await?) };
    let (found, (mut sums, total)) = tokio::try_join!(found, rows(app, asked, Wanted::Durations))?;
    if !matches!(asked.by, By::Day | By::Month) {
        sums.retain(|row| row.measured > 0);
    }
    if total.measured == 0 {
        return Ok(table);
    }
    let line = |head: Cell, row: &Counts, classes: &[(i16, i64)]| {
        let part = |part| histogram::quantile(classes, part).map(|x| x as f64 / WORKDAY);
        vec![
            head,
            row.measured.into(),
            workdays(row.worked, row.measured).into(),
            part(0.5).into(),
            part(0.9).into(),
        ]
    };
    let of = |row: &Counts| found.by.get(&row.key).map_or(&[][..], Vec::as_slice);
    table.rows = sums
        .iter()
        .map(|row| line(names.cell(asked.by, &row.key), row, of(row)))
        .collect();
    table
        .rows
        .push(line(names.cell(By::Whole, ""), &total, &found.all));
    Ok(table)
}

/// How many cases took how long.
pub async fn distribution(app: &App, asked: &Asked) -> Result<Table> {
    let mut table = new(
        "distribution",
        Words::new("用时分布", "How long cases took"),
        Column::new("class", "用时（工作日）", "Workdays", Unit::Label),
        vec![
            Column::new("n", "办结件数", "Decided", Unit::Count),
            Column::new("share", "占比", "Share", Unit::Share),
            Column::new("within", "累计占比", "Within", Unit::Share),
        ],
    );
    table.drawn = Some(Drawn {
        form: Form::Bars,
        series: vec!["n"],
    });
    table.notes.push(Words::new(
        "由直方图求得：离边界不到 3.2% 的办件可能计入相邻一档。",
        "From a histogram: cases less than 3.2 % off the border of a class may stand in the next.",
    ));
    let mut counts = [0i64; CLASSES.len() + 1];
    let found = store::durations(app.db(), &asked.filter, By::Whole).await?;
    for (class, n) in found.all {
        let (from, to) = histogram::bounds(class);
        let middle = (from + to - 1) as f64 / 2.0 / WORKDAY;
        let at = CLASSES
            .iter()
            .position(|end| middle <= *end)
            .unwrap_or(CLASSES.len());
        counts[at] += n;
    }
    let total: i64 = counts.iter().sum();
    if total == 0 {
        return Ok(table);
    }
    let mut within = 0;
    for (index, n) in counts.into_iter().enumerate() {
        within += n;
        let lower = index.checked_sub(1).map_or(0.0, |before| CLASSES[before]);
        let name = match CLASSES.get(index) {
            Some(upper) => Words::same(format!("{lower}–{upper}")),
            None => Words::same(format!("> {lower}")),
        };
        let code = index.to_string();
        table.rows.push(vec![
            Cell::label(code, name),
            n.into(),
            share(n, total).into(),
            share(within, total).into(),
        ]);
    }
    Ok(table)
}

/// On time, early, faster than the law asks, promised shorter than the law asks.
pub async fn timeliness(app: &App, asked: &Asked, names: &Names) -> Result<Table> {
    let columns = vec![
        Column::new("due", "应办结", "Due", Unit::Count),
        Column::new("met", "按时办结", "In time", Unit::Count),
        Column::new("on_time", "按时率", "On time", Unit::Share),
        Column::new("early", "提前办结率", "Early", Unit::Share),
        Column::new("speed_up", "提速率", "Speed-up", Unit::Share),
        Column::new("compression", "时限压缩率", "Limits cut by", Unit::Share),
    ];
    let mut table = new(
        "timeliness",
        Words::new("时效", "Timeliness"),
        first(asked.by),
        columns,
    );
    table.drawn = drawn(asked.by, Form::Lines, &["on_time", "early"]);
    if !matches!(asked.by, By::Day | By::Month) {
        table.drawn = drawn(asked.by, Form::Rows, &["on_time"]);
    }
    table.notes.push(Words::new(
        "应办结：时限在期内到期且已有结论的办件，即办件另计。提速率 = 1 − 实际用时 ÷ 法定时限；时限压缩率 = 1 − 承诺时限 ÷ 法定时限，均按办结件合计。",
        "Due: cases whose limit fell in the span and that were decided or are over; immediate items apart. Speed-up is 1 − time taken ÷ legal limit, \
         limits cut by 1 − promise ÷ legal limit, of all cases decided together.",
    ));
    Ok(filled(
        table,
        rows(app, asked, Wanted::Timeliness).await?,
        asked.by,
        names,
        |row| {
            let less = |part, whole| share(part, whole).map(|share| 1.0 - share);
            vec![
                (row.met + row.over).into(),
                row.met.into(),
                share(row.met, row.met + row.over).into(),
                share(row.early, row.promised).into(),
                less(row.legal_worked, row.legal_allowed).into(),
                less(row.cut_promise, row.cut_legal).into(),
            ]
        },
    ))
}

/// Ratings by level, their mean and the share of bad ones.
pub async fn ratings(app: &App, asked: &Asked, names: &Names) -> Result<Table> {
    const POINTS: [i64; 5] = [100, 80, 60, 30, 0];
    let columns = vec![
        Column::new("rated", "评价", "Rated", Unit::Count),
        Column::new("rated_1", "非常满意", "Very satisfied", Unit::Count),
        Column::new("rated_2", "满意", "Satisfied", Unit::Count),
        Column::new("rated_3", "基本满意", "Fairly satisfied", Unit::Count),
        Column::new("rated_4", "不满意", "Dissatisfied", Unit::Count),
        Column::new("rated_5", "非常不满意", "Very dissatisfied", Unit::Count),
        Column::new("mean", "满意度", "Satisfaction", Unit::Points),
        Column::new("bad", "差评率", "Bad", Unit::Share),
    ];
    let mut table = new(
        "ratings",
        Words::new("好差评", "Ratings"),
        first(asked.by),
        columns,
    );
    let levels = ["rated_1", "rated_2", "rated_3", "rated_4", "rated_5"];
    table.drawn = Some(match asked.by {
        By::Day | By::Month => Drawn {
            form: Form::Lines,
            series: vec!["mean"],
        },
        _ => Drawn {
            form: Form::Rows,
            series: levels.to_vec(),
        },
    });
    let (mut sums, total) = rows(app, asked, Wanted::Ratings).await?;
    if !matches!(asked.by, By::Day | By::Month) {
        sums.retain(|row| row.rated.iter().any(|n| *n > 0));
    }
    if total.rated.iter().all(|n| *n == 0) {
        return Ok(table);
    }
    Ok(filled(table, (sums, total), asked.by, names, |row| {
        let rated: i64 = row.rated.iter().sum();
        let points: i64 = row
            .rated
            .iter()
            .zip(POINTS)
            .map(|(n, points)| n * points)
            .sum();
        let mut cells = vec![rated.into()];
        cells.extend(row.rated.iter().map(|n| Cell::from(*n)));
        cells.push(share(points, rated).into());
        cells.push(share(row.rated.iter().skip(3).sum(), rated).into());
        cells
    }))
}

/// How the cases accepted came in.
pub async fn channels(app: &App, asked: &Asked) -> Result<Table> {
    let mut table = new(
        "channels",
        Words::new("申请渠道", "Channels"),
        Column::new("channel", "渠道", "Channel", Unit::Label),
        vec![
            Column::new("n", "受理", "Accepted", Unit::Count),
            Column::new("share", "占比", "Share", Unit::Share),
        ],
    );
    table.drawn = Some(Drawn {
        form: Form::Rows,
        series: vec!["n"],
    });
    let rows = store::channels(app.db(), &asked.filter).await?;
    let total: i64 = rows.iter().map(|row| row.n).sum();
    table.rows = rows
        .into_iter()
        .map(|row| {
            let name = channel(&row.channel);
            vec![
                Cell::label(row.channel, name),
                row.n.into(),
                share(row.n, total).into(),
            ]
        })
        .collect();
    Ok(table)
}

fn channel(code: &str) -> Words {
    match code {
        "" => Words::new("未注明", "Not given"),
        "web" | "online" => Words::new("网上", "Online"),
        "window" | "counter" => Words::new("窗口", "At the window"),
        "phone" => Words::new("电话", "Phone"),
        "mobile" | "app" => Words::new("移动端", "Mobile"),
        "mail" | "post" => Words::new("邮寄", "By post"),
        "kiosk" | "terminal" => Words::new("自助终端", "Kiosk"),
        "village_point" | "village" => Words::new("村级代办", "Village point"),
        other => Words::same(other),
    }
}

/// Where each item is handled, beside the same days a year before: what was moved down to towns and villages.
pub async fn levels(app: &App, asked: &Asked, names: &Names) -> Result<Table> {
    let mut table = new(
        "levels",
        Words::new("事项下放", "Items moved down"),
        Column::new("item", "事项", "Item", Unit::Label),
        vec![
            Column::new("county", "县级受理", "At the county", Unit::Count),
            Column::new("town", "镇级受理", "In towns", Unit::Count),
            Column::new("village", "村级受理", "In villages", Unit::Count),
            Column::new("below", "镇村占比", "Below the county", Unit::Share),
            Column::new("before", "上年同期占比", "A year before", Unit::Share),
        ],
    );
    table.drawn = Some(Drawn {
        form: Form::Rows,
        series: vec!["county", "town", "village"],
    });
    let mut last_year = asked.filter.clone();
    last_year.from = last_year.from - Months::new(12);
    last_year.to = last_year.to - Months::new(12);
    let (before, mut rows) = tokio::try_join!(
        store::levels(app.db(), &last_year),
        store::levels(app.db(), &asked.filter)
    )?;
    let below = |row: &store::ItemLevels| {
        share(row.town + row.village, row.county + row.town + row.village)
    };
    let before: HashMap<&str, Option<f64>> = before
        .iter()
        .map(|row| (row.item.as_str(), below(row)))
        .collect();
    rows.sort_by_key(|row| {
        std::cmp::Reverse((row.county + row.town + row.village, row.item.clone()))
    });
    let line = |row: &store::ItemLevels| {
        vec![
            names.cell(By::Item, &row.item),
            row.county.into(),
            row.town.into(),
            row.village.into(),
            below(row).into(),
            before.get(row.item.as_str()).copied().flatten().into(),
        ]
    };
    table.rows = rows.iter().map(line).collect();
    let down = |row: &&store::ItemLevels| row.town + row.village > 0;
    let down = rows.iter().filter(down).count();
    let moved = |row: &&store::ItemLevels| {
        row.town + row.village > 0 && before.get(row.item.as_str()) == Some(&Some(0.0))
    };
    let moved = rows.iter().filter(moved).count();
    if !rows.is_empty() {
        table.notes.push(Words::new(
            format!("{} 个事项中有 {down} 个在镇村受理，其中 {moved} 个上年同期只在县级受理。", rows.len()),
            format!("Of {} items {down} are handled in towns or villages, {moved} of them only at the county a year before.", rows.len()),
        ));
    }
    Ok(table)
}
