//! Telling the console what happens, as it happens: what was planned for the day, and what the minutes bring.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, DurationRound, NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior};

use super::client::Client;
use super::history::{contests, heartbeat};
use super::plan::{LONGEST_LIFE_MINUTES, Plan, PlannedEvent, Source};
use super::state::{Progress, State, Told};

/// How often events whose time has come are sent.
const TICK: Duration = Duration::from_millis(500);
/// Between two heartbeats of a source.
const HEARTBEAT: TimeDelta = TimeDelta::seconds(60);
/// Between two notes of how far the story has been told.
const NOTE: Duration = Duration::from_secs(3);
/// A start begins so many minutes back, so that its first minute looks like any other.
const RUN_UP: i64 = 8;
/// Minutes of a start during which urgent cases come several a minute.
const BUSY: i64 = 60;
/// Events in one request.
const BATCH: usize = 2_000;

/// Which systems a stream speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The three systems of the halls.
    Halls,
    /// The portal.
    Portal,
}

/// What both streams share.
#[derive(Debug)]
pub struct Teller {
    /// The county's story.
    pub plan: Plan,
    /// The way to the console.
    pub client: Client,
    /// Each source's own token.
    pub tokens: BTreeMap<Source, String>,
    /// The token that may post history.
    pub load_token: String,
    /// Where progress is noted.
    pub state: State,
    /// How far everything is.
    pub progress: Mutex<Progress>,
}

impl Teller {
    /// Changes the progress and notes it on disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn note(&self, change: impl FnOnce(&mut Progress)) -> Result<(), String> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut progress);
        self.state
            .save("progress.json", &*progress)
            .map(|_| ())
            .map_err(|error| format!("the demo's progress cannot be kept: {error}"))
    }

    /// The progress as it stands.
    pub fn progress(&self) -> Progress {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events to tell, by when.
struct Queue<'a> {
    teller: &'a Teller,
    voice: Voice,
    events: BTreeMap<(DateTime<Utc>, String), PlannedEvent>,
    /// When this start began: what was to be told before it is told as history.
    started: DateTime<Utc>,
    first_start: bool,
    /// Urgent cases of this start come often until here.
    busy_until: DateTime<Utc>,
    next_minute: DateTime<Utc>,
    next_day: NaiveDate,
}

/// Tells everything of `voice` from where the last start left off, until the console stops.
///
/// # Errors
/// What the console says when it refuses, or that progress cannot be kept.
pub async fn tell(teller: &Teller, voice: Voice) -> Result<(), String> {
    let mut queue = Queue::at_start(teller, voice, Utc::now());
    let mut beat: Option<DateTime<Utc>> = None;
    let mut noted = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = Utc::now();
        queue.plan_ahead(now);
        if !queue.send_due(now).await? {
            return Ok(());
        }
        if beat.is_none_or(|last| now - last >= HEARTBEAT) {
            beat = Some(now);
            if !queue.beat(now).await? {
                return Ok(());
            }
        }
        if noted.elapsed() >= NOTE {
            noted = Instant::now();
            queue.note(now)?;
        }
    }
}

impl<'a> Queue<'a> {
    fn at_start(teller: &'a Teller, voice: Voice, now: DateTime<Utc>) -> Self {
        let progress = teller.progress();
        let told = match voice {
            Voice::Halls => progress.halls,
            Voice::Portal => progress.portal,
        };
        let first_start = told.from == told.until;
        let this_minute = minute_of(now);
        let run_up = this_minute - TimeDelta::minutes(RUN_UP);
        let begin = if first_start {
            run_up
        } else {
            run_up.max(minute_of(told.until) + TimeDelta::minutes(1))
        };
        let mut queue = Self {
            teller,
            voice,
            events: BTreeMap::new(),
            started: now,
            first_start,
            busy_until: told.from + TimeDelta::minutes(BUSY),
            next_minute: begin,
            next_day: teller.plan.calendar.date(progress.cut),
        };
        if !first_start {
            // Cases that the last start left at work.
            let oldest = minute_of(told.until) - TimeDelta::minutes(LONGEST_LIFE_MINUTES);
            let mut minute = minute_of(told.from).max(oldest);
            while minute <= told.until {
                let events = queue.minute(minute);
                queue.add(events.into_iter().filter(|event| event.told > told.until));
                minute += TimeDelta::minutes(1);
            }
        }
        if voice == Voice::Halls {
            let oldest =
                teller.plan.calendar.date(told.until) - TimeDelta::days(Plan::LONGEST_LIFE_DAYS);
            let today = teller.plan.calendar.date(now);
            for day in oldest
                .max(progress.first_day)
                .iter_days()
                .take_while(|day| *day <= today)
            {
                queue.add_day(day, told.until);
                if first_start {
                    queue.add_contesting(day, progress.cut);
                }
            }
            queue.next_day = today + TimeDelta::days(1);
        }
        queue.busy_until = queue.from() + TimeDelta::minutes(BUSY);
        queue
    }

