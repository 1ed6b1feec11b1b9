//! Statistics of processes: where cases wait, which way they take, and how that differs from what the item foresees.

use std::collections::{BTreeMap, HashMap};

use mingjing_monitor::item::ItemVersion;
use mingjing_monitor::statistics::process::{Deviation, deviations, is_foreseen};
use mingjing_monitor::store::statistics as store;

use super::cases::new;
use super::table::{Cell, Column, Drawn, Edge, Flow, Form, Node, Table, Unit, Words};
use super::{Asked, Names, share, workdays};
use crate::app::App;
use crate::problem::Result;

/// Steps that the bottleneck map shows at most.
const MOST_STEPS: i64 = 200;
/// Ways that are listed at most.
const MOST_VARIANTS: i64 = 100;
/// Steps that a process map draws at most: those that were done most.
const MOST_NODES: usize = 24;

/// 中梗阻: each step of each unit, those first that held cases longest, waiting beside working time.
pub async fn bottleneck(app: &App, asked: &Asked, names: &Names) -> Result<Table> {
    let mut table = new(
        "bottleneck",
        Words::new("中梗阻", "Bottlenecks"),
        Column::new("step", "单位 · 环节", "Unit · step", Unit::Label),
        vec![
            Column::new("runs", "次数", "Runs", Unit::Count),
            Column::new("waited", "平均等待", "Waiting, mean", Unit::Workdays),
            Column::new("worked", "平均办理", "Working, mean", Unit::Workdays),
            Column::new("undivided", "未分等待与办理", "Not divided", Unit::Workdays),
            Column::new("over", "超环节时限", "Over its limit", Unit::Count),
            Column::new("over_share", "超时占比", "Share over", Unit::Share),
            Column::new("held", "占全部用时", "Of all time", Unit::Share),
        ],
    );
    table.drawn = Some(Drawn {
        form: Form::Rows,
        series: vec!["waited", "worked", "undivided"],
    });
    table.notes.push(Words::new(
        "按环节完成的日期和办理单位统计。等待：上一环节结束至本环节开始；来源只报结束时间的，等待与办理合在一起，列为「未分」。",
        "By the day on which a step was finished and the unit that did it. Waiting: from the end of the step before to its beginning; where a \
         source tells only of ends, waiting and working stand together as \"not divided\".",
    ));
    let rows = store::steps(app.db(), &asked.filter, MOST_STEPS).await?;
    let time = |row: &store::StepSums| row.waited + row.worked + row.undivided;
    let total: i64 = rows.iter().map(time).sum();
    let steps = names.steps();
    let line = |row: &store::StepSums| {
        let step = match &asked.filter.item {
            Some(item) => names.step(item, &row.step),
            None => steps.name(&row.unit, &row.step),
        };
        let unit = names.unit(&row.unit);
        let name = Words::new(
            format!("{} · {}", unit.zh, step.zh),
            format!("{} · {}", unit.en, step.en),
        );
        vec![
            Cell::label(row.unit.clone(), name),
            row.runs.into(),
            workdays(row.waited, row.begun).into(),
            workdays(row.worked, row.begun).into(),
            workdays(row.undivided, row.runs - row.begun).into(),
            row.over.into(),
            share(row.over, row.runs).into(),
            share(time(row), total).into(),
        ]
    };
    table.rows = rows.iter().map(line).collect();
    Ok(table)
}

/// The asked item, or the busiest one, and a note that says so.
async fn one_item(
    app: &App,
    asked: &Asked,
    names: &Names,
    table: &mut Table,
) -> Result<Option<Asked>> {
    let mut asked = asked.clone();
    if asked.filter.item.is_none() {
        asked.filter.item = store::busiest_item(app.db(), &asked.filter).await?;
        let Some(item) = &asked.filter.item else {
            return Ok(None);
        };
        let name = names.item(item);
        table.notes.push(Words::new(
            format!("未选事项，显示办结最多的「{}」。", name.zh),
            format!(
                "No item chosen: this is the one with most cases, {}.",
                name.en
            ),
        ));
    }
    table.notes.push(Words::new(
        "按月统计：期间触及的月份整月计入。只计已作出决定的办件。",
        "By months: those that the span touches are counted whole. Only cases that were decided.",
    ));
    Ok(Some(asked))
}

