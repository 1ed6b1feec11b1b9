//! What is watched while it works: sources that fall silent (R7), cameras and networks of halls that are away (R14), windows with
//! nobody at them (R9).
//!
//! Each time something goes wrong is an [`Episode`] that we recorded ourselves. What holds its alert back - a parent that is
//! down, planned maintenance - is a [`Hold`]: time under it does not count. So nothing is lost: when the hold ends and the trouble
//! goes on, its clock goes on.

use chrono::{DateTime, Days, TimeDelta, Utc};
use mingjing_monitor::calendar::{Calendar, OpeningHours};
use mingjing_monitor::presence::{Entry, Excused, window_of};
use serde::{Deserialize, Serialize};

use super::facts::{Facts, Sentence, local, stamp};
use super::{Anomaly, Bearer, Evaluation, Rule, r9};
use crate::card::{Grade, Kind};
use crate::profile::RuleSet;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $( $(#[$one:meta])* $variant:ident = $word:literal, )* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $( $(#[$one])* $variant, )* }

        impl $name {
            /// The word of interface and database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Reads [`Self::as_str`].
            pub fn parse(word: &str) -> Option<Self> {
                [$(Self::$variant),*].into_iter().find(|one| one.as_str() == word)
            }
        }
    };
}

words! {
    /// What is watched.
    Thing {
        /// A system that sends events.
        Source = "source",
        /// An ingest in a hall or town, by which its cameras and sources come.
        Edge = "edge",
        /// A hall: its network, seen by all of its cameras at once.
        Hall = "hall",
        /// A camera.
        Camera = "camera",
        /// A window: whether somebody sits at it, as its cameras see it.
        Window = "window",
    }
}

words! {
    /// What is wrong with it.
    Trouble {
        /// Neither heartbeat nor event.
        Silent = "silent",
        /// Not to be reached.
        Offline = "offline",
        /// The picture stands still.
        Frozen = "frozen",
        /// The picture is black.
        Black = "black",
        /// The picture is white.
        Overexposed = "overexposed",
        /// Something hangs over the lens.
        Covered = "covered",
        /// The picture is blurred.
        Defocused = "defocused",
        /// It looks elsewhere than it used to.
        Moved = "moved",
        /// Nobody sits there.
        Empty = "empty",
    }
}

/// A time in which something was wrong with one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// What is watched.
    pub thing: Thing,
    /// Its id.
    pub subject: String,
    /// Its name for the screen.
    pub name: String,
    /// The hall that bears it.
    pub hall: String,
    /// Of a window: the unit that staffs it.
    pub unit: Option<String>,
    /// What is wrong.
    pub trouble: Trouble,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when; `None`: it goes on.
    pub until: Option<DateTime<Utc>>,
    /// How many cameras are away with it.
    pub cameras: u32,
    /// Of a window: when no camera could say.
    pub unseen: Vec<Hold>,
}

/// A time in which the alert of an episode is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when.
    pub from: DateTime<Utc>,
    /// Until when; `None`: nobody knows.
    pub until: Option<DateTime<Utc>>,
}

impl Hold {
    /// Whether it holds at `at`.
    pub fn holds_at(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

impl From<Excused> for Hold {
    fn from(excused: Excused) -> Self {
        Self {
            from: excused.from,
            until: excused.until,
        }
    }
}

/// What an episode is judged with beside the rules.
#[derive(Debug, Clone, Default)]
pub struct Setting<'a> {
    /// What holds its alert back.
    pub holds: Vec<Hold>,
    /// When its hall is open.
    pub opening: OpeningHours,
    /// Of a window: the pauses and leave that were entered.
    pub absences: &'a [Entry],
    /// Of a window: the yellow cards of R9 that a person confirmed and that stand, by cause, with their due instants.
    pub confirmed: &'a [(String, DateTime<Utc>)],
}

/// What the rules say of an episode at `now`.
pub fn evaluate(
    episode: &Episode,
    setting: &Setting<'_>,
    rules: &RuleSet,
    calendar: &Calendar,
    now: DateTime<Utc>,
) -> Evaluation {
    let look = Look {
        episode,
        setting,
        rules,
        calendar,
        now,
    };
    match episode.thing {
        Thing::Source => look.silent(),
        Thing::Edge | Thing::Hall | Thing::Camera => look.away(),
        Thing::Window => r9::find(&look),
    }
}

pub(super) struct Look<'a> {
    pub episode: &'a Episode,
    pub setting: &'a Setting<'a>,
    pub rules: &'a RuleSet,
    pub calendar: &'a Calendar,
    pub now: DateTime<Utc>,
}

