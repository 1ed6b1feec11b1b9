//! Statistics of what went wrong: cards by rule, complaints and what came of them, presence at the windows.

use mingjing_alerts::store::statistics as cards;
use mingjing_monitor::store::statistics as store;

use super::Asked;
use super::cases::new;
use super::table::{Cell, Column, Drawn, Form, Table, Unit, Words};
use crate::app::App;
use crate::problem::Result;

/// Cards by rule and kind.
pub async fn anomalies(app: &App, asked: &Asked) -> Result<Table> {
    let mut table = new(
        "anomalies",
        Words::new("异常", "Anomalies"),
        Column::new("rule", "规则", "Rule", Unit::Label),
        vec![
            Column::new("kind", "类别", "Kind", Unit::Label),
            Column::new(
                "warnings",
                "提醒与预警",
                "Notices and warnings",
                Unit::Count,
            ),
            Column::new("yellow", "黄牌", "Yellow cards", Unit::Count),
            Column::new("red", "红牌", "Red cards", Unit::Count),
            Column::new(
                "taken_back",
                "撤回撤销的牌",
                "Cards taken back",
                Unit::Count,
            ),
        ],
    );
    table.drawn = Some(Drawn {
        form: Form::Rows,
        series: vec!["yellow", "red"],
    });
    table.notes.push(Words::new(
        "按到期时刻统计。黄牌、红牌只计仍然有效的；试运行期间的牌不计。",
        "By the instant at which they fell due. Yellow and red cards that stand; those of a trial run are not counted.",
    ));
    let (from, to) = asked.instants(app);
    let rows = cards::anomalies(app.db(), &asked.filter, from, to).await?;
    let line = |row: cards::Found| {
        let rule = rule(&row.rule);
        vec![
            Cell::label(row.rule, rule),
            Cell::label(row.kind.clone(), kind(&row.kind)),
            row.warnings.into(),
            row.yellow.into(),
            row.red.into(),
            row.taken_back.into(),
        ]
    };
    table.rows = rows.into_iter().map(line).collect();
    Ok(table)
}

fn rule(code: &str) -> Words {
    let (zh, en) = match code {
        "R1" => ("临近时限", "Near due"),
        "R2" => ("超过时限", "Over limit"),
        "R3" => ("环节超时", "Step over limit"),
        "R4" => ("程序", "Procedure"),
        "R5" => ("无理由退件", "Unreasoned refusal"),
        "R6" => ("收费", "Fee"),
        "R7" => ("数据", "Data"),
        "R8" => ("办件异常比例", "Share of voided"),
        "R9" => ("在岗", "Presence"),
        "R10" => ("投诉", "Complaint"),
        "R11" => ("差评", "Bad rating"),
        "R12" => ("限期答复", "Answer due"),
        "R13" => ("特别程序", "Special procedure"),
        "R14" => ("摄像机", "Camera"),
        "R15" => ("受理与送达", "Before and after"),
        "manual" => return Words::new("人工发牌", "By hand"),
        other => return Words::same(other),
    };
    Words::new(format!("{code} {zh}"), format!("{code} {en}"))
}

fn kind(code: &str) -> Words {
    match code {
        "timeliness" => Words::new("时效", "Timeliness"),
        "process" => Words::new("流程", "Process"),
        "content" => Words::new("内容", "Content"),
        "discretion" => Words::new("裁量（收费）", "Discretion (fees)"),
        "conduct" => Words::new("行为（视频）", "Conduct (video)"),
        "complaint" => Words::new("投诉", "Complaint"),
        "data" => Words::new("数据", "Data"),
        other => Words::same(other),
    }
}

/// Complaints by kind, and what came of them.
pub async fn complaints(app: &App, asked: &Asked) -> Result<Table> {
    let mut table = new(
        "complaints",
        Words::new("投诉处理", "Complaints"),
        Column::new("kind", "类别", "Kind", Unit::Label),
        vec![
            Column::new("received", "收到", "Received", Unit::Count),
            Column::new("refused", "不予受理", "Not accepted", Unit::Count),
            Column::new("open", "在办", "Open", Unit::Count),
            Column::new("late", "其中逾期", "Of them late", Unit::Count),
            Column::new("upheld", "属实", "Upheld", Unit::Count),
            Column::new("not_upheld", "不属实", "Not upheld", Unit::Count),
            Column::new("closed", "办结未注明结论", "Closed, not said", Unit::Count),
        ],
    );
    table.drawn = Some(Drawn {
        form: Form::Rows,
        series: vec!["upheld", "not_upheld", "closed", "refused", "open"],
    });
    table.notes.push(Words::new(
        "按收到的日期统计，结果为目前状态。",
        "By the day on which they came in, as they stand now.",
    ));
    let (from, to) = asked.instants(app);
    let rows = store::complaints(app.db(), &asked.filter, from, to, asked.now).await?;
    let name = |code: &str| match code {
        "infringement" => Words::new("侵权", "Infringement"),
        "irregularity" => Words::new("违规", "Irregularity"),
        "consultation" => Words::new("咨询", "Consultation"),
        "" => Words::new("未注明", "Not given"),
        other => Words::same(other),
    };
    let line = |row: store::Complaints| {
        vec![
            Cell::label(row.kind.clone(), name(&row.kind)),
            row.received.into(),
            row.refused.into(),
            row.open.into(),
            row.late.into(),
            row.upheld.into(),
            row.not_upheld.into(),
            row.closed.into(),
        ]
    };
    table.rows = rows.into_iter().map(line).collect();
    Ok(table)
}

/// Presence at the windows. Nobody measures it yet, and an empty table would read as if all had been there.
pub fn presence() -> Table {
    let mut table = new(
        "presence",
        Words::new("在岗", "Presence"),
        Column::new("hall", "大厅", "Hall", Unit::Label),
        vec![Column::new("rate", "在岗率", "Present", Unit::Share)],
    );
    table.notes.push(Words::new(
        "没有在岗数据：尚无画面或事件说明窗口是否有人。",
        "No data: neither pictures nor events tell yet whether somebody was at the windows.",
    ));
    table
}
