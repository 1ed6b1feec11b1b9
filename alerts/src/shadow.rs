//! Shadow runs: what a profile would have issued over a span of the past, against what was issued.
//!
//! Cases come by in pages and only counts and a bounded list of differences stay; nothing is written. A case is judged as the
//! supervisor judges it, by the same function, with all that is known of it today. So a difference can have two grounds: the
//! other numbers, or evidence that came after a card was issued. What the rules in force would do today as the draft does is
//! evidence, and counted apart.
//!
//! Beside cases, complaints, the episodes that we recorded ourselves (cameras and halls that were away, windows with nobody at them, sources that
//! were silent) and the months of units are run by the functions that the supervisor judges them with. Red cards of R9 follow the yellow
//! ones that people confirmed: what a draft would have them look at, nobody has.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mingjing_monitor::store::states::CaseRecord;
use mingjing_monitor::store::{StoreError, complaints, states};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::card::{Grade, State};
use crate::store::cards::{self, CardRecord};
use crate::supervisor::{Found, Reference};
use crate::versions::Versions;

/// Cases looked at in one go.
const PAGE: i64 = 1_000;
/// Differences kept; all are counted.
pub const MOST: usize = 1_000;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// By what cases are judged, with the versions that are in force.
    pub reference: Arc<Reference>,
    /// The rules to try, as if they had always been in force; or several, each in its time.
    pub draft: Versions,
    /// What fell due from here.
    pub from: DateTime<Utc>,
    /// And before this.
    pub to: DateTime<Utc>,
    /// Up to where facts are known.
    pub now: DateTime<Utc>,
}

/// Cards of one rule, hall and grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// `R2`.
    pub rule: String,
    /// Code of the hall that bears them.
    pub hall: String,
    /// `yellow_card`.
    pub grade: String,
    /// How many the draft would have issued.
    pub would: u64,
    /// How many were issued.
    pub was: u64,
}

/// In what the draft differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unlike {
    /// A card that there was not.
    New,
    /// A card less.
    Gone,
    /// Another grade.
    Grade,
    /// Another instant.
    Moved,
}

/// A card that would be different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// In what.
    pub unlike: Unlike,
    /// The rule.
    pub rule: String,
    /// What it is about: `case`, `complaint`, `source`, `camera`, … as cards name it.
    pub about: String,
    /// The number of the case or complaint, or which source, camera or unit.
    pub case: String,
    /// Code of the hall that bears it.
    pub hall: String,
    /// What it is for ever.
    pub cause_key: String,
    /// Grade and due instant of the card that was.
    pub was: Option<(String, DateTime<Utc>)>,
    /// Of the card that would be.
    pub would: Option<(String, DateTime<Utc>)>,
    /// The card that was.
    pub card: Option<i64>,
}

/// What came out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Cases that were looked at.
    pub cases: u64,
    /// By rule, hall and grade; where there is anything.
    pub cells: Vec<Cell>,
    /// How many differences of each kind, in the order of the kinds.
    pub unlike: BTreeMap<Unlike, u64>,
    /// The first of them, by case.
    pub differences: Vec<Difference>,
    /// Differences that are not the draft's: evidence that came after a card was issued.
    pub by_evidence: u64,
}

/// A finding or a card, as they are compared.
type Mark = (String, String, DateTime<Utc>, Grade);

