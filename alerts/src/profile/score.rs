//! The numbers of the formula (`mingjing_monitor::score::Formula`), described for whoever edits them by form.

use super::kind::{Kind, Unit};

/// A number of the formula.
#[derive(Debug)]
pub(super) struct Number {
    pub(super) key: &'static str,
    pub(super) words: [&'static str; 2],
    pub(super) kind: Kind,
}

/// More cases than a county has in a month.
const MOST_CASES: f64 = 1_000_000.0;

const fn row(key: &'static str, zh: &'static str, en: &'static str, kind: Kind) -> Number {
    let words = [zh, en];
    Number { key, words, kind }
}

const fn number(unit: Unit, most: f64, digits: u8) -> Kind {
    Kind::Number {
        unit,
        least: 0.0,
        most,
        digits,
    }
}

const fn points(key: &'static str, zh: &'static str, en: &'static str) -> Number {
    row(key, zh, en, number(Unit::Point, 100.0, 2))
}

const fn share(key: &'static str, zh: &'static str, en: &'static str) -> Number {
    row(key, zh, en, Kind::Share)
}

const fn cases(key: &'static str, zh: &'static str, en: &'static str) -> Number {
    row(key, zh, en, number(Unit::Count, MOST_CASES, 0))
}

/// What each level of rating is worth, the best first.
const RATINGS: Kind = Kind::Falling {
    count: 5,
    most: 100,
};

/// All of them; they hold for the whole county alone.
pub(super) const NUMBERS: &[Number] = &[
    points("weights.timeliness", "满分：时效", "Weight of timeliness"),
    points("weights.process", "满分：流程", "Weight of process"),
    points("weights.fees", "满分：收费", "Weight of fees"),
    points("weights.supervision", "满分：督办", "Weight of orders"),
    points("weights.conduct", "满分：行为", "Weight of conduct"),
    points(
        "weights.satisfaction",
        "满分：满意度",
        "Weight of satisfaction",
    ),
    points(
        "weights.liability",
        "满分：法律责任",
        "Weight of legal liability",
    ),
    points("weights.integrity", "满分：廉政", "Weight of integrity"),
    points("weights.disclosure", "满分：公开", "Weight of disclosure"),
    share(
        "worthless",
        "时效、流程扣完的牌率",
        "Rate of cards that leaves nothing",
    ),
    cases(
        "of_at_least",
        "牌率至少按多少件计",
        "The rate counts at least so many cases",
    ),
    points("yellow", "黄牌扣分", "A yellow card costs"),
    points("red", "红牌扣分", "A red card costs"),
    points("complaint", "投诉属实扣分", "A complaint upheld costs"),
    points("integrity", "廉政问题扣分", "A breach of integrity costs"),
    row(
        "ratings",
        "各级评价折算（百分）",
        "What each rating is worth of 100",
        RATINGS,
    ),
    cases("ranked_from", "排名所需应办件数", "Cases due for a rank"),
    row(
        "carry_over",
        "扣至零后的余额下月续扣",
        "What is given back at zero is taken next month",
        Kind::Switch,
    ),
    row(
        "closes_after",
        "月后第几个工作日结算",
        "Workdays after which a month closes",
        number(Unit::Workday, 60.0, 0),
    ),
    points("bonus.most", "加分上限", "Bonuses at most"),
    share(
        "bonus.early",
        "提前办结率起点",
        "Early decisions count from",
    ),
    points(
        "bonus.early_points",
        "提前办结起始加分",
        "Early decisions give",
    ),
    share(
        "bonus.promises_cut",
        "承诺压缩率起点",
        "Promises cut count from",
    ),
    points(
        "bonus.promises_points",
        "承诺压缩起始加分",
        "Promises cut give",
    ),
    share("bonus.further", "加分步长", "Each further share"),
    points(
        "bonus.further_points",
        "每步加分",
        "Each further share gives",
    ),
    points("grades.excellent", "优秀起分", "Excellent from"),
    points("grades.good", "良好起分", "Good from"),
    points("grades.pass", "合格起分", "Pass from"),
    share(
        "grades.pass_at_best_under",
        "最高合格的按时率",
        "Pass at best: on time under",
    ),
    cases(
        "grades.pass_at_best_late",
        "最高合格：且超时件数不少于",
        "Pass at best: with so many late",
    ),
    share("grades.fail_under", "不合格的按时率", "Fail: on time under"),
    points(
        "service.opening",
        "村级满分：开放",
        "Village points, weight of opening",
    ),
    points(
        "service.terminal",
        "村级满分：终端",
        "Village points, weight of terminal",
    ),
    points(
        "service.assistance",
        "村级满分：帮办",
        "Village points, weight of queries assisted",
    ),
    points(
        "service.answers",
        "村级满分：答复",
        "Village points, weight of answers",
    ),
    points(
        "service.cases",
        "村级满分：办件",
        "Village points, weight of cases",
    ),
    row(
        "service.beat",
        "终端心跳有效时间",
        "A terminal counts as up after a heartbeat for",
        number(Unit::Minute, 1_440.0, 0),
    ),
    row(
        "service.assisted_a_day",
        "每个开放日应帮办次数",
        "Queries asked for each day of opening",
        Kind::Number {
            unit: Unit::Count,
            least: 0.1,
            most: 1_000.0,
            digits: 1,
        },
    ),
    cases(
        "service.most_a_day",
        "每日最多计帮办次数",
        "Queries counted of a day at most",
    ),
    cases(
        "service.per_person",
        "同一人每月最多计次数",
        "Queries counted of one person in a month at most",
    ),
    cases(
        "service.ranked_from",
        "村级排名所需服务次数",
        "Village points: services for a rank",
    ),
];
