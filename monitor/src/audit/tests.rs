use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn draft(n: i64) -> Draft {
    Draft {
        at: DateTime::UNIX_EPOCH + TimeDelta::seconds(n),
        actor: Actor {
            login: Some(format!("li{n}")),
            address: Some("10.0.0.1".into()),
            ..Actor::of(ActorKind::Account)
        },
        action: Action::CardChanged,
        subject: Some(("card", n.to_string())),
        hall: Some("T1".into()),
        before: Some(json!({"state": "issued", "grade": "red_card"})),
        after: Some(json!({"state": "received"})),
        reason: None,
    }
}

fn log(n: i64) -> Vec<Entry> {
    let mut head = Head::ORIGIN;
    (1..=n)
        .map(|n| {
            let entry = Entry::after(&head, &draft(n));
            head = entry.head();
            entry
        })
        .collect()
}

fn fault(entries: &[Entry], known: &[Head]) -> Option<Fault> {
    verify(entries, known.iter().copied()).fault
}

#[test]
fn a_whole_chain_is_whole_and_its_head_is_its_last_entry() {
    let log = log(20);
    let verdict = verify(&log, [log[4].head(), log[19].head()]);
    assert_eq!(
        verdict,
        Verdict {
            entries: 20,
            head: log[19].head(),
            fault: None
        }
    );
    assert_eq!(verify(&[], [Head::ORIGIN]).fault, None);
}

