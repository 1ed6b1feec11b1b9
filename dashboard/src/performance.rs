//! Months and years as pages show them: an open month as it stands now, a closed one as it was published, with what was corrected
//! since beside it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{Datelike, Months, NaiveDate};
use mingjing_alerts::closing::{Closing, Done};
use mingjing_alerts::performance::entry;
use mingjing_alerts::store::closings;
use mingjing_alerts::supervisor::{Reference, load_reference};
use mingjing_monitor::org::Level;
use mingjing_monitor::score::{self, Entry, Figures, Points, Sheet, Year};
use mingjing_monitor::store::StoreError;

use crate::app::App;

/// A subject in a month.
pub struct Line {
    /// Name in Chinese; of a closed month, as it was then.
    pub name: String,
    /// In English.
    pub name_en: String,
    /// Open cases now; `None` in a closed month.
    pub open: Option<i64>,
    /// Its rank as it was published.
    pub published_rank: Option<u32>,
    /// What was published, or what is known now; `None`: it did not stand in what was published.
    pub figures: Option<Figures>,
    /// What came out otherwise since.
    pub corrected: Option<Figures>,
    /// The score opened to its last card, where it was scored just now.
    pub sheet: Option<Sheet>,
}

impl Line {
    /// What holds: corrected, or else as published.
    pub fn holding(&self) -> Option<&Figures> {
        self.corrected.as_ref().or(self.figures.as_ref())
    }
}

/// The subjects of a level in a month.
pub struct Month {
    /// Its first day.
    pub first: NaiveDate,
    /// Where it stands.
    pub closing: Closing,
    /// The version of the rule profile that scored it.
    pub profile_version: i32,
    /// With fewer cases due nobody is ranked.
    pub ranked_from: u64,
    /// Who, by code.
    pub lines: BTreeMap<String, Line>,
}

impl Month {
    /// What is ranked by what holds.
    pub fn entries(&self) -> Vec<Entry<String>> {
        let lines = self.lines.iter();
        lines
            .filter_map(|(code, line)| Some(entry(code, line.holding()?)))
            .collect()
    }

    /// The closing whose figures it shows.
    pub fn published(&self) -> Option<&Done> {
        self.closing.published.as_ref()
    }
}

/// What months are scored by now.
///
/// # Errors
/// When the database cannot be asked.
pub async fn reference(app: &App) -> Result<Arc<Reference>, StoreError> {
    match app.reference() {
        Some(reference) => Ok(reference),
        None => Ok(Arc::new(load_reference(app.db(), app.now()).await?)),
    }
}

/// The first day of the running month.
pub fn this_month(app: &App) -> NaiveDate {
    let today = app.now().with_timezone(&app.directory().zone());
    let today = today.date_naive();
    today.with_day(1).unwrap_or(today)
}

/// The months of a level, each where it is asked for.
pub struct Field<'a> {
    app: &'a App,
    reference: Arc<Reference>,
    level: Level,
    /// Where each month stands to which anything was done.
    pub closings: BTreeMap<NaiveDate, Closing>,
}