    /// Where this start's minutes begin.
    fn from(&self) -> DateTime<Utc> {
        self.started - TimeDelta::minutes(RUN_UP)
    }

    fn add(&mut self, events: impl Iterator<Item = PlannedEvent>) {
        self.events
            .extend(events.map(|event| ((event.told, event.id.clone()), event)));
    }

    fn add_day(&mut self, day: NaiveDate, after: DateTime<Utc>) {
        let plan = &self.teller.plan;
        let cases = plan.day(day).into_iter().map(|case| case.events);
        self.add(
            cases
                .chain(plan.complaints(day))
                .chain(plan.services(day))
                .flatten()
                .filter(|event| event.told > after),
        );
    }

    /// What the history left out; see [`contests`].
    fn add_contesting(&mut self, day: NaiveDate, cut: DateTime<Utc>) {
        let cases = self.teller.plan.day(day);
        self.add(cases.into_iter().flat_map(|case| {
            let past = case
                .events
                .into_iter()
                .filter(move |event| event.told <= cut);
            past.skip_while(move |event| !contests(event, cut))
        }));
    }

    fn minute(&self, minute: DateTime<Utc>) -> Vec<PlannedEvent> {
        let plan = &self.teller.plan;
        let cases = match self.voice {
            Voice::Halls => plan.walk_ins(minute),
            Voice::Portal => plan.urgent(minute, minute < self.busy_until),
        };
        let mut events: Vec<PlannedEvent> =
            cases.into_iter().flat_map(|case| case.events).collect();
        if self.voice == Voice::Halls {
            events.extend(plan.pauses(minute));
        }
        events
    }

    /// Plans the minutes that have begun, and tomorrow when it is near.
    fn plan_ahead(&mut self, now: DateTime<Utc>) {
        // A machine that slept does not make up for every minute of its sleep.
        self.next_minute = self
            .next_minute
            .max(minute_of(now) - TimeDelta::minutes(RUN_UP));
        while self.next_minute <= now {
            let events = self.minute(self.next_minute);
            self.add(events.into_iter());
            self.next_minute += TimeDelta::minutes(1);
        }
        // Applications for tomorrow's cases come in today.
        let ahead = self.teller.plan.calendar.date(now + TimeDelta::hours(60));
        while self.voice == Voice::Halls && self.next_day <= ahead {
            let day = self.next_day;
            self.add_day(day, DateTime::<Utc>::MIN_UTC);
            self.next_day = day + TimeDelta::days(1);
        }
    }

    /// Sends what is due. False: the console is stopping.
    async fn send_due(&mut self, now: DateTime<Utc>) -> Result<bool, String> {
        let later = self.events.split_off(&(now, String::new()));
        let due = std::mem::replace(&mut self.events, later);
        let mut by_token: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for event in due.values() {
            by_token
                .entry(self.token(event))
                .or_default()
                .push(event.cloudevent());
        }
        for (token, events) in by_token {
            for batch in events.chunks(BATCH) {
                let Some(answer) = self.teller.client.post(token, batch).await? else {
                    return Ok(false);
                };
                for refused in answer.rejected {
                    tracing::warn!(%refused, "an event of the demo was refused");
                }
            }
        }
        Ok(true)
    }

    /// What was to be told while the demo was off is history; the rest goes with the source's own token, and so does what
    /// its source tells late: it counts from when it comes.
    fn token(&self, event: &PlannedEvent) -> &'a str {
        let gap = event.told < self.started
            && (self.voice == Voice::Halls || !self.first_start)
            && !event.told_late();
        if gap {
            &self.teller.load_token
        } else {
            self.teller
                .tokens
                .get(&event.source)
                .map_or(&self.teller.load_token, |token| token)
        }
    }

    async fn beat(&self, now: DateTime<Utc>) -> Result<bool, String> {
        let sources: &[Source] = match self.voice {
            Voice::Halls => &Source::WITH_HISTORY,
            Voice::Portal => &Source::NEW,
        };
        let first = self.teller.progress().cut;
        for source in sources.iter().filter(|source| !source.is_mute(first, now)) {
            let Some(token) = self.teller.tokens.get(source) else {
                continue;
            };
            if self
                .teller
                .client
                .post(token, &[heartbeat(*source, now)])
                .await?
                .is_none()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn note(&self, now: DateTime<Utc>) -> Result<(), String> {
        let told = Told {
            from: self.from(),
            until: now,
        };
        self.teller.note(|progress| match self.voice {
            Voice::Halls => progress.halls = told,
            Voice::Portal => progress.portal = told,
        })
    }
}

fn minute_of(instant: DateTime<Utc>) -> DateTime<Utc> {
    instant
        .duration_trunc(TimeDelta::minutes(1))
        .unwrap_or(instant)
}