/// Runs; `None` when `go_on`, which hears how many cases are done and of how many, says to stop.
pub async fn run(
    pool: &PgPool,
    question: Question,
    mut go_on: impl FnMut(u64, u64) -> bool,
) -> Result<Option<Outcome>, StoreError> {
    let (from, to) = (question.from, question.to);
    let total = states::between_count(pool, from, to).await?;
    let shadow = Reference {
        profiles: question.draft.clone(),
        ..Reference::clone(&question.reference)
    };
    let asked = Arc::new((question, shadow));
    let (mut tally, mut after) = (Tally::default(), String::new());
    loop {
        if !go_on(tally.cases, total.max(tally.cases)) {
            return Ok(None);
        }
        let mut connection = pool.acquire().await?;
        let records = states::between(&mut connection, from, to, &after, PAGE).await?;
        let Some(last) = records.last() else { break };
        after.clone_from(&last.fold.case_no);
        let numbers: Vec<&str> = records
            .iter()
            .map(|record| record.fold.case_no.as_str())
            .collect();
        let issued = cards::of_cases(&mut connection, &numbers).await?;
        drop(connection);
        // Beside the threads that serve pages and take events.
        let asked = Arc::clone(&asked);
        let looked = tokio::task::spawn_blocking(move || {
            tally.take(&asked.0, &asked.1, records, issued);
            tally
        });
        tally = looked
            .await
            .map_err(|error| StoreError::Stored(format!("the shadow run broke off: {error}")))?;
    }
    let mut others = Others::default();
    let mut connection = pool.acquire().await?;
    for card in cards::of_others(&mut connection, from, to).await? {
        others.card(card);
    }
    for (shadow, reference) in [(true, &asked.1), (false, &*asked.0.reference)] {
        let mut keep = |about: &str, subject: String, found: Vec<Found>| {
            let of = others.of(about, subject);
            let into = if shadow { &mut of.would } else { &mut of.today };
            into.extend(marks(found, &asked.0));
        };
        let now = asked.0.now;
        for (about, subject, found) in reference
            .of_episodes(&mut connection, (from, to), now)
            .await?
        {
            keep(about, subject, found);
        }
        for (unit, found) in reference
            .of_months(&mut connection, (from, to), now)
            .await?
        {
            keep("unit", unit, found);
        }
        let mut after = String::new();
        loop {
            let records = complaints::opened_before(&mut connection, to, &after, PAGE).await?;
            let Some(last) = records.last() else { break };
            after.clone_from(&last.fold.no);
            for record in records {
                let no = record.fold.no.clone();
                keep("complaint", no, reference.of_complaint(record.fold, now));
            }
        }
    }
    drop(connection);
    for ((about, subject), of) in others.0 {
        tally.compare((&about, &subject), &of.would, &of.today, &of.cards);
    }
    Ok(Some(tally.finish()))
}

/// What is said of things that are no cases, by what they are and which.
#[derive(Default)]
struct Others(BTreeMap<(String, String), Other>);

#[derive(Default)]
struct Other {
    would: HashMap<String, Mark>,
    today: HashMap<String, Mark>,
    cards: Vec<CardRecord>,
}

impl Others {
    fn of(&mut self, about: &str, subject: String) -> &mut Other {
        self.0.entry((about.to_owned(), subject)).or_default()
    }

    fn card(&mut self, card: CardRecord) {
        if counts(&card) {
            let subject = card.subject.clone().unwrap_or_default();
            self.of(&card.about.clone(), subject).cards.push(card);
        }
    }
}

/// Whether it is compared: what a person wrote, and what followed when nobody answered, no draft would issue or leave out.
fn counts(card: &CardRecord) -> bool {
    !matches!(card.state, State::Withdrawn | State::Cancelled) && card.rests_on_facts()
}

#[derive(Default)]
struct Tally {
    cases: u64,
    cells: BTreeMap<(String, String, Grade), (u64, u64)>,
    unlike: BTreeMap<Unlike, u64>,
    differences: Vec<Difference>,
    by_evidence: u64,
}

impl Tally {
    fn take(
        &mut self,
        question: &Question,
        shadow: &Reference,
        records: Vec<CaseRecord>,
        issued: Vec<CardRecord>,
    ) {
        let mut of_case: HashMap<String, Vec<CardRecord>> = HashMap::new();
        for card in issued {
            let due = question.from <= card.due_at && card.due_at < question.to;
            if let Some(case) = card.case_no.clone().filter(|_| due && counts(&card)) {
                of_case.entry(case).or_default().push(card);
            }
        }
        for record in records {
            self.cases += 1;
            let case = record.fold.case_no.clone();
            let would = marks(
                shadow.assess(record.fold.clone(), question.now).found,
                question,
            );
            let today = question.reference.assess(record.fold, question.now).found;
            let today = marks(today, question);
            let cards = of_case.remove(&case).unwrap_or_default();
            self.compare(("case", &case), &would, &today, &cards);
        }
    }