#[test]
fn the_hash_is_the_documented_one() {
    // Made with nothing but the module's description: printf into sha256sum.
    let entry = Entry::after(&Head::ORIGIN, &draft(1));
    let mut bytes = b"mingjing.audit.1".to_vec();
    bytes.extend([0; 32]);
    let fields = [
        Some("1000000"),
        Some("account"),
        None,
        Some("li1"),
        None,
        None,
        Some("10.0.0.1"),
        Some("card.changed"),
        Some("card"),
        Some("1"),
        Some("T1"),
        Some(r#"{"grade":"red_card","state":"issued"}"#),
        Some(r#"{"state":"received"}"#),
        None,
    ];
    for field in fields {
        match field {
            None => bytes.push(0),
            Some(text) => {
                bytes.push(1);
                bytes.extend((text.len() as u32).to_be_bytes());
                bytes.extend(text.as_bytes());
            }
        }
    }
    assert_eq!(entry.hash, <Hash>::from(Sha256::digest(&bytes)));
}

#[test]
fn any_changed_field_is_found_and_the_entry_named() {
    type Change = fn(&mut Entry);
    let changes: [Change; 9] = [
        |entry| entry.at += TimeDelta::microseconds(1),
        |entry| entry.actor_id = Some(7),
        |entry| entry.login = None,
        |entry| entry.address = Some("10.0.0.2".into()),
        |entry| entry.action = "card.viewed".into(),
        |entry| entry.subject = Some("8".into()),
        |entry| entry.after = Some(r#"{"state":"revoked"}"#.into()),
        |entry| entry.reason = Some(String::new()),
        |entry| entry.hash[0] ^= 1,
    ];
    for change in changes {
        let mut log = log(9);
        change(&mut log[6]);
        assert_eq!(fault(&log, &[]), Some(Fault::Changed { seq: 7 }));
    }
}

#[test]
fn text_cannot_wander_from_one_field_into_the_next() {
    let mut log = log(3);
    log[1].name = Some("x".into());
    log[1].hash = log[1].expected_hash();
    let hash = log[1].hash;
    log[1].name = None;
    log[1].role = Some("x".into());
    assert_ne!(log[1].expected_hash(), hash);
}

#[test]
fn removed_moved_renumbered_and_replaced_entries_are_told_apart() {
    let whole = log(9);
    let mut removed = whole.clone();
    removed.drain(3..5);
    assert_eq!(
        fault(&removed, &[]),
        Some(Fault::Removed { from: 4, to: 5 })
    );

    let mut renumbered = removed.clone();
    for (n, entry) in renumbered.iter_mut().enumerate() {
        entry.seq = n as i64 + 1;
    }
    assert_eq!(fault(&renumbered, &[]), Some(Fault::Unlinked { seq: 4 }));

    for (a, b) in [(2, 3), (2, 7)] {
        let mut swapped = whole.clone();
        swapped.swap(a, b);
        swapped[a].seq = a as i64 + 1;
        swapped[b].seq = b as i64 + 1;
        assert_eq!(
            fault(&swapped, &[]),
            Some(Fault::Moved {
                seq: a as i64 + 1,
                stands_at: b as i64 + 1
            })
        );
    }

    let mut to_the_end = whole.clone();
    let mut moved = to_the_end.remove(4);
    moved.seq = 99;
    to_the_end.push(moved);
    assert_eq!(
        fault(&to_the_end, &[]),
        Some(Fault::Moved {
            seq: 5,
            stands_at: 99
        })
    );

    let mut replaced = whole.clone();
    replaced[3].login = Some("another".into());
    replaced[3].hash = replaced[3].expected_hash();
    assert_eq!(fault(&replaced, &[]), Some(Fault::Unlinked { seq: 5 }));
}

#[test]
fn a_cut_tail_and_a_chain_made_anew_are_found_by_an_older_head() {
    let whole = log(9);
    let head = whole[8].head();
    assert_eq!(fault(&whole[..6], &[]), None);
    assert_eq!(
        fault(&whole[..6], &[head]),
        Some(Fault::Cut { last: 6, known: 9 })
    );
    assert_eq!(fault(&[], &[head]), Some(Fault::Cut { last: 0, known: 9 }));

    let mut forged: Vec<Entry> = Vec::new();
    for entry in &whole {
        let before = forged.last().map_or(Head::ORIGIN, Entry::head);
        let mut entry = entry.clone();
        if entry.seq == 4 {
            entry.login = Some("another".into());
        }
        entry.prev = before.hash;
        entry.hash = entry.expected_hash();
        forged.push(entry);
    }
    assert_eq!(fault(&forged, &[]), None);
    assert_eq!(fault(&forged, &[whole[2].head()]), None);
    assert_eq!(
        fault(&forged, &[whole[2].head(), whole[5].head()]),
        Some(Fault::Forged { seq: 6 })
    );
}

#[test]
fn a_head_survives_paper() {
    let head = log(3)[2].head();
    assert_eq!(head.to_string().parse(), Ok(head));
    for text in ["", "3", "3:ab", "x:00", &format!("3:{}z", "0".repeat(63))] {
        assert!(text.parse::<Head>().is_err(), "{text}");
    }
}

#[test]
fn what_strangers_send_is_bounded_and_numbers_of_people_are_masked() {
    let mut long = draft(1);
    long.actor.login = Some("a\0b".repeat(1_000));
    long.reason = Some("申请人 13812345678 来电核实".into());
    let entry = Entry::after(&Head::ORIGIN, &long);
    assert_eq!(
        entry.login.as_ref().map(|login| login.contains('\0')),
        Some(false)
    );
    assert!(entry.login.is_some_and(|login| login.len() <= MAX_TEXT));
    assert_eq!(entry.reason.as_deref(), Some("申请人 138****5678 来电核实"));
}

#[test]
fn codes_are_unique_and_come_back() {
    for action in Action::ALL {
        assert_eq!(Action::parse(action.code()), Some(*action));
    }
    for kind in ActorKind::ALL {
        assert_eq!(ActorKind::parse(kind.code()), Some(*kind));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever subset and order of a log is shown under the numbers 1…n: only the log itself, or a beginning of it, is whole.
    #[test]
    fn only_a_beginning_of_the_log_is_whole(order in Just((0..12usize).collect::<Vec<_>>()).prop_shuffle(), n in 0..12usize) {
        let whole = log(12);
        let shown: Vec<Entry> = order[..n].iter().enumerate().map(|(place, at)| Entry { seq: place as i64 + 1, ..whole[*at].clone() }).collect();
        let is_beginning = order[..n].iter().enumerate().all(|(place, at)| place == *at);
        prop_assert_eq!(fault(&shown, &[]).is_none(), is_beginning);
        prop_assert_eq!(fault(&shown, &[whole[11].head()]).is_none(), is_beginning && n == 12);
    }
}
