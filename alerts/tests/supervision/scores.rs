//! The scores of a month, from what stands in the database.

use chrono::{Months, NaiveDate};
use mingjing_alerts::merit;
use mingjing_alerts::store::scores;
use mingjing_monitor::calendar::local_to_utc;
use mingjing_monitor::score::{Card, Facts, Formula, Of, Sheet};
use mingjing_monitor::store::rankings::{self, Standing};
use sqlx::PgPool;

/// Month, unit or town, and its sheet, without the numbers of cards. Contested cards are left out: whether evidence came too late to
/// clear by itself depends on when it came, and that is meant.
pub async fn sheets(pool: &PgPool) -> Vec<String> {
    let mut all = Vec::new();
    for month in [6, 7] {
        let first = NaiveDate::from_ymd_opt(2026, month, 1).unwrap();
        let next = first + Months::new(1);
        let units = rankings::units(pool, "C", first).await.unwrap();
        let towns = rankings::halls(pool, "C", "town", first).await.unwrap();
        for (standing, is_unit) in units
            .iter()
            .map(|it| (it, true))
            .chain(towns.iter().map(|it| (it, false)))
        {
            let facts = facts(pool, (first, next), standing, is_unit).await;
            let sheet = Sheet::new(&facts, &Formula::default());
            all.push(format!("{first} {} {sheet:?}", standing.code));
        }
    }
    all
}

async fn facts(
    pool: &PgPool,
    (first, next): (NaiveDate, NaiveDate),
    standing: &Standing,
    is_unit: bool,
) -> Facts {
    let midnight = |date: NaiveDate| {
        local_to_utc(
            date.and_hms_opt(0, 0, 0).unwrap(),
            chrono_tz::Asia::Shanghai,
        )
    };
    let (from, to) = (midnight(first), midnight(next));
    let mine = |hall: &str, unit: Option<&str>| match is_unit {
        true => hall == "C" && unit == Some(&standing.code),
        false => hall == standing.code,
    };
    let mut cards: Vec<Card> = scores::cards(pool, from, to)
        .await
        .unwrap()
        .into_iter()
        .filter(|card| card.state != "contested" && mine(&card.hall, card.unit.as_deref()))
        .filter_map(|card| {
            Some(Card {
                id: 0,
                part: merit::part_of(&card.rule, &card.kind, card.what.as_deref())?,
                red: card.grade == "red_card",
                again: card.again,
                appealed: false,
                rule: card.rule,
            })
        })
        .collect();
    cards.sort_by_key(|card| (card.rule.clone(), card.red, card.again));
    let complaints = rankings::complaints(pool, from, to).await.unwrap();
    let closed = || {
        complaints
            .iter()
            .filter(|it| mine(&it.hall, it.unit.as_deref()))
    };
    let count = |n: i64| n.unsigned_abs();
    Facts {
        due: count(standing.due),
        met: count(standing.met),
        promised: count(standing.promised),
        early: count(standing.early),
        promise: count(standing.promise),
        legal: count(standing.legal),
        cards,
        upheld: closed()
            .filter(|it| it.upheld)
            .map(|it| it.no.clone())
            .collect(),
        complaints: closed().count() as u64,
        ratings: std::array::from_fn(|level| count(standing.ratings[level])),
        disclosure: (standing.disclosable > 0).then(|| Of {
            part: count(standing.disclosed),
            whole: count(standing.disclosable),
        }),
        ..Facts::default()
    }
}
