//! Numbers of a profile changed one by one in its text, as the form does it.

use mingjing_alerts::check::faults;
use mingjing_alerts::profile::{
    Edit, EditError, Kind, Place, Profile, ProfileError, STANDARD, catalogue, edit,
};
use serde_json::{Value as Json, json};

fn set(scope: Option<usize>, part: &str, key: &str, value: Json) -> Edit {
    Edit::Set {
        scope,
        part: part.to_owned(),
        key: key.to_owned(),
        value,
    }
}

fn villages() -> Edit {
    let place = Place {
        level: Some("village".to_owned()),
        ..Place::default()
    };
    Edit::Add { place }
}

/// The lines that are not in both texts: `-` went, `+` came.
fn difference(before: &str, after: &str) -> Vec<String> {
    let only = |sign: char, one: &str, other: &str| -> Vec<String> {
        let other: Vec<&str> = other.lines().collect();
        let lines = one.lines().filter(|line| !other.contains(line));
        lines.map(|line| format!("{sign}{line}")).collect()
    };
    [only('-', before, after), only('+', after, before)].concat()
}

#[test]
fn a_number_is_changed_in_its_place_and_nothing_else_moves() {
    for (part, key, value, line) in [
        (
            "R1",
            "share",
            json!(0.25),
            "share = 0.25                # of the limit",
        ),
        ("R1", "workdays", json!(3), "workdays = 3.0"),
        (
            "R12",
            "yellow",
            json!(10),
            "yellow = 10                 # to a correction order with a yellow card",
        ),
        (
            "R2",
            "yellow.share",
            json!(0.9),
            "yellow = { of = \"promise\", share = 0.9 }    # a yellow card when this share of that limit is used up",
        ),
        (
            "R2",
            "red.of",
            json!("promise"),
            "red = { of = \"promise\", share = 1.0 }",
        ),
        (
            "R15",
            "online_channels",
            json!(["web"]),
            "online_channels = [\"web\"]",
        ),
        ("score", "weights.fees", json!(9), "fees = 9"),
        (
            "score",
            "ratings",
            json!([100, 90, 60, 30, 0]),
            "ratings = [100, 90, 60, 30, 0]  # what a rating is worth, very satisfied to very dissatisfied",
        ),
    ] {
        let after = edit(STANDARD, &set(None, part, key, value)).expect(key);
        let mut found = difference(STANDARD, &after);
        assert_eq!(found.len(), 2, "{key}: {found:?}");
        assert_eq!(found.pop().expect("two"), format!("+{line}"));
    }
}

#[test]
fn what_a_text_leaves_out_is_added_where_it_belongs() {
    let ours = "name = \"ours\"   # a name\n\n[R1]\non = true\n\n[R9]   # windows\non = true\n\n[[scope]]\nlevel = \"town\"\n";
    let after = edit(ours, &set(None, "R5", "grade", json!("red_card"))).expect("it takes it");
    assert_eq!(
        after,
        "name = \"ours\"   # a name\n\n[R1]\non = true\n\n[R5]\ngrade = \"red_card\"\n\n[R9]   # windows\non = true\n\n[[scope]]\nlevel = \"town\"\n"
    );
    let bare = edit("", &set(None, "R2", "red.share", json!(0.5))).expect("it takes it");
    assert_eq!(bare, "[R2]\nred = { of = \"legal\", share = 0.5 }\n");
    let score = edit(ours, &set(None, "score", "weights.fees", json!(8))).expect("it takes it");
    assert!(faults(&score).is_empty(), "{score}");
    let first = edit(
        "name = \"a\"\n[R1]\non = true\n",
        &set(None, "clock", "mode", json!("second")),
    );
    assert_eq!(
        first.expect("it takes it"),
        "name = \"a\"\n\n[clock]\nmode = \"second\"\n[R1]\non = true\n"
    );
}

#[test]
fn an_override_comes_takes_numbers_and_goes_again() {
    let with = edit(STANDARD, &villages()).expect("a place");
    assert_eq!(
        with,
        format!("{STANDARD}\n[[scope]]\nlevel = \"village\"\n")
    );
    assert!(
        matches!(edit(&with, &villages()), Err(EditError::Place(_))),
        "twice"
    );
    let near = edit(&with, &set(Some(0), "R1", "workdays", json!(1))).expect("a number");
    let both = edit(&near, &set(Some(0), "R1", "share", json!(0.5))).expect("another");
    let yellow = edit(&both, &set(Some(0), "R2", "yellow.share", json!(0.5))).expect("and one");
    assert!(
        yellow.ends_with(
            "level = \"village\"\nR1 = { workdays = 1, share = 0.5 }\nR2 = { yellow = { of = \"promise\", share = 0.5 } }\n"
        ),
        "{yellow}"
    );
    assert!(faults(&yellow).is_empty(), "{yellow}");
    let unset = |key: &str, part: &str| Edit::Unset {
        scope: 0,
        part: part.to_owned(),
        key: key.to_owned(),
    };
    let less = edit(&yellow, &unset("yellow.share", "R2")).expect("it is there");
    assert_eq!(less, both);
    let less = edit(&less, &unset("workdays", "R1")).expect("it is there");
    assert!(less.ends_with("R1 = { share = 0.5 }\n"), "{less}");
    assert_eq!(edit(&less, &unset("share", "R1")).expect("the last"), with);
    assert_eq!(
        edit(&less, &Edit::Remove { scope: 0 }).expect("it is there"),
        STANDARD
    );
    assert_eq!(
        edit(&with, &Edit::Remove { scope: 1 }),
        Err(EditError::NoScope(1))
    );
}

