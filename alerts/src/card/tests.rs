use std::collections::BTreeSet;

use super::*;

const GRADES: [Grade; 4] = [
    Grade::Notice,
    Grade::Warning,
    Grade::YellowCard,
    Grade::RedCard,
];
const ROLES: [Role; 6] = [
    System,
    Inspector,
    Commission,
    HallManager,
    UnitHead,
    Role::Leader,
];

fn targets(row: &Transition) -> Vec<State> {
    match row.to {
        To(state) => vec![state],
        Back(states) => states.to_vec(),
    }
}

fn reachable(grade: Grade) -> BTreeSet<State> {
    let rows = || TABLE.iter().filter(|row| row.grades.hold(grade));
    let mut found: BTreeSet<State> = rows()
        .filter(|row| row.from.is_empty())
        .flat_map(targets)
        .collect();
    loop {
        let next: BTreeSet<State> = rows()
            .filter(|row| row.from.iter().any(|state| found.contains(state)))
            .flat_map(targets)
            .collect();
        let before = found.len();
        found.extend(next);
        if found.len() == before {
            return found;
        }
    }
}

#[test]
fn every_state_is_reached_by_cards_and_none_is_a_dead_end() {
    for grade in GRADES {
        let found = reachable(grade);
        if grade.is_card() {
            let all: BTreeSet<State> = State::ALL
                .iter()
                .copied()
                .filter(|&state| state != Cleared)
                .collect();
            assert_eq!(found, all, "{grade:?}");
        }
        for &state in &found {
            let leads_on = ROLES
                .iter()
                .any(|&role| transitions(state, grade, role).next().is_some());
            let final_for_good = matches!(state, Revoked | Cancelled | Dismissed);
            assert_ne!(leads_on, final_for_good, "{grade:?} {state:?}");
        }
    }
}

#[test]
fn whoever_must_act_next_can() {
    for grade in GRADES {
        for state in reachable(grade) {
            let Some(holder) = state.holder(grade) else {
                continue;
            };
            assert!(
                transitions(state, grade, holder).next().is_some(),
                "{holder:?} in {state:?} at {grade:?}"
            );
        }
    }
}

#[test]
fn a_name_means_one_thing_for_a_state_a_grade_and_a_role() {
    for grade in GRADES {
        for &state in State::ALL {
            for role in ROLES {
                let names: Vec<_> = transitions(state, grade, role)
                    .map(|row| row.name)
                    .collect();
                let distinct: BTreeSet<_> = names.iter().collect();
                assert_eq!(
                    names.len(),
                    distinct.len(),
                    "{grade:?} {state:?} {role:?}: {names:?}"
                );
                for name in names {
                    let row =
                        transition(name, Some(state), grade, role).expect("it was just listed");
                    assert!(
                        row.from.contains(&state)
                            && row.by.contains(&role)
                            && row.grades.hold(grade)
                    );
                }
            }
        }
    }
}

#[test]
fn people_say_why_and_the_supervised_never_clear_themselves() {
    for row in TABLE {
        let removes = targets(row).iter().any(|state| state.is_over());
        let by_supervised = row
            .by
            .iter()
            .any(|role| matches!(role, HallManager | UnitHead));
        assert!(!(removes && by_supervised), "{}", row.name);
        let by_people = row.by.iter().any(|&role| role != System);
        let harmless = matches!(row.name, "receive" | "issue" | "confirm");
        assert!(row.needs_why || harmless || !by_people, "{}", row.name);
    }
    for name in ["appeal", "reply", "revoke", "contest"] {
        for role in ROLES {
            assert!(
                transition(name, Some(Issued), Grade::Warning, role).is_none(),
                "a warning has no {name}"
            );
        }
    }
}

#[test]
fn what_a_camera_saw_weighs_once_an_inspector_has_looked() {
    assert!(!Unconfirmed.stands() && !Unconfirmed.weighs());
    for grade in [Grade::YellowCard, Grade::RedCard] {
        let on = |role| -> Vec<&str> {
            transitions(Unconfirmed, grade, role)
                .map(|row| row.name)
                .collect()
        };
        assert_eq!(on(Inspector), ["confirm", "dismiss"]);
        assert_eq!(on(Commission), ["confirm", "dismiss"]);
        assert_eq!(on(System), ["withdraw"], "no time makes it count");
        for role in [HallManager, UnitHead, Role::Leader] {
            assert!(on(role).is_empty(), "{role:?}");
        }
    }
}

#[test]
fn what_waits_to_be_issued_is_issued_or_cancelled_by_whoever_decides() {
    assert!(!Pending.stands() && !Pending.weighs());
    for grade in [Grade::YellowCard, Grade::RedCard] {
        let on = |role| -> Vec<&str> {
            transitions(Pending, grade, role)
                .map(|row| row.name)
                .collect()
        };
        assert_eq!(on(Inspector), ["issue", "cancel"]);
        assert_eq!(on(Commission), ["issue", "cancel"]);
        assert_eq!(on(System), ["withdraw"], "no time sends it out");
        for role in [HallManager, UnitHead, Role::Leader] {
            assert!(on(role).is_empty(), "{role:?}");
        }
    }
}

#[test]
fn what_leads_back_leads_where_the_card_stood() {
    let uphold = transition("uphold", Some(Contested), Grade::RedCard, Inspector)
        .expect("an inspector upholds");
    assert_eq!(uphold.target(Some(Closed)), Closed);
    assert_eq!(uphold.target(Some(Answered)), Answered);
    assert_eq!(uphold.target(None), Issued);
    assert_eq!(
        uphold.target(Some(Provisional)),
        Issued,
        "never to a state outside the row"
    );
}

#[test]
fn words_are_read_back() {
    for &state in State::ALL {
        assert_eq!(State::parse(state.as_str()), Some(state));
        assert_eq!(serde_json::to_value(state).expect("a word"), state.as_str());
    }
    for grade in GRADES {
        assert_eq!(Grade::parse(grade.as_str()), Some(grade));
    }
    assert_eq!(Role::of_account("leader"), Some(Role::Leader));
    assert_eq!(Role::of_account("clerk"), None);
    assert_eq!(
        Role::of_account("system"),
        None,
        "nobody signs in as the system"
    );
    assert_eq!(Role::of_account("hall_manager"), Some(HallManager));
}
