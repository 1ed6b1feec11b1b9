//! What a bulletin says in sentences. Each is made of figures and of nothing else: where there is no figure nothing is said, and where
//! there is no month before there is no comparison.

use mingjing_monitor::org::Level;

use super::document::Words;
use super::figures::{Figures, Numbers, Ranked, Ranking};

/// Thousands apart, as the tables write them.
pub fn thousands(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if n < 0 { format!("-{text}") } else { text }
}

/// A part of a whole in percent.
pub fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// A part of a whole; `None` where there is no whole.
pub fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// How something counted compares with the month before: 比上月减少2件.
fn compared(now: i64, before: Option<i64>, measure: &str) -> Words {
    let Some(before) = before else {
        return Words::default();
    };
    let by = thousands((now - before).abs());
    match now.cmp(&before) {
        std::cmp::Ordering::Equal => Words::new("，与上月持平", ", as in the month before"),
        std::cmp::Ordering::Greater => Words::new(
            format!("，比上月增加{by}{measure}"),
            format!(", {by} more than the month before"),
        ),
        std::cmp::Ordering::Less => Words::new(
            format!("，比上月减少{by}{measure}"),
            format!(", {by} fewer than the month before"),
        ),
    }
}

/// How a share compares with the month before, in points of a percent as both are printed.
fn moved(now: Option<f64>, before: Option<f64>) -> Words {
    let (Some(now), Some(before)) = (now, before) else {
        return Words::default();
    };
    let tenths = (now * 1000.0).round() as i64 - (before * 1000.0).round() as i64;
    let by = format!("{}.{}", tenths.abs() / 10, tenths.abs() % 10);
    match tenths {
        0 => Words::new("，与上月持平", ", as in the month before"),
        1.. => Words::new(
            format!("，比上月提高{by}个百分点"),
            format!(", {by} percentage points up on the month before"),
        ),
        _ => Words::new(
            format!("，比上月下降{by}个百分点"),
            format!(", {by} percentage points down on the month before"),
        ),
    }
}

/// What is counted, as sentences name it.
struct Counted<'a> {
    zh: &'a str,
    measure: &'a str,
    en: &'a str,
}

const fn counted<'a>(zh: &'a str, measure: &'a str, en: &'a str) -> Counted<'a> {
    Counted { zh, measure, en }
}

impl Counted<'_> {
    /// 受理1,234件，比上月增加56件
    fn clause(&self, now: i64, before: Option<i64>) -> Words {
        let Words { zh, en } = compared(now, before, self.measure);
        let n = thousands(now);
        Words::new(
            format!("{}{n}{}{zh}", self.zh, self.measure),
            format!("{}: {n}{en}", self.en),
        )
    }
}

/// Clauses as one sentence.
fn sentence(clauses: impl IntoIterator<Item = Words>) -> Words {
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    for clause in clauses {
        zh.push(clause.zh);
        en.push(clause.en);
    }
    Words::new(
        format!("{}。", zh.join("；")),
        format!("{}.", en.join("; ")),
    )
}