impl Look<'_> {
    /// R7: it counts from the first instant at which nothing holds it back.
    fn silent(&self) -> Evaluation {
        let (mut anomalies, mut next_instant) = (Vec::new(), None);
        if self.rules.r7.on
            && let Some(due_at) = first_free(&self.setting.holds, self.episode.since)
        {
            if due_at > self.now {
                next_instant = self.open_end(due_at);
            } else if self.episode.until.is_none_or(|until| until > due_at) {
                anomalies.push(self.silence(due_at));
            }
        }
        Evaluation {
            anomalies,
            next_instant,
        }
    }

    fn silence(&self, due_at: DateTime<Utc>) -> Anomaly {
        let (name, since) = (&self.episode.name, local(self.calendar, self.episode.since));
        let sentence = Sentence {
            zh: format!(
                "数据源「{name}」自 {since} 起失联：超过平常延迟 24 小时无心跳、无数据，相关大厅状态未知"
            ),
            en: format!(
                "Source \"{name}\" has been silent since {since}: no heartbeat and no event for 24 hours beyond its usual lag; \
                 its halls are unknown"
            ),
        };
        Anomaly {
            cleared_at: self.episode.until.filter(|&until| until <= self.now),
            ..self.anomaly(Rule::R7, Kind::Data, self.rules.r7.silent, due_at, sentence)
        }
    }

    /// R14: a notice after so many seconds of opening hours, yellow after so many minutes.
    fn away(&self) -> Evaluation {
        let r14 = &self.rules.r14;
        if !r14.on {
            return Evaluation {
                anomalies: Vec::new(),
                next_instant: None,
            };
        }
        let notice = TimeDelta::seconds(r14.notice_seconds.get().into());
        let yellow = TimeDelta::minutes(r14.yellow_minutes.get().into());
        self.in_two_steps(&self.setting.holds, [notice, yellow], |grade, at| {
            self.absence(grade, at)
        })
    }

    /// A notice after one length of opening hours, which is over when the trouble is or the yellow card comes after the other.
    pub fn in_two_steps(
        &self,
        holds: &[Hold],
        [notice, yellow]: [TimeDelta; 2],
        found: impl Fn(Grade, DateTime<Utc>) -> Anomaly,
    ) -> Evaluation {
        let mut anomalies = Vec::new();
        let notice = self.counted(holds, notice);
        let yellow = self.counted(holds, yellow);
        let reached = |at: &DateTime<Utc>| {
            *at <= self.now && self.episode.until.is_none_or(|until| until > *at)
        };
        if let Some(at) = notice.filter(reached) {
            let cleared = [self.episode.until, yellow.filter(reached)];
            let cleared = cleared.into_iter().flatten().min();
            anomalies.push(Anomaly {
                cleared_at: cleared.filter(|&cleared| cleared <= self.now),
                ..found(Grade::Notice, at)
            });
        }
        if let Some(at) = yellow.filter(reached) {
            anomalies.push(found(Grade::YellowCard, at));
        }
        let next = [notice, yellow].into_iter().flatten();
        Evaluation {
            anomalies,
            next_instant: next
                .filter(|&at| at > self.now)
                .min()
                .and_then(|at| self.open_end(at)),
        }
    }

    fn absence(&self, grade: Grade, due_at: DateTime<Utc>) -> Anomaly {
        let Episode { name, cameras, .. } = self.episode;
        let since = local(self.calendar, self.episode.since);
        let r14 = &self.rules.r14;
        let (long_zh, long_en) = if grade.is_card() {
            let minutes = r14.yellow_minutes.get();
            (format!("{minutes} 分钟"), format!("{minutes} minutes"))
        } else {
            let seconds = r14.notice_seconds.get();
            (format!("{seconds} 秒"), format!("{seconds} seconds"))
        };
        let (what_zh, what_en) = match self.episode.thing {
            Thing::Edge => (
                format!("前端接入点「{name}」失联，{cameras} 路摄像机无画面"),
                format!("Edge site \"{name}\" is cut off with its {cameras} cameras"),
            ),
            Thing::Hall => (
                format!("{name}网络中断，{cameras} 路摄像机全部离线"),
                format!("The hall's network is down, all of its {cameras} cameras are offline"),
            ),
            Thing::Camera | Thing::Source | Thing::Window => {
                let (zh, en) = self.trouble();
                (
                    format!("摄像机「{name}」{zh}"),
                    format!("Camera \"{name}\" {en}"),
                )
            }
        };
        let sentence = Sentence {
            zh: format!("{what_zh}，自 {since} 起，开放时间内已超过 {long_zh}"),
            en: format!("{what_en} since {since}, for over {long_en} of opening hours"),
        };
        self.anomaly(Rule::R14, Kind::Conduct, grade, due_at, sentence)
    }

    fn trouble(&self) -> (&'static str, &'static str) {
        match self.episode.trouble {
            Trouble::Silent | Trouble::Offline => ("离线", "has been offline"),
            Trouble::Frozen => ("画面停滞", "has shown a frozen picture"),
            Trouble::Black => ("黑屏", "has shown a black picture"),
            Trouble::Overexposed => ("画面过曝", "has shown an overexposed picture"),
            Trouble::Covered => ("镜头被遮挡", "has been covered"),
            Trouble::Defocused => ("画面模糊", "has been out of focus"),
            Trouble::Moved => ("视角被移动", "has been turned away from its view"),
            Trouble::Empty => ("前无人", "has seen nobody"),
        }
    }

    pub fn anomaly(
        &self,
        rule: Rule,
        kind: Kind,
        grade: Grade,
        due_at: DateTime<Utc>,
        sentence: Sentence,
    ) -> Anomaly {
        let cause = self.episode.cause();
        let mut facts = Facts::new();
        facts.insert("since".into(), stamp(self.episode.since));
        if let Some(until) = self.episode.until {
            facts.insert("until".into(), stamp(until));
        }
        facts.insert("trouble".into(), self.episode.trouble.as_str().into());
        if self.episode.cameras > 0 {
            facts.insert("cameras".into(), self.episode.cameras.into());
        }
        // Covered, moved or nobody there: the hall answers; otherwise whoever runs it.
        let hall = matches!(
            self.episode.trouble,
            Trouble::Covered | Trouble::Moved | Trouble::Empty
        );
        facts.insert(
            "answers".into(),
            if hall { "hall" } else { "operator" }.into(),
        );
        Anomaly {
            rule,
            kind,
            grade,
            cause_key: format!("{cause}:{}", grade.as_str()),
            cause,
            due_at,
            cleared_at: None,
            until: self.episode.until,
            facts,
            sentence,
            bearer: Bearer {
                hall: self.episode.hall.clone(),
                unit: self.episode.unit.clone(),
                window: self.episode.window().map(str::to_owned),
            },
        }
    }

    /// The instant past which the trouble has lasted for `length` of opening hours with nothing holding it back. `None`: not
    /// within a month, or nobody knows.
    pub fn counted(&self, holds: &[Hold], length: TimeDelta) -> Option<DateTime<Utc>> {
        let mut left = length;
        let first = self.calendar.date(self.episode.since);
        for date in (0..31).filter_map(|day| first.checked_add_days(Days::new(day))) {
            let Some(open) = self.calendar.open_on(&self.setting.opening, date) else {
                continue;
            };
            let closes = self.calendar.instant(date.and_time(open.closes()));
            let opens = self.calendar.instant(date.and_time(open.opens()));
            let mut at = first_free(holds, opens.max(self.episode.since))?;
            while at < closes {
                let held = holds.iter().map(|hold| hold.from);
                let end = held.filter(|&from| from > at).min().unwrap_or(closes);
                let end = end.min(closes);
                if end - at > left {
                    return Some(at + left);
                }
                left -= end - at;
                if end == closes {
                    break;
                }
                at = first_free(holds, end)?;
            }
        }
        None
    }

    /// A coming instant matters while the episode goes on, or if it ends after it.
    fn open_end(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.episode
            .until
            .is_none_or(|until| until > at)
            .then_some(at)
    }
}

/// The first instant from `at` on at which nothing holds back; `None` while nobody knows when that is.
fn first_free(holds: &[Hold], mut at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    while let Some(hold) = holds.iter().find(|hold| hold.holds_at(at)) {
        at = hold.until?;
    }
    Some(at)
}

impl Episode {
    /// The number of the window that it is about.
    pub fn window(&self) -> Option<&str> {
        let of_window = (self.thing == Thing::Window).then(|| window_of(&self.subject));
        of_window.flatten().map(|(_, no)| no)
    }

    /// What its cards share, and how their keys begin.
    pub fn cause(&self) -> String {
        let rule = match self.thing {
            Thing::Source => Rule::R7,
            Thing::Edge | Thing::Hall | Thing::Camera => Rule::R14,
            Thing::Window => Rule::R9,
        };
        format!(
            "{}:{}:{}:{}",
            rule.as_str(),
            self.thing.as_str(),
            self.subject,
            self.since.timestamp_micros()
        )
    }
}
