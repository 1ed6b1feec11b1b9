use std::collections::BTreeSet;

use super::*;

const ROLES: [Role; 6] = [System, Inspector, Commission, HallManager, UnitHead, Leader];

/// Where an order may come to: by the table for the state, and as the supervisor moves it for the rung.
fn steps(order: Standing, has_unit: bool) -> Vec<(&'static Transition, Standing)> {
    let moved = |row: &'static Transition| {
        let rung = match row.name {
            "escalate" => order.rung.above(has_unit).expect("it is below the top"),
            "return" => order.rung.answering(has_unit),
            _ => order.rung,
        };
        let state = row.to;
        (
            row,
            Standing {
                state,
                rung,
                ..order
            },
        )
    };
    let rows = ROLES.iter().flat_map(|&role| transitions(order, role));
    rows.map(moved).collect()
}

fn reachable(addressee: Rung, has_unit: bool) -> Vec<Standing> {
    let begin = Standing {
        state: Issued,
        rung: addressee,
        addressee,
    };
    let mut found = vec![begin];
    let mut at = 0;
    while at < found.len() {
        for (_, next) in steps(found[at], has_unit) {
            if !found.contains(&next) {
                found.push(next);
            }
        }
        at += 1;
    }
    found
}

fn everywhere() -> impl Iterator<Item = (Standing, bool)> {
    let ways = [
        (Rung::HallManager, true),
        (Rung::HallManager, false),
        (Rung::UnitHead, true),
    ];
    ways.into_iter().flat_map(|(addressee, has_unit)| {
        let found = reachable(addressee, has_unit);
        found.into_iter().map(move |order| (order, has_unit))
    })
}

#[test]
fn every_state_and_every_row_is_reached_and_only_the_ends_lead_nowhere() {
    let states: BTreeSet<State> = everywhere().map(|(order, _)| order.state).collect();
    assert_eq!(states, State::ALL.iter().copied().collect());
    let mut rows: BTreeSet<*const Transition> = BTreeSet::new();
    for (order, has_unit) in everywhere() {
        let on = steps(order, has_unit);
        assert_eq!(on.is_empty(), order.state.is_over(), "{order:?}");
        rows.extend(on.iter().map(|(row, _)| std::ptr::from_ref(*row)));
    }
    let beginning = TABLE.iter().filter(|row| row.from.is_empty()).count();
    assert_eq!(
        rows.len() + beginning,
        TABLE.len(),
        "a row that never leads on"
    );
}

#[test]
fn whoever_must_act_next_can() {
    for (order, _) in everywhere() {
        if let Some(holder) = order.state.holder(order.rung) {
            assert!(
                transitions(order, holder).next().is_some(),
                "{holder:?} at {order:?}"
            );
        }
    }
}

#[test]
fn an_unanswered_order_climbs_to_the_top_and_stays_there() {
    for (addressee, has_unit, ladder) in [
        (
            Rung::HallManager,
            true,
            vec![Rung::UnitHead, Rung::Inspector, Rung::Commission],
        ),
        (
            Rung::HallManager,
            false,
            vec![Rung::Inspector, Rung::Commission],
        ),
        (
            Rung::UnitHead,
            true,
            vec![Rung::Inspector, Rung::Commission],
        ),
    ] {
        let mut rung = addressee;
        let mut climbed = Vec::new();
        while let Some(next) = rung.above(has_unit) {
            let order = Standing {
                state: Issued,
                rung,
                addressee,
            };
            assert!(transition("escalate", order, System).is_some());
            climbed.push(next);
            rung = next;
        }
        assert_eq!(climbed, ladder);
        let top = Standing {
            state: Escalated,
            rung,
            addressee,
        };
        assert!(transition("escalate", top, System).is_none());
    }
}

#[test]
fn nobody_answers_what_was_not_written_to_them_or_has_not_come_to_them() {
    let order = |rung, addressee| Standing {
        state: Issued,
        rung,
        addressee,
    };
    let may = |role, order| transition("answer", order, role).is_some();
    let at_hall = order(Rung::HallManager, Rung::HallManager);
    assert!(may(HallManager, at_hall) && !may(UnitHead, at_hall));
    let gone_up = Standing {
        state: Escalated,
        ..order(Rung::Inspector, Rung::HallManager)
    };
    assert!(may(HallManager, gone_up) && may(UnitHead, gone_up));
    let at_unit = order(Rung::UnitHead, Rung::UnitHead);
    assert!(!may(HallManager, at_unit) && may(UnitHead, at_unit));
    for role in [System, Inspector, Commission, Leader] {
        assert!(!may(role, at_hall), "{role:?}");
    }
}

#[test]
fn only_whoever_has_it_decides_what_went_up() {
    let may = |name, role, state, rung| {
        let order = Standing {
            state,
            rung,
            addressee: Rung::HallManager,
        };
        transition(name, order, role).is_some()
    };
    for name in ["return", "close"] {
        assert!(
            !may(name, Inspector, Escalated, Rung::UnitHead),
            "it is the unit's"
        );
        assert!(may(name, Inspector, Escalated, Rung::Inspector));
        assert!(!may(name, Inspector, Escalated, Rung::Commission));
        assert!(may(name, Commission, Escalated, Rung::Commission));
        assert!(may(name, Inspector, Answered, Rung::HallManager));
        assert!(!may(name, Inspector, Answered, Rung::Commission));
    }
}

#[test]
fn people_say_why_and_the_supervised_never_close() {
    for row in TABLE {
        let supervised = row
            .by
            .iter()
            .any(|role| matches!(role, HallManager | UnitHead));
        assert!(!(supervised && row.to.is_over()), "{}", row.name);
        assert!(
            row.needs != Needs::Nothing || row.name == "receive",
            "{}",
            row.name
        );
    }
}

#[test]
fn words_are_read_back() {
    for &state in State::ALL {
        assert_eq!(State::parse(state.as_str()), Some(state));
    }
    for &rung in Rung::ALL {
        assert_eq!(Rung::parse(rung.as_str()), Some(rung));
        assert_eq!(rung.role().as_str(), rung.as_str());
    }
    for &origin in Origin::ALL {
        assert_eq!(Origin::parse(origin.as_str()), Some(origin));
    }
    assert_eq!(Origin::of(Leader), Some(Origin::Instruction));
    assert_eq!(Origin::of(HallManager), None);
}
