//! Months that close: what may become of one that is over, as one table, and when it closes by itself.

use chrono::{DateTime, NaiveDate, Utc};
use mingjing_monitor::calendar::Calendar;

use crate::performance::month_after;

/// Where a month stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// It goes on, or it is over and not closed yet: its figures move with what becomes known. 未结算
    #[default]
    Open,
    /// Its figures are published; what is corrected stands beside them. 已结算
    Closed,
    /// Closed, and an inspector asks another to open it again.
    Asked,
}

impl State {
    /// As interfaces name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Asked => "asked",
        }
    }
}

/// Who does something to a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// Time.
    System,
    /// Any inspector.
    Anybody,
    /// The inspector who asked.
    Asker,
    /// Another one.
    Other,
}

/// What may be done to a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// From this state.
    pub from: State,
    /// To this one.
    pub to: State,
    /// By whom.
    pub by: Party,
    /// Whether it has to say why.
    pub needs_why: bool,
}

const fn step(name: &'static str, from: State, to: State, by: Party, needs_why: bool) -> Step {
    Step {
        name,
        from,
        to,
        by,
        needs_why,
    }
}

/// The table. As with the rules, what one inspector asks for another one does.
pub const STEPS: &[Step] = &[
    step("close", State::Open, State::Closed, Party::System, false),
    step("ask", State::Closed, State::Asked, Party::Anybody, true),
    step(
        "take_back",
        State::Asked,
        State::Closed,
        Party::Asker,
        false,
    ),
    step("refuse", State::Asked, State::Closed, Party::Other, true),
    step("reopen", State::Asked, State::Open, Party::Other, false),
];

/// Something that was done to a month.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Done {
    /// Its number; of a `close` the closing's.
    pub id: i64,
    /// First day of the month.
    pub month: NaiveDate,
    /// A name of [`STEPS`].
    pub step: String,
    /// When.
    pub at: DateTime<Utc>,
    /// When it fell due, of what time brought about.
    pub due_at: Option<DateTime<Utc>>,
    /// Login; `None`: time.
    pub login: Option<String>,
    /// Name.
    pub who: String,
    /// Role.
    pub role: String,
    /// Why.
    pub why: Option<String>,
    /// The version of the rule profile that scored what was published.
    pub profile_version: Option<i32>,
}

/// A month, by what was done to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closing {
    /// Where it stands.
    pub state: State,
    /// The closing whose figures are published; `None`: none is.
    pub published: Option<Done>,
    /// When it was opened again last.
    pub reopened: Option<DateTime<Utc>>,
    /// Login of who asks for that.
    pub asker: Option<String>,
}

impl Closing {
    /// What `steps`, the first first, made of a month.
    pub fn of<'a>(steps: impl IntoIterator<Item = &'a Done>) -> Self {
        steps.into_iter().fold(Self::default(), Self::after)
    }

    fn after(mut self, done: &Done) -> Self {
        let Some(step) = STEPS.iter().find(|step| step.name == done.step) else {
            return self;
        };
        self.state = step.to;
        self.asker = None;
        match step.name {
            "close" => self.published = Some(done.clone()),
            "reopen" => {
                self.published = None;
                self.reopened = Some(done.at);
            }
            "ask" => self.asker.clone_from(&done.login),
            _ => {}
        }
        self
    }

    /// What the inspector with this login may do to it.
    pub fn open_to<'a>(&'a self, login: &'a str) -> impl Iterator<Item = &'static Step> {
        let is_asker = self.asker.as_deref() == Some(login);
        STEPS.iter().filter(move |step| {
            step.from == self.state
                && match step.by {
                    Party::System => false,
                    Party::Anybody => true,
                    Party::Asker => is_asker,
                    Party::Other => !is_asker,
                }
        })
    }
}

/// When the month that begins on `first` closes: when its `workdays`-th workday after it ends, or after it was `reopened`. `None`
/// where that lies in a year whose calendar is not loaded: what is only expected closes nothing.
pub fn due(
    calendar: &Calendar,
    first: NaiveDate,
    reopened: Option<DateTime<Utc>>,
    workdays: u32,
) -> Option<DateTime<Utc>> {
    let last = month_after(first).pred_opt()?;
    let from = reopened.map_or(last, |at| calendar.date(at).max(last));
    let day = calendar.workdays.after(from, workdays);
    let known = calendar.workdays.covers(from, day);
    known.then(|| calendar.closing(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(id: i64, step: &str, login: Option<&str>) -> Done {
        Done {
            id,
            month: NaiveDate::default(),
            step: step.into(),
            at: DateTime::UNIX_EPOCH,
            due_at: None,
            login: login.map(Into::into),
            who: String::new(),
            role: String::new(),
            why: None,
            profile_version: None,
        }
    }

    fn names(closing: &Closing, login: &str) -> Vec<&'static str> {
        closing.open_to(login).map(|step| step.name).collect()
    }

    #[test]
    fn who_asks_for_a_month_to_be_opened_does_not_open_it() {
        let steps = [done(1, "close", None), done(2, "ask", Some("li"))];
        let closed = Closing::of(&steps[..1]);
        assert_eq!(names(&closed, "li"), ["ask"]);
        let asked = Closing::of(&steps);
        assert_eq!(asked.state, State::Asked);
        assert_eq!(asked.published.as_ref().map(|done| done.id), Some(1));
        assert_eq!(names(&asked, "li"), ["take_back"]);
        assert_eq!(names(&asked, "wang"), ["refuse", "reopen"]);
        let open = Closing::of(steps.iter().chain(&[done(3, "reopen", Some("wang"))]));
        assert_eq!((open.state, open.published.is_none()), (State::Open, true));
        assert_eq!(open.reopened, Some(DateTime::UNIX_EPOCH));
        assert_eq!(names(&open, "li"), [""; 0]);
    }

    #[test]
    fn a_month_closes_when_its_tenth_workday_ends() {
        let calendar = Calendar::default();
        let first = NaiveDate::from_ymd_opt(2018, 9, 1).unwrap();
        // 2018-10-01 to 07 were holidays, and the 29th and 30th of September were worked for them: the tenth workday is Friday, 19.
        let due = due(&calendar, first, None, 10).unwrap();
        assert_eq!(due.to_rfc3339(), "2018-10-19T09:30:00+00:00");
        let far = NaiveDate::from_ymd_opt(2199, 1, 1).unwrap();
        assert_eq!(super::due(&calendar, far, None, 10), None);
    }
}