/// The process map: what followed what, how often, and whether the item foresees it.
pub async fn map(app: &App, asked: &Asked, names: &Names) -> Result<Table> {
    let mut table = new(
        "process",
        Words::new("流程图", "Process map"),
        Column::new("edge", "前后环节", "From and to", Unit::Label),
        vec![
            Column::new("n", "次数", "How often", Unit::Count),
            Column::new("deviates", "与事项流程不符", "Not foreseen", Unit::Count),
        ],
    );
    table.drawn = Some(Drawn {
        form: Form::Flow,
        series: vec!["n"],
    });
    let Some(asked) = one_item(app, asked, names, &mut table).await? else {
        return Ok(table);
    };
    let code = asked.filter.item.clone().unwrap_or_default();
    let item = names.version(&code);
    let edges = store::follows(app.db(), &asked.filter).await?;
    let foreseen = |edge: &store::Follows| {
        item.is_none_or(|item| is_foreseen(item, &edge.earlier, &edge.later))
    };
    let named = |step: &str, end: (&str, &str)| match step {
        "" => Words::new(end.0, end.1),
        step => names.step(&code, step),
    };
    let line = |edge: &store::Follows| {
        let (from, to) = (
            named(&edge.earlier, ("开始", "Start")),
            named(&edge.later, ("结束", "End")),
        );
        let name = Words::new(
            format!("{} → {}", from.zh, to.zh),
            format!("{} → {}", from.en, to.en),
        );
        let beside = if foreseen(edge) { 0 } else { edge.n };
        vec![
            Cell::label(code.clone(), name),
            edge.n.into(),
            beside.into(),
        ]
    };
    table.rows = edges.iter().map(line).collect();
    if !edges.is_empty() {
        table.flow = Some(flow(&edges, item, &code, names, &foreseen));
    }
    Ok(table)
}

fn flow(
    edges: &[store::Follows],
    item: Option<&ItemVersion>,
    code: &str,
    names: &Names,
    foreseen: &impl Fn(&store::Follows) -> bool,
) -> Flow {
    // How often each step was done, and which step it followed most: its place where the item does not list it.
    let mut done: BTreeMap<&str, i64> = BTreeMap::new();
    for edge in edges {
        *done.entry(&edge.later).or_default() += edge.n;
    }
    let cases = done.remove("").unwrap_or(0);
    let mut most: Vec<(&str, i64)> = done.into_iter().collect();
    most.sort_by_key(|(step, n)| (std::cmp::Reverse(*n), *step));
    most.truncate(MOST_NODES);
    let drawn: HashMap<&str, i64> = most.into_iter().collect();
    let listed = item.map(|item| item.steps.as_slice()).unwrap_or_default();
    let mut order: Vec<(&str, bool)> = listed
        .iter()
        .map(|step| (step.code.as_str(), true))
        .filter(|(step, _)| drawn.contains_key(step))
        .collect();
    let mut rest: Vec<&str> = drawn
        .keys()
        .copied()
        .filter(|step| !order.iter().any(|(known, _)| known == step))
        .collect();
    rest.sort_by_key(|step| (std::cmp::Reverse(drawn[step]), *step));
    for step in rest {
        let before = edges
            .iter()
            .find(|edge| edge.later == step && edge.earlier != step);
        let after =
            before.and_then(|edge| order.iter().position(|(known, _)| *known == edge.earlier));
        order.insert(
            after.map_or(order.len(), |at| at + 1),
            (step, listed.is_empty()),
        );
    }
    let end = (order.len() + 1) as f64;
    let place = |code: &str, name: Words, n: i64, x: f64, foreseen: bool| Node {
        code: code.to_owned(),
        name,
        n,
        x,
        y: if foreseen { 0.0 } else { 1.0 },
        foreseen,
    };
    let mut nodes = vec![place("^", Words::new("开始", "Start"), cases, 0.0, true)];
    for (index, (step, foreseen)) in order.iter().enumerate() {
        let x = (index + 1) as f64;
        nodes.push(place(
            step,
            names.step(code, step),
            drawn[step],
            x,
            *foreseen,
        ));
    }
    nodes.push(place("$", Words::new("结束", "End"), cases, end, true));
    let at = |step: &str, ends: usize| match step {
        "" => Some(ends),
        step => nodes.iter().position(|node| node.code == step),
    };
    let last = nodes.len() - 1;
    let edge = |edge: &store::Follows| {
        Some(Edge {
            from: at(&edge.earlier, 0)?,
            to: at(&edge.later, last)?,
            n: edge.n,
            foreseen: foreseen(edge),
        })
    };
    let edges = edges.iter().filter_map(edge).collect();
    Flow { nodes, edges }
}