/// Volumes and limits.
pub fn cases(figures: &Figures) -> Vec<Words> {
    let (now, before) = (&figures.now, figures.before.as_ref());
    let was = |of: fn(&Numbers) -> i64| before.map(of);
    if now.accepted + now.completed + now.due == 0 {
        return vec![Words::new(
            "本月没有受理、办结和到期的办件。",
            "No case was accepted, ended or due this month.",
        )];
    }
    let mut said = vec![sentence([
        counted("受理", "件", "Accepted").clause(now.accepted, was(|it| it.accepted)),
        counted("办结", "件", "ended").clause(now.completed, was(|it| it.completed)),
    ])];
    if let Some(rate) = share(now.met, now.due) {
        let rate_before = before.and_then(|it| share(it.met, it.due));
        let Words { zh, en } = moved(Some(rate), rate_before);
        let (due, met) = (thousands(now.due), thousands(now.met));
        let rate = percent(rate);
        said.push(Words::new(
            format!("应办结{due}件，按时办结{met}件，按时率{rate}{zh}。"),
            format!("Due: {due}, of them in time: {met}; on time: {rate}{en}."),
        ));
    }
    let late = now.over.decided;
    said.push(match (late, was(|it| it.over.decided)) {
        (0, None | Some(0)) => Words::new(
            "没有办结超法定时限的办件。",
            "No case was ended past its legal limit.",
        ),
        (0, Some(before)) => Words::new(
            format!("没有办结超法定时限的办件，上月{}件。", thousands(before)),
            format!(
                "No case was ended past its legal limit; {} in the month before.",
                thousands(before)
            ),
        ),
        (late, before) => sentence([
            counted("办结超法定时限", "件", "Ended past the legal limit").clause(late, before),
        ]),
    });
    if now.over.open > 0 {
        let n = thousands(now.over.open);
        said.push(Words::new(
            format!("月末仍有{n}件超过法定时限未办结。"),
            format!("Past the legal limit and not ended at the end of the month: {n}."),
        ));
    }
    if let Some(speed_up) = now.speed_up {
        let Words { zh, en } = moved(Some(speed_up), before.and_then(|it| it.speed_up));
        let rate = percent(speed_up);
        said.push(Words::new(
            format!("办理用时比法定时限提速{rate}{zh}。"),
            format!("Cases took {rate} less than the law allows{en}."),
        ));
    }
    said
}

/// Cards, and what came of the red ones.
pub fn cards(figures: &Figures) -> Vec<Words> {
    let (now, before) = (&figures.now.cards, figures.before.as_ref());
    let was = |of: fn(&Numbers) -> i64| before.map(of);
    let all = now.yellow + now.red;
    let mut said = Vec::new();
    if all + figures.now.warnings + now.taken_back == 0 {
        return vec![Words::new(
            "本月没有发出预警和红黄牌。",
            "No warning and no card was issued this month.",
        )];
    }
    said.push(sentence([
        counted("发出预警和提醒", "次", "Warnings and notices")
            .clause(figures.now.warnings, was(|it| it.warnings)),
        counted("黄牌", "张", "yellow cards").clause(now.yellow, was(|it| it.cards.yellow)),
        counted("红牌", "张", "red cards").clause(now.red, was(|it| it.cards.red)),
    ]));
    if all > 0 {
        let (answered, rate) = (
            thousands(now.answered),
            percent(share(now.answered, all).unwrap_or_default()),
        );
        said.push(Words::new(
            format!("红黄牌已反馈{answered}张，反馈率{rate}。"),
            format!("Cards answered: {answered}, {rate} of all."),
        ));
    }
    if now.taken_back > 0 {
        let n = thousands(now.taken_back);
        said.push(Words::new(
            format!("经申诉或凭证撤回、撤销{n}张，不计入成绩。"),
            format!("Taken back on appeal or evidence, and not counted: {n}."),
        ));
    }
    if now.red > 0 {
        let (closed, open) = (
            thousands(now.red_closed),
            thousands((now.red - now.red_closed).max(0)),
        );
        let followed = thousands(now.red_followed);
        said.push(Words::new(
            format!("责任追究：红牌已办结{closed}张，尚未办结{open}张；由红牌发出督办单的{followed}张。"),
            format!("Accountability: red cards closed: {closed}, not closed: {open}; followed by a supervision order: {followed}."),
        ));
    }
    said
}

/// Who is first and who is last, and how the others moved.
pub fn rankings(figures: &Figures) -> Vec<Words> {
    let mut said = Vec::new();
    if !figures.closed {
        said.push(Words::new(
            "本月尚未结算，以下成绩为目前已知。",
            "The month is not closed: the scores are as known now.",
        ));
    }
    for ranking in &figures.rankings {
        match (figures.of.town, ranking.level) {
            (true, Level::Town) => said.extend(own_place(ranking, &figures.of.hall)),
            _ => said.extend(first_and_last(ranking)),
        }
    }
    said
}

/// 县级单位, 乡镇中心, 村级服务点
pub fn level(level: Level) -> Words {
    match level {
        Level::County => Words::new("进驻单位", "Units of the county hall"),
        Level::Town => Words::new("乡镇中心", "Town centres"),
        Level::Village => Words::new("村级服务点", "Village points"),
    }
}