impl<'a> Field<'a> {
    /// Of a level.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn new(app: &'a App, level: Level) -> Result<Self, StoreError> {
        Ok(Self {
            app,
            reference: reference(app).await?,
            level,
            closings: closings::months(app.db()).await?,
        })
    }

    /// When a month closes; `None`: it is closed, or nobody can say yet.
    pub fn closes_at(&self, month: &Month) -> Option<chrono::DateTime<chrono::Utc>> {
        self.reference.closes_at(month.first, &month.closing)
    }

    /// A month: as it was published, or as it stands now.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn month(&self, first: NaiveDate) -> Result<Month, StoreError> {
        let closing = self.closings.get(&first).cloned().unwrap_or_default();
        let grounds = self.reference.grounds(self.app.now());
        let profile = grounds.profile(first);
        let (ranked_from, version) = (profile.formula.ranked_from(self.level), profile.version);
        let (profile_version, lines) = match &closing.published {
            Some(done) => {
                let rows = closings::standings(self.app.db(), &[done.id], self.level, None).await?;
                let lines = rows.into_iter().map(|row| {
                    let line = Line {
                        name: row.name,
                        name_en: row.name_en,
                        open: None,
                        published_rank: row.rank.and_then(|rank| u32::try_from(rank).ok()),
                        figures: row.published.map(|figures| figures.0),
                        corrected: row.corrected.map(|figures| figures.0),
                        sheet: None,
                    };
                    (row.subject, line)
                });
                (done.profile_version.unwrap_or(version), lines.collect())
            }
            None => {
                let scored = grounds.month(self.app.db(), self.level, first).await?;
                let lines = scored.subjects.into_iter().map(|(code, one)| {
                    let line = Line {
                        name: one.name,
                        name_en: one.name_en,
                        open: Some(one.open),
                        published_rank: None,
                        figures: Some(one.figures),
                        corrected: None,
                        sheet: Some(one.sheet),
                    };
                    (code, line)
                });
                (version, lines.collect())
            }
        };
        Ok(Month {
            first,
            closing,
            profile_version,
            ranked_from,
            lines,
        })
    }

    /// A month that closed, whose figures lie ready; `None`: it did not.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn closed(&self, first: NaiveDate) -> Result<Option<Month>, StoreError> {
        let closing = self.closings.get(&first);
        match closing.is_some_and(|closing| closing.published.is_some()) {
            true => self.month(first).await.map(Some),
            false => Ok(None),
        }
    }

    /// The closed months of a year, from what holds.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn year(&self, year: i32) -> Result<YearOf, StoreError> {
        let of_year = |month: &NaiveDate| month.year() == year;
        self.over(self.published(of_year), None).await
    }

    /// A subject's closed months among the twelve that end with `last`, from what holds.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn trend(&self, subject: &str, last: NaiveDate) -> Result<YearOf, StoreError> {
        let from = last - Months::new(11);
        let recent = |month: &NaiveDate| (from..=last).contains(month);
        self.over(self.published(recent), Some(subject)).await
    }

    fn published(&self, which: impl Fn(&NaiveDate) -> bool) -> HashMap<i64, NaiveDate> {
        let months = self.closings.iter().filter(|(month, _)| which(month));
        months
            .filter_map(|(month, closing)| Some((closing.published.as_ref()?.id, *month)))
            .collect()
    }

    async fn over(
        &self,
        months: HashMap<i64, NaiveDate>,
        subject: Option<&str>,
    ) -> Result<YearOf, StoreError> {
        let ids: Vec<i64> = months.keys().copied().collect();
        let rows = closings::standings(self.app.db(), &ids, self.level, subject).await?;
        let mut lines: BTreeMap<String, LineOfYear> = BTreeMap::new();
        for row in rows {
            let Some((month, figures)) = months.get(&row.closing).zip(row.figures()) else {
                continue;
            };
            let line = lines.entry(row.subject.clone()).or_default();
            line.due += figures.due;
            line.services += figures.services();
            line.met += figures.met;
            line.yellow_cards += figures.yellow_cards;
            line.red_cards += figures.red_cards;
            line.scores
                .extend(figures.score.map(|score| (*month, score)));
            (line.name, line.name_en) = (row.name, row.name_en);
        }
        let mut months: Vec<NaiveDate> = months.into_values().collect();
        months.sort();
        Ok(YearOf { months, lines })
    }
}

/// The subjects of a level over several closed months.
pub struct YearOf {
    /// The months, earliest first.
    pub months: Vec<NaiveDate>,
    /// Who, by code.
    pub lines: BTreeMap<String, LineOfYear>,
}

/// A subject over several closed months.
#[derive(Default)]
pub struct LineOfYear {
    /// Its name.
    pub name: String,
    /// In English.
    pub name_en: String,
    /// Cases that fell due.
    pub due: u64,
    /// With them, of village points, queries assisted.
    pub services: u64,
    /// Of the cases, decided in time.
    pub met: u64,
    /// Yellow cards.
    pub yellow_cards: u64,
    /// Red ones.
    pub red_cards: u64,
    /// Its scores by month, where it had one.
    pub scores: BTreeMap<NaiveDate, Points>,
}

impl LineOfYear {
    /// The mean.
    pub fn year(&self) -> Year {
        Year::new(self.scores.iter().map(|(month, score)| (*month, *score)))
    }
}

impl YearOf {
    /// The subjects in order, beside the year before.
    pub fn ranked(&self, before: &Self, ranked_from: u64) -> Vec<score::Standing<String>> {
        score::rank(&self.entries(), &before.entries(), ranked_from)
    }

    fn entries(&self) -> Vec<Entry<String>> {
        let entry = |(code, line): (&String, &LineOfYear)| Entry {
            subject: code.clone(),
            score: line.year().score,
            services: line.services,
        };
        self.lines.iter().map(entry).collect()
    }
}
