//! What is watched while it works: sources that fall silent (R7), cameras and networks of halls that are away (R14).
//!
//! Each time something goes wrong is an [`Episode`] that we recorded ourselves. What holds its alert back - a parent that is
//! down, planned maintenance - is a [`Hold`]: time under it does not count. So nothing is lost: when the hold ends and the trouble
//! goes on, its clock goes on.

use chrono::{DateTime, Days, TimeDelta, Utc};
use mingjing_monitor::calendar::{Calendar, OpeningHours};

use super::facts::{Facts, Sentence, local};
use super::{Anomaly, Bearer, Evaluation, Rule};
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
        /// Something hangs over the lens, or it was turned away.
        Covered = "covered",
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
    /// What is wrong.
    pub trouble: Trouble,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when; `None`: it goes on.
    pub until: Option<DateTime<Utc>>,
    /// How many cameras are away with it.
    pub cameras: u32,
}

/// A time in which the alert of an episode is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// What the rules say of an episode at `now`.
pub fn evaluate(
    episode: &Episode,
    holds: &[Hold],
    opening: &OpeningHours,
    rules: &RuleSet,
    calendar: &Calendar,
    now: DateTime<Utc>,
) -> Evaluation {
    let look = Look {
        episode,
        holds,
        opening,
        rules,
        calendar,
        now,
    };
    match episode.thing {
        Thing::Source => look.silent(),
        Thing::Edge | Thing::Hall | Thing::Camera => look.away(),
    }
}

struct Look<'a> {
    episode: &'a Episode,
    holds: &'a [Hold],
    opening: &'a OpeningHours,
    rules: &'a RuleSet,
    calendar: &'a Calendar,
    now: DateTime<Utc>,
}

impl Look<'_> {
    /// R7: it counts from the first instant at which nothing holds it back.
    fn silent(&self) -> Evaluation {
        let (mut anomalies, mut next_instant) = (Vec::new(), None);
        if self.rules.r7.on
            && let Some(due_at) = self.first_free(self.episode.since)
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
        let mut found = Evaluation {
            anomalies: Vec::new(),
            next_instant: None,
        };
        if !r14.on {
            return found;
        }
        let notice = self.counted(TimeDelta::seconds(r14.notice_seconds.get().into()));
        let yellow = self.counted(TimeDelta::minutes(r14.yellow_minutes.get().into()));
        let reached = |at: &DateTime<Utc>| {
            *at <= self.now && self.episode.until.is_none_or(|until| until > *at)
        };
        if let Some(at) = notice.filter(reached) {
            let cleared = [self.episode.until, yellow.filter(reached)];
            let cleared = cleared.into_iter().flatten().min();
            found.anomalies.push(Anomaly {
                cleared_at: cleared.filter(|&cleared| cleared <= self.now),
                ..self.absence(Grade::Notice, at)
            });
        }
        if let Some(at) = yellow.filter(reached) {
            found.anomalies.push(self.absence(Grade::YellowCard, at));
        }
        found.next_instant = [notice, yellow]
            .into_iter()
            .flatten()
            .filter(|&at| at > self.now)
            .min()
            .and_then(|at| self.open_end(at));
        found
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
                format!("The network of {name} is down, all of its {cameras} cameras are offline"),
            ),
            Thing::Camera | Thing::Source => {
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
            Trouble::Covered => ("被遮挡或移动", "has been covered or moved"),
        }
    }

    fn anomaly(
        &self,
        rule: Rule,
        kind: Kind,
        grade: Grade,
        due_at: DateTime<Utc>,
        sentence: Sentence,
    ) -> Anomaly {
        let cause = self.episode.cause();
        let mut facts = Facts::new();
        let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        facts.insert("since".into(), instant(self.episode.since).into());
        if let Some(until) = self.episode.until {
            facts.insert("until".into(), instant(until).into());
        }
        facts.insert("trouble".into(), self.episode.trouble.as_str().into());
        if self.episode.cameras > 0 {
            facts.insert("cameras".into(), self.episode.cameras.into());
        }
        // Covered or moved: the hall answers; otherwise whoever runs it.
        let hall = self.episode.trouble == Trouble::Covered;
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
                unit: None,
                window: None,
            },
        }
    }

    /// The first instant from `at` on at which nothing holds it back; `None` while nobody knows when that is.
    fn first_free(&self, mut at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        while let Some(hold) = self.holds.iter().find(|hold| hold.holds_at(at)) {
            at = hold.until?;
        }
        Some(at)
    }

    /// The instant past which the trouble has lasted for `length` of opening hours with nothing holding it back. `None`: not
    /// within a month, or nobody knows.
    fn counted(&self, length: TimeDelta) -> Option<DateTime<Utc>> {
        let mut left = length;
        let first = self.calendar.date(self.episode.since);
        for date in (0..31).filter_map(|day| first.checked_add_days(Days::new(day))) {
            let Some(open) = self.calendar.open_on(self.opening, date) else {
                continue;
            };
            let closes = self.calendar.instant(date.and_time(open.closes()));
            let opens = self.calendar.instant(date.and_time(open.opens()));
            let mut at = self.first_free(opens.max(self.episode.since))?;
            while at < closes {
                let held = self.holds.iter().map(|hold| hold.from);
                let end = held.filter(|&from| from > at).min().unwrap_or(closes);
                let end = end.min(closes);
                if end - at > left {
                    return Some(at + left);
                }
                left -= end - at;
                if end == closes {
                    break;
                }
                at = self.first_free(end)?;
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

impl Episode {
    /// What its cards share, and how their keys begin.
    pub fn cause(&self) -> String {
        let rule = match self.thing {
            Thing::Source => Rule::R7,
            Thing::Edge | Thing::Hall | Thing::Camera => Rule::R14,
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