fn scored(line: &Ranked) -> Option<String> {
    line.score.map(|score| score.to_string())
}

fn first_and_last(ranking: &Ranking) -> Option<Words> {
    let ranked: Vec<&Ranked> = ranking
        .lines
        .iter()
        .filter(|line| line.rank.is_some())
        .collect();
    let Words { zh, en } = level(ranking.level);
    let Some(first) = ranked.first() else {
        let n = ranking.ranked_from;
        return (!ranking.lines.is_empty()).then(|| {
            Words::new(
                format!("{zh}应办结均不足{n}件，只列成绩，不排名次。"),
                format!("{en}: with fewer than {n} cases due each, listed and not ranked."),
            )
        });
    };
    let (n, score) = (ranked.len(), scored(first).unwrap_or_default());
    let shared: Vec<&&Ranked> = ranked
        .iter()
        .filter(|line| line.rank == first.rank)
        .collect();
    let join = |of: fn(&Ranked) -> &str, with: &str| {
        let names = shared.iter().take(5).map(|line| of(line));
        names.collect::<Vec<_>>().join(with)
    };
    let (names, names_en) = (
        join(|line| &line.name.zh, "、"),
        join(|line| &line.name.en, ", "),
    );
    let many = shared.len();
    let (mut said, mut said_en) = match many {
        1 => (
            format!("{zh}{n}个参加排名，{names}以{score}分居首"),
            format!("{en}: {n} ranked; first: {names_en} with {score}"),
        ),
        2..=5 => (
            format!("{zh}{n}个参加排名，{names}以{score}分并列首位"),
            format!("{en}: {n} ranked; first together: {names_en} with {score}"),
        ),
        _ => (
            format!("{zh}{n}个参加排名，{names}等{many}个以{score}分并列首位"),
            format!(
                "{en}: {n} ranked; {many} of them first together with {score}, among them {names_en}"
            ),
        ),
    };
    let last = ranked.last().filter(|last| last.rank != first.rank);
    if let Some((last, score)) = last.and_then(|last| Some((last, scored(last)?))) {
        said.push_str(&format!("，{}以{score}分居末", last.name.zh));
        said_en.push_str(&format!("; last: {} with {score}", last.name.en));
    }
    Some(Words::new(format!("{said}。"), format!("{said_en}.")))
}

fn own_place(ranking: &Ranking, hall: &str) -> Option<Words> {
    let own = ranking.lines.iter().find(|line| line.code == hall)?;
    let of = ranking
        .lines
        .iter()
        .filter(|line| line.rank.is_some())
        .count();
    let score = scored(own)?;
    Some(match (own.rank, own.previous) {
        (None, _) => Words::new(
            format!(
                "本中心得{score}分，应办结不足{}件，不排名次。",
                ranking.ranked_from
            ),
            format!(
                "This centre scored {score}; with fewer than {} cases due it is not ranked.",
                ranking.ranked_from
            ),
        ),
        (Some(rank), Some(previous)) if previous != rank => {
            let by = previous.abs_diff(rank);
            let (turn, turn_en) = if rank < previous {
                ("上升", "up")
            } else {
                ("下降", "down")
            };
            Words::new(
                format!("本中心得{score}分，在{of}个乡镇中心中列第{rank}，比上月{turn}{by}位。"),
                format!(
                    "This centre scored {score} and is {rank} of {of} town centres, {turn_en} {by} on the month before."
                ),
            )
        }
        (Some(rank), previous) => {
            let (same, same_en) = match previous {
                Some(_) => ("，与上月持平", ", as in the month before"),
                None => ("", ""),
            };
            Words::new(
                format!("本中心得{score}分，在{of}个乡镇中心中列第{rank}{same}。"),
                format!("This centre scored {score} and is {rank} of {of} town centres{same_en}."),
            )
        }
    })
}