/// The ways that cases took, the most used first.
pub async fn variants(app: &App, asked: &Asked, names: &Names) -> Result<Table> {
    let mut table = new(
        "variants",
        Words::new("流程变体", "Ways taken"),
        Column::new("way", "环节顺序", "Steps in order", Unit::Label),
        vec![
            Column::new("n", "件数", "Cases", Unit::Count),
            Column::new("share", "占比", "Share", Unit::Share),
            Column::new("deviation", "与事项流程不符之处", "Differs by", Unit::Label),
        ],
    );
    let Some(asked) = one_item(app, asked, names, &mut table).await? else {
        return Ok(table);
    };
    let code = asked.filter.item.clone().unwrap_or_default();
    let item = names.version(&code);
    let rows = store::variants(app.db(), &asked.filter, MOST_VARIANTS).await?;
    // Every case of the item ends once, whatever its way: so the share is of all, not of those listed.
    let follows = store::follows(app.db(), &asked.filter).await?;
    let ends = follows.iter().filter(|edge| edge.later.is_empty());
    let total: i64 = ends.map(|edge| edge.n).sum();
    let line = |row: &store::Variant| {
        let steps: Vec<Words> = row
            .steps
            .iter()
            .map(|step| names.step(&code, step))
            .collect();
        let way = |of: fn(&Words) -> &str, none: &str| match steps.is_empty() {
            true => none.to_owned(),
            false => steps.iter().map(of).collect::<Vec<_>>().join(" → "),
        };
        let name = Words::new(way(|it| &it.zh, "没有环节"), way(|it| &it.en, "No steps"));
        let found = item
            .map(|item| deviations(item, &row.steps))
            .unwrap_or_default();
        let words: Vec<(&str, &str)> = found.iter().map(|it| words(*it)).collect();
        let join = |of: fn(&(&'static str, &'static str)) -> &'static str, by: &str| {
            words.iter().map(of).collect::<Vec<_>>().join(by)
        };
        let differs = match found.is_empty() {
            true => Cell::Missing,
            false => Cell::label("", Words::new(join(|it| it.0, "、"), join(|it| it.1, ", "))),
        };
        vec![
            Cell::label(code.clone(), name),
            row.n.into(),
            share(row.n, total).into(),
            differs,
        ]
    };
    table.rows = rows.iter().map(line).collect();
    if let Some(ways) = rows.first().map(|row| row.ways) {
        table.notes.push(Words::new(
            format!("共 {ways} 种走法，列出最常见的 {} 种。", rows.len()),
            format!(
                "{ways} ways in all; the most used {} are listed.",
                rows.len()
            ),
        ));
    }
    Ok(table)
}

fn words(deviation: Deviation) -> (&'static str, &'static str) {
    match deviation {
        Deviation::Unknown => ("多出环节", "a step that is not foreseen"),
        Deviation::Order => ("顺序颠倒", "order"),
        Deviation::Repeated => ("重复环节", "a step done again"),
        Deviation::Skipped => ("缺少环节", "a step left out"),
    }
}