    fn compare(
        &mut self,
        (about, subject): (&str, &str),
        would: &HashMap<String, Mark>,
        today: &HashMap<String, Mark>,
        cards: &[CardRecord],
    ) {
        let was: HashMap<String, Mark> = cards
            .iter()
            .map(|card| {
                let mark = (
                    card.rule.clone(),
                    card.hall.clone(),
                    card.due_at,
                    card.grade,
                );
                (card.cause_key.clone(), mark)
            })
            .collect();
        for (rule, hall, _, grade) in would.values() {
            self.cell(rule, hall, *grade).0 += 1;
        }
        for (rule, hall, _, grade) in was.values() {
            self.cell(rule, hall, *grade).1 += 1;
        }
        let mut keys: Vec<&String> = would.keys().chain(was.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            let (new, old) = (would.get(key), was.get(key));
            let Some(unlike) = unlike(new, old) else {
                continue;
            };
            // The rules in force say the same of it today: it is not the draft that makes the difference.
            if new.map(|mark| (mark.2, mark.3)) == today.get(key).map(|mark| (mark.2, mark.3)) {
                self.by_evidence += 1;
                continue;
            }
            *self.unlike.entry(unlike).or_default() += 1;
            let Some((rule, hall, ..)) = new.or(old).filter(|_| self.differences.len() < MOST)
            else {
                continue;
            };
            let short = |mark: &Mark| (mark.3.as_str().to_owned(), mark.2);
            self.differences.push(Difference {
                unlike,
                rule: rule.clone(),
                about: about.to_owned(),
                case: subject.to_owned(),
                hall: hall.clone(),
                cause_key: key.clone(),
                was: old.map(short),
                would: new.map(short),
                card: cards
                    .iter()
                    .find(|card| card.cause_key == *key)
                    .map(|card| card.id),
            });
        }
    }

    fn cell(&mut self, rule: &str, hall: &str, grade: Grade) -> &mut (u64, u64) {
        let key = (rule.to_owned(), hall.to_owned(), grade);
        self.cells.entry(key).or_default()
    }

    fn finish(self) -> Outcome {
        let cell =
            |((rule, hall, grade), (would, was)): ((String, String, Grade), (u64, u64))| Cell {
                rule,
                hall,
                grade: grade.as_str().to_owned(),
                would,
                was,
            };
        Outcome {
            cases: self.cases,
            cells: self.cells.into_iter().map(cell).collect(),
            unlike: self.unlike,
            differences: self.differences,
            by_evidence: self.by_evidence,
        }
    }
}

fn unlike(new: Option<&Mark>, old: Option<&Mark>) -> Option<Unlike> {
    match (new, old) {
        (Some(_), None) => Some(Unlike::New),
        (None, Some(_)) => Some(Unlike::Gone),
        (Some(new), Some(old)) if new.3 != old.3 => Some(Unlike::Grade),
        (Some(new), Some(old)) if new.2 != old.2 => Some(Unlike::Moved),
        _ => None,
    }
}

fn marks(found: Vec<Found>, question: &Question) -> HashMap<String, Mark> {
    let in_span = |found: &Found| question.from <= found.due_at && found.due_at < question.to;
    found
        .into_iter()
        .filter(in_span)
        .map(|found| {
            let anomaly = found.anomaly;
            let rule = anomaly.rule.as_str().to_owned();
            (
                anomaly.cause_key,
                (rule, anomaly.bearer.hall, anomaly.due_at, anomaly.grade),
            )
        })
        .collect()
}
