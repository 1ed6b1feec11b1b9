//! Whatever people try, and whatever time brings meanwhile: no card and no order stands where its table does not lead.

use chrono::TimeDelta;
use mingjing_alerts::card::{self, Grade, Target};
use mingjing_alerts::order;
use mingjing_alerts::supervisor::{ActError, CardAction, OrderAction};

use crate::common::{World, accepted, at, completed, local, person};

const ROLES: [&str; 5] = [
    "hall_manager",
    "unit_head",
    "inspector",
    "commission",
    "leader",
];

/// Picks the same each time.
struct Dice(u64);

impl Dice {
    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        &of[(self.0 >> 33) as usize % of.len()]
    }
}

/// Number and revision of all that is in a table.
async fn all(world: &World, sql: &'static str) -> Vec<(i64, i32)> {
    sqlx::query_as(sql).fetch_all(&world.pool()).await.unwrap()
}

async fn try_something(world: &mut World, dice: &mut Dice, now: &str) -> Result<(), ActError> {
    let cards = all(world, "SELECT id, revision FROM card ORDER BY id").await;
    let orders = all(
        world,
        "SELECT id, revision FROM supervision_order ORDER BY id",
    )
    .await;
    let role = *dice.pick(&ROLES);
    let why = Some("因为如此".to_owned());
    if cards.is_empty() || (!orders.is_empty() && *dice.pick(&[true, false])) {
        let Some(&(order, revision)) = orders.last() else {
            return Ok(());
        };
        let action = OrderAction {
            order,
            revision,
            action: dice.pick(order::TABLE).name.into(),
            why,
            objective: Some(true),
            measures: Some("已整改".into()),
            attachments: Vec::new(),
            actor: person(role),
        };
        let acted = world.supervisor.act_on_order(&action, at(now)).await;
        return acted.map(|_| ());
    }
    let &(card, revision) = dice.pick(&cards);
    let action = CardAction {
        card,
        revision,
        action: dice.pick(card::TABLE).name.into(),
        why,
        ground: None,
        attachments: Vec::new(),
        actor: person(role),
    };
    world.supervisor.act(&action, at(now)).await.map(|_| ())
}

/// A line of a history: whose, where that stands now, its grade, what was done, from where, to where, by whom.
type Line = (i64, String, String, String, Option<String>, String, String);

/// Each line goes on where the one before ended, by a row of the table; what stands is where the last one ended.
fn follows(lines: &[Line], may: impl Fn(&Line) -> bool) {
    for (nth, line) in lines.iter().enumerate() {
        let before = nth.checked_sub(1).map(|nth| &lines[nth]);
        let before = before.filter(|before| before.0 == line.0);
        assert_eq!(line.4.as_ref(), before.map(|before| &before.5), "{line:?}");
        assert!(may(line), "no row of the table: {line:?}");
        if lines.get(nth + 1).is_none_or(|next| next.0 != line.0) {
            assert_eq!(line.1, line.5, "{line:?}");
        }
    }
}

#[tokio::test]
async fn nothing_stands_where_the_tables_do_not_lead() {
    let mut world = World::asking("2026-11-02 09:00").await;
    let mut dice = Dice(20_261_122);
    let (mut now, mut done, mut refused) = (at("2026-11-02 10:00"), 0, 0);
    for round in 0..100 {
        now += TimeDelta::hours(12);
        let time = local(now);
        world.wait_until(&time).await;
        if round % 4 == 0 {
            let no = (round / 4).to_string();
            world.send(vec![accepted(&no, &time)], &time).await;
        }
        if round % 12 == 11 {
            let no = (round / 12).to_string();
            world.send(vec![completed(&no, &time)], &time).await;
        }
        for _ in 0..8 {
            match try_something(&mut world, &mut dice, &time).await {
                Ok(()) => done += 1,
                Err(ActError::NotAllowed { .. } | ActError::TooLate(_)) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert!(done > 30 && refused > 100, "{done} done, {refused} refused");

    let cards: Vec<Line> = sqlx::query_as(
        "SELECT c.id, c.state, c.grade, t.transition, t.from_state, t.to_state, t.role
         FROM card_transition t JOIN card c ON c.id = t.card ORDER BY c.id, t.id",
    )
    .fetch_all(&world.pool())
    .await
    .unwrap();
    follows(&cards, |(_, _, grade, name, from, to, role)| {
        let grade = Grade::parse(grade).unwrap();
        card::TABLE.iter().any(|row| {
            let leads = match row.to {
                Target::To(state) => state.as_str() == to,
                Target::Back(states) => states.iter().any(|state| state.as_str() == to),
            };
            let begins = match from {
                None => row.from.is_empty(),
                Some(from) => row.from.iter().any(|state| state.as_str() == from),
            };
            let by = row.by.iter().any(|by| by.as_str() == role);
            row.name == name && row.grades.hold(grade) && leads && begins && by
        })
    });
    let orders: Vec<Line> = sqlx::query_as(
        "SELECT o.id, o.state, '' AS grade, t.transition, t.from_state, t.to_state, t.role
         FROM supervision_order_transition t JOIN supervision_order o ON o.id = t.supervision_order ORDER BY o.id, t.id",
    )
    .fetch_all(&world.pool())
    .await
    .unwrap();
    assert!(!orders.is_empty());
    follows(&orders, |(_, _, _, name, from, to, role)| {
        order::TABLE.iter().any(|row| {
            let begins = match from {
                None => row.from.is_empty(),
                Some(from) => row.from.iter().any(|state| state.as_str() == from),
            };
            let by = row.by.iter().any(|by| by.as_str() == role);
            row.name == name && row.to.as_str() == to && begins && by
        })
    });
}