/// Complaints and ratings.
pub fn satisfaction(figures: &Figures) -> Vec<Words> {
    let (now, before) = (&figures.now, figures.before.as_ref());
    let was = |of: fn(&Numbers) -> i64| before.map(of);
    let mut said = vec![match now.complaints {
        0 => Words::new(
            "本月没有收到投诉和咨询。",
            "No complaint or consultation came in this month.",
        ),
        n => {
            let (open, upheld) = (thousands(now.complaints_open), thousands(now.upheld));
            sentence([
                counted("收到投诉和咨询", "件", "Complaints and consultations")
                    .clause(n, was(|it| it.complaints)),
                Words::new(
                    format!("其中查实{upheld}件、在办{open}件"),
                    format!("upheld: {upheld}, open: {open}"),
                ),
            ])
        }
    }];
    said.push(match now.satisfaction {
        None => Words::new("本月没有评价。", "No case was rated this month."),
        Some(mean) => {
            let (bad, rate) = (
                thousands(now.bad),
                percent(share(now.bad, now.rated).unwrap_or_default()),
            );
            sentence([
                counted("收到评价", "次", "Ratings").clause(now.rated, was(|it| it.rated)),
                Words::new(
                    format!("满意度{mean:.1}分，差评{bad}次，差评率{rate}"),
                    format!("satisfaction {mean:.1}, bad: {bad}, {rate} of all"),
                ),
            ])
        }
    });
    said
}

/// Cameras and sources.
pub fn health(figures: &Figures) -> Vec<Words> {
    let (now, before) = (&figures.now, figures.before.as_ref());
    let mut said = Vec::new();
    let cameras = now.cameras;
    said.push(match cameras.times {
        0 => Words::new("没有摄像机异常的记录。", "No camera was recorded as down."),
        times => {
            let Words { zh, en } = compared(times, before.map(|it| it.cameras.times), "次");
            let (things, times, hours) = (
                thousands(cameras.things),
                thousands(times),
                thousands(cameras.hours),
            );
            Words::new(
                format!("{things}台摄像机异常{times}次{zh}，合计{hours}小时。"),
                format!("Cameras down: {things}, {times} times{en}; {hours} hours in all."),
            )
        }
    });
    let sources = now.sources;
    said.push(match sources.times {
        0 => Words::new("各数据来源均未中断。", "No source was silent."),
        times => {
            let Words { zh, en } = compared(times, before.map(|it| it.sources.times), "次");
            let (things, times, hours) = (thousands(sources.things), thousands(times), thousands(sources.hours));
            Words::new(
                format!("{things}个数据来源中断{times}次{zh}，合计{hours}小时，其间所属大厅状态不明。"),
                format!("Sources silent: {things}, {times} times{en}; {hours} hours in all, in which their halls were unknown."),
            )
        }
    });
    said
}

/// Supervision orders.
pub fn orders(figures: &Figures) -> Vec<Words> {
    let (now, before) = (&figures.now.orders, figures.before.as_ref());
    let was = |of: fn(&Numbers) -> i64| before.map(of);
    if now.issued + now.closed + now.open == 0 {
        return vec![Words::new(
            "本月没有督办事项。",
            "There was no supervision order this month.",
        )];
    }
    let mut said = vec![sentence([
        counted("发出督办单", "件", "Supervision orders issued")
            .clause(now.issued, was(|it| it.orders.issued)),
        counted("办结督办单", "件", "closed").clause(now.closed, was(|it| it.orders.closed)),
    ])];
    if now.open > 0 {
        let (open, late) = (thousands(now.open), thousands(now.late));
        said.push(Words::new(
            format!("月末在办{open}件，其中逾期未反馈{late}件。"),
            format!("Open at the end of the month: {open}, of them without the feedback that was due: {late}."),
        ));
    }
    said
}

/// Scores of earlier months that came out otherwise.
pub fn corrections(figures: &Figures) -> Vec<Words> {
    match figures.changes.len() {
        0 => Vec::new(),
        n => vec![Words::new(
            format!("本月更正以前月份成绩{n}项。原公布的成绩不变，年度成绩按更正后计算。"),
            format!(
                "Scores of earlier months corrected: {n}. What was published stays; the year goes by what was corrected."
            ),
        )],
    }
}

#[cfg(test)]
mod tests;