#[test]
fn an_override_comes_after_the_tables_of_those_before_it() {
    let text =
        "[[scope]]\nlevel = \"town\"\n\n[scope.R1]   # towns\nshare = 0.2\n\n[R3]\non = false\n";
    let with = edit(text, &villages()).expect("a place");
    assert_eq!(with, format!("{text}\n[[scope]]\nlevel = \"village\"\n"));
    let town = edit(&with, &set(Some(0), "R1", "workdays", json!(4))).expect("a number");
    assert!(town.contains("share = 0.2\nworkdays = 4\n"), "{town}");
    let gone = edit(&with, &Edit::Remove { scope: 0 }).expect("it is there");
    assert!(
        faults(&gone).is_empty() && gone.contains("village") && !gone.contains("town"),
        "{gone}"
    );
    let row = "scope = [{ level = \"town\", R1 = { share = 0.2 } }]\n";
    let row = edit(row, &set(Some(0), "R1", "share", json!(0.4))).expect("inline too");
    assert_eq!(
        row,
        "scope = [{ level = \"town\", R1 = { share = 0.4 } }]\n"
    );
}

/// Every number is described as its type takes it: the bounds hold in a text, and what lies outside is refused by both.
#[test]
fn what_is_described_is_what_a_profile_takes() {
    for number in catalogue() {
        let (part, key) = (number.part, number.key.as_str());
        let (inside, outside) = match number.kind {
            Kind::Switch => (vec![json!(true), json!(false)], vec![json!("on"), json!(1)]),
            Kind::Number {
                least,
                most,
                digits,
                ..
            } => {
                let step = 10f64.powi(-i32::from(digits));
                (
                    vec![json!(least), json!(most), json!(least + step)],
                    vec![
                        json!(least - step),
                        json!(most + step),
                        json!(step / 10.0),
                        json!("1"),
                    ],
                )
            }
            Kind::Share => (
                vec![json!(1), json!(0.001)],
                vec![json!(0), json!(1.01), json!(-0.1)],
            ),
            Kind::Word { of } => (
                of.iter().map(|word| json!(word)).collect(),
                vec![json!("orange"), json!(true)],
            ),
            Kind::Words => (
                vec![json!([]), json!(["a", "b"])],
                vec![json!([1]), json!("a"), json!([""])],
            ),
            Kind::Falling { count, most } => (
                vec![json!(vec![most; count])],
                vec![
                    json!([1]),
                    json!(vec![i64::from(most) + 1; count]),
                    json!(vec![-1; count]),
                ],
            ),
        };
        // What numbers must come to together is another matter than what each may be.
        let taken = |text: &str| match Profile::parse(text, 1) {
            Ok(_) | Err(ProfileError::Formula(_)) => true,
            Err(_) => false,
        };
        for value in inside {
            let text = edit(STANDARD, &set(None, part, key, value.clone()));
            let text = text.unwrap_or_else(|error| panic!("{part}.{key} {value}: {error}"));
            assert!(taken(&text), "{part}.{key} = {value}");
        }
        for value in outside {
            let error = edit(STANDARD, &set(None, part, key, value.clone()));
            let error = error.expect_err(&format!("{part}.{key} = {value}"));
            assert!(
                error.to_string().starts_with(&format!("{part}.{key}: ")),
                "{error}"
            );
        }
    }
}

#[test]
fn what_is_none_is_refused() {
    let refused = |change: &Edit| edit(STANDARD, change).expect_err("it is none");
    assert_eq!(
        refused(&set(None, "R99", "on", json!(true))),
        EditError::Unknown("R99.on".to_owned())
    );
    assert_eq!(
        refused(&set(Some(0), "R1", "on", json!(true))),
        EditError::NoScope(0)
    );
    assert!(matches!(
        refused(&Edit::Add {
            place: Place::default()
        }),
        EditError::Place(_)
    ));
    assert_eq!(edit("[R1\n", &villages()), Err(EditError::Text));
    assert_eq!(
        edit("R1 = 3\n", &set(None, "R1", "on", json!(true))),
        Err(EditError::Text)
    );
    let with = edit(STANDARD, &villages()).expect("a place");
    let weight = set(Some(0), "score", "red", json!(1));
    assert_eq!(
        edit(&with, &weight),
        Err(EditError::Unknown("score.red".to_owned()))
    );
}
