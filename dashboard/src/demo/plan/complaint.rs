//! Complaints and consultations: what people write to the leader's mailbox, say at the counter or on the phone, and what becomes
//! of it. Most are answered in time.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use mingjing_monitor::org::Level;
use serde_json::{Map, Value, json};

use super::{Plan, PlannedEvent, Source, day_key};
use crate::demo::county::units::UNITS;
use crate::demo::county::{CODE, COUNTY_HALL};
use crate::demo::rng::Rng;

/// Complaints of an ordinary workday.
const A_DAY: f64 = 3.0;
/// Kinds, with how often they come, and what they say.
const KINDS: [(&str, f64, [&str; 3]); 3] = [
    (
        "consultation",
        0.5,
        [
            "新生儿落户需要带哪些材料？",
            "营业执照变更地址能否在镇里办？",
            "养老保险关系转移多久能到账？",
        ],
    ),
    (
        "irregularity",
        0.38,
        [
            "窗口中午无人，排了一小时队",
            "材料要求前后说法不一，跑了三趟",
            "承诺五天办结，已过七天没有答复",
        ],
    ),
    (
        "infringement",
        0.12,
        [
            "要求指定中介出具评估报告",
            "符合条件却不予受理，也不说明理由",
            "收取了目录之外的费用",
        ],
    ),
];
const CHANNELS: [&str; 4] = ["phone", "web", "leader_mailbox", "village_point"];
const ANSWERS: [&str; 3] = [
    "已向来信人说明办理条件和所需材料",
    "情况部分属实，已约谈窗口人员并致歉",
    "已督促承办单位办结，并电话告知",
];

/// A complaint on its way.
struct Told<'a> {
    plan: &'a Plan,
    no: String,
    source: Source,
    common: Map<String, Value>,
    now: NaiveDateTime,
    events: Vec<PlannedEvent>,
}

impl Told<'_> {
    fn tell(&mut self, kind: &'static str, data: Value) {
        let mut all = self.common.clone();
        if let Value::Object(own) = data {
            all.extend(own);
        }
        let at = self.plan.calendar.instant(self.now);
        self.events.push(PlannedEvent {
            at,
            told: at + self.source.lag() / 2,
            source: self.source,
            id: format!("{}-{:02}", self.no, self.events.len() + 1),
            kind,
            case_no: Some(self.no.clone()),
            data: all,
        });
    }

    /// Goes on `days` workdays later at about `hour`; at least some minutes later.
    fn go_on(&mut self, days: i64, hour: i64, rng: &mut Rng) {
        let date = match u32::try_from(days) {
            Ok(0) | Err(_) => self.now.date(),
            Ok(days) => self.plan.calendar.workdays.after(self.now.date(), days),
        };
        let then = date.and_time(NaiveTime::MIN) + TimeDelta::minutes(hour * 60 + rng.range(0, 50));
        self.now = then.max(self.now + TimeDelta::minutes(rng.range(5, 25)));
    }
}

impl Plan {
    /// The complaints that come in on `date`, each with all its events.
    pub fn complaints(&self, date: NaiveDate) -> Vec<Vec<PlannedEvent>> {
        if !self.calendar.workdays.counts(date) {
            return Vec::new();
        }
        let key = |more: u64| Rng::keyed(&[self.county.seed, 81, day_key(date), more]);
        let count = key(0).about(A_DAY) as u64;
        (1..=count)
            .map(|nth| self.complaint(date, nth, key(nth)))
            .collect()
    }

    fn complaint(&self, date: NaiveDate, nth: u64, mut rng: Rng) -> Vec<PlannedEvent> {
        let hall = self.complained_of(&mut rng);
        let place = &self.county.halls[hall];
        let window = rng.pick(&place.windows);
        let (kind, _, texts) = KINDS[rng.weighted(KINDS.iter().map(|kind| kind.1))];
        let mut common = Map::new();
        for (name, value) in [
            ("hall", place.code.as_str()),
            ("window", &window.no),
            ("unit", UNITS[window.unit].code),
        ] {
            common.insert(name.into(), value.into());
        }
        let comes = TimeDelta::minutes(9 * 60 + rng.range(0, 470));
        let mut told = Told {
            plan: self,
            no: format!("TS-{}-{CODE}-{:03}{nth:02}", date.year(), date.ordinal()),
            source: Source::of(place.level),
            common,
            now: date.and_time(NaiveTime::MIN) + comes,
            events: Vec::new(),
        };
        let (channel, text) = (*rng.pick(&CHANNELS), *rng.pick(&texts));
        told.tell(
            "complaint.received",
            json!({"kind": kind, "channel": channel, "text": text}),
        );
        self.handle(&mut told, kind, &mut rng);
        told.events
    }

    /// From its acceptance to its end.
    fn handle(&self, told: &mut Told<'_>, kind: &str, rng: &mut Rng) {
        // Three workdays are allowed for the one, ten for the other: some take longer.
        let (accept, answer) = (
            if rng.chance(0.93) { rng.range(0, 2) } else { 4 },
            if rng.chance(0.9) {
                rng.range(1, 6)
            } else {
                rng.range(10, 13)
            },
        );
        told.go_on(accept, 9, rng);
        if kind != "consultation" && rng.chance(0.06) {
            told.tell(
                "complaint.refused",
                json!({"reason": "不属于本县政务服务范围，已告知向有关部门反映"}),
            );
            return;
        }
        told.tell("complaint.accepted", json!({}));
        let mode = *rng.pick(&["self", "assigned", "transferred"]);
        let mut handling = json!({"mode": mode});
        if mode != "self" {
            handling["to"] = UNITS[rng.range(0, UNITS.len() as i64 - 1) as usize]
                .code
                .into();
        }
        told.go_on(0, 10, rng);
        told.tell("complaint.handling", handling);
        if answer > 9 && rng.chance(0.4) {
            told.go_on(3, 10, rng);
            told.tell(
                "complaint.extended",
                json!({"days": 10, "notice": "案情复杂，需现场核查"}),
            );
        }
        told.go_on(answer, 15, rng);
        let upheld = kind != "consultation" && rng.chance(0.35);
        told.tell(
            "complaint.replied",
            json!({"text": rng.pick(&ANSWERS), "upheld": upheld}),
        );
        told.go_on(1, 10, rng);
        told.tell("complaint.called_back", json!({"text": "对答复表示理解"}));
        told.go_on(0, 16, rng);
        told.tell("complaint.closed", json!({"upheld": upheld}));
    }

    fn complained_of(&self, rng: &mut Rng) -> usize {
        if rng.chance(0.55) {
            return COUNTY_HALL;
        }
        let towns: Vec<usize> = (0..self.county.halls.len())
            .filter(|&hall| self.county.halls[hall].level == Level::Town)
            .collect();
        *rng.pick(&towns)
    }
}
