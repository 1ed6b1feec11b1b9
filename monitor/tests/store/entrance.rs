//! Who may come in: accounts, sessions, tokens.

use chrono::TimeDelta;
use mingjing_monitor::store::accounts::{self, NewAccount};
use mingjing_monitor::store::attempts::{self, Counted, Failures, Key};
use mingjing_monitor::store::second_factors;
use mingjing_monitor::store::sessions::{self, NewSession};
use mingjing_monitor::store::tokens::{self, NewToken};

use crate::{at, county_database};

fn account<'a>(login: &'a str, role: &'a str, hall: &'a str) -> NewAccount<'a> {
    NewAccount {
        login,
        name: "李监察",
        role,
        hall,
        unit: None,
        window: None,
        password_hash: "$argon2id$1",
        must_change: false,
    }
}

#[tokio::test]
async fn accounts_are_created_and_disabled() {
    let test = county_database().await;
    let pool = test.store.pool();
    let mut connection = pool.acquire().await.unwrap();
    let id = accounts::create(&mut connection, &account("li", "inspector", "C"), at(0))
        .await
        .unwrap();
    for (wrong, named) in [
        (account("li", "inspector", "C"), "li"),
        (account("wang", "king", "C"), "king"),
        (account("wang", "leader", "X"), "X"),
    ] {
        let error = accounts::create(&mut connection, &wrong, at(0))
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(named), "{error}");
    }
    assert_eq!(accounts::list(pool).await.unwrap().len(), 1);
    assert!(accounts::by_login(pool, "wang").await.unwrap().is_none());
    let li = accounts::by_login(pool, "li").await.unwrap().unwrap();
    assert_eq!(
        (li.password_set, li.must_change, &li.totp),
        (at(0), false, &None)
    );
    assert_eq!(accounts::by_id(pool, id).await.unwrap().as_ref(), Some(&li));
    assert!(
        !format!("{li:?}").contains("argon2"),
        "a hash does not get into logs"
    );
    assert!(
        !accounts::set_password(&mut connection, "wang", "x", true, at(1))
            .await
            .unwrap()
    );
    assert!(
        !accounts::set_disabled(&mut connection, "wang", true)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_password_is_reset_chosen_and_hashed_anew() {
    let test = county_database().await;
    let pool = test.store.pool();
    let mut connection = pool.acquire().await.unwrap();
    let id = accounts::create(&mut connection, &account("li", "inspector", "C"), at(0))
        .await
        .unwrap();
    let found = async || accounts::by_id(pool, id).await.unwrap().unwrap();
    let facts = |account: &accounts::Account| {
        (
            account.password_hash.clone(),
            account.must_change,
            account.password_set,
        )
    };
    assert!(
        accounts::set_password(&mut connection, "li", "2", true, at(5))
            .await
            .unwrap()
    );
    assert_eq!(facts(&found().await), ("2".to_owned(), true, at(5)));
    accounts::choose_password(&mut connection, id, "3", at(7))
        .await
        .unwrap();
    assert_eq!(facts(&found().await), ("3".to_owned(), false, at(7)));
    accounts::rehash(pool, id, "2", "4").await.unwrap();
    assert_eq!(
        found().await.password_hash,
        "3",
        "a password that was changed meanwhile stays"
    );
    accounts::rehash(pool, id, "3", "4").await.unwrap();
    assert_eq!(facts(&found().await), ("4".to_owned(), false, at(7)));
}

fn session<'a>(hash: &'a [u8], account: i64) -> NewSession<'a> {
    NewSession {
        hash,
        account,
        stage: "open",
        csrf: "csrf",
        address: "10.0.0.7",
        agent: "Browser",
        expires: at(60),
        provider: None,
    }
}

const IDLE: TimeDelta = TimeDelta::minutes(30);

#[tokio::test]
async fn a_session_ends_by_time_disuse_password_or_disabling() {
    let test = county_database().await;
    let pool = test.store.pool();
    let mut connection = pool.acquire().await.unwrap();
    let id = accounts::create(&mut connection, &account("li", "inspector", "C"), at(0))
        .await
        .unwrap();
    let begin = async |hash: &[u8]| {
        let mut connection = pool.acquire().await.unwrap();
        sessions::begin(&mut connection, &session(hash, id), None, at(0))
            .await
            .unwrap()
    };
    let holds = async |hash: &[u8], now| {
        sessions::by_hash(pool, hash, IDLE, at(now))
            .await
            .unwrap()
            .is_some()
    };
    begin(b"one").await;
    assert!(holds(b"one", 29).await && !holds(b"one", 30).await && !holds(b"two", 0).await);
    sessions::touch(pool, b"one", at(25)).await.unwrap();
    sessions::touch(pool, b"one", at(20)).await.unwrap();
    assert!(holds(b"one", 54).await && !holds(b"one", 55).await);
    sessions::touch(pool, b"one", at(50)).await.unwrap();
    assert!(holds(b"one", 59).await && !holds(b"one", 60).await);
    let one = sessions::by_hash(pool, b"one", IDLE, at(59))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            one.account.login.as_str(),
            one.csrf.as_str(),
            one.stage.as_str(),
            one.seen
        ),
        ("li", "csrf", "open", at(50))
    );
    sessions::end(pool, b"one").await.unwrap();
    assert!(!holds(b"one", 51).await);
    begin(b"two").await;
    assert!(
        accounts::set_password(&mut connection, "li", "$argon2id$2", false, at(1))
            .await
            .unwrap()
    );
    assert!(
        !holds(b"two", 1).await,
        "a new password ends what was opened with the old one"
    );
    begin(b"three").await;
    assert!(
        accounts::set_disabled(&mut connection, "li", true)
            .await
            .unwrap()
    );
    assert!(!holds(b"three", 1).await);
    accounts::set_disabled(&mut connection, "li", false)
        .await
        .unwrap();
    assert!(
        !holds(b"three", 1).await,
        "and enabling does not bring it back"
    );
    begin(b"four").await;
    begin(b"five").await;
    sessions::touch(pool, b"five", at(29)).await.unwrap();
    assert_eq!(sessions::drop_ended(pool, IDLE, at(30)).await.unwrap(), 1);
    assert_eq!(
        sessions::drop_ended(pool, TimeDelta::days(1), at(60))
            .await
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn a_session_goes_on_under_a_new_name_and_others_are_ended_by_number() {
    let test = county_database().await;
    let pool = test.store.pool();
    let mut connection = pool.acquire().await.unwrap();
    let mut people = Vec::new();
    for login in ["li", "wang"] {
        let id = accounts::create(&mut connection, &account(login, "inspector", "C"), at(0)).await;
        people.push(id.unwrap());
    }
    let (li, wang) = (people[0], people[1]);
    for (hash, account) in [(b"one", li), (b"two", li), (b"six", wang)] {
        sessions::begin(&mut connection, &session(hash, account), None, at(0))
            .await
            .unwrap();
    }
    sessions::begin(&mut connection, &session(b"new", li), Some(b"one"), at(1))
        .await
        .unwrap();
    let listed = async || sessions::of_account(pool, li, IDLE, at(2)).await.unwrap();
    let hashes = |list: &[sessions::Listed]| -> Vec<Vec<u8>> {
        list.iter().map(|session| session.hash.clone()).collect()
    };
    let list = listed().await;
    assert_eq!(hashes(&list), [b"new", b"two"]);
    assert_eq!(
        (list[0].address.as_str(), list[0].agent.as_str()),
        ("10.0.0.7", "Browser")
    );
    assert!(sessions::enrol(pool, b"new", "sealed").await.unwrap());
    assert!(!sessions::enrol(pool, b"one", "sealed").await.unwrap());
    let new = sessions::by_hash(pool, b"new", IDLE, at(2)).await.unwrap();
    assert_eq!(new.unwrap().enrolling.as_deref(), Some("sealed"));
    let two = list[1].id;
    let end = async |account| {
        let mut connection = pool.acquire().await.unwrap();
        sessions::end_one(&mut connection, account, two)
            .await
            .unwrap()
    };
    assert_eq!(end(wang).await, None, "nobody ends the session of another");
    assert_eq!(end(li).await.as_deref(), Some(&b"two"[..]));
    sessions::begin(&mut connection, &session(b"two", li), None, at(1))
        .await
        .unwrap();
    let ended = sessions::end_others(&mut connection, li, b"new")
        .await
        .unwrap();
    assert_eq!(ended, [b"two"]);
    assert_eq!(hashes(&listed().await), [b"new"]);
}

#[tokio::test]
async fn a_second_factor_is_set_used_once_and_reset() {
    let test = county_database().await;
    let pool = test.store.pool();
    let mut connection = pool.acquire().await.unwrap();
    let id = accounts::create(&mut connection, &account("li", "inspector", "C"), at(0))
        .await
        .unwrap();
    let (a, b) = (b"hash a".to_vec(), b"hash b".to_vec());
    second_factors::set(
        &mut connection,
        id,
        "sealed",
        Some(100),
        &[a.clone(), b.clone()],
    )
    .await
    .unwrap();
    let step = async |step| second_factors::use_step(pool, id, step).await.unwrap();
    assert!(!step(100).await && step(101).await && !step(101).await && !step(99).await);
    let mut tx = pool.begin().await.unwrap();
    let sealed = second_factors::sealed(&mut tx).await.unwrap();
    assert_eq!(sealed, [(id, "sealed".to_owned())]);
    second_factors::reseal(&mut tx, id, "sealed anew")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let li = accounts::by_id(pool, id).await.unwrap().unwrap();
    assert_eq!(li.totp.as_deref(), Some("sealed anew"));
    let code = async |hash: &[u8]| {
        second_factors::use_code(pool, id, hash, at(1))
            .await
            .unwrap()
    };
    assert!(code(&a).await && !code(&a).await && !code(b"none").await);
    assert_eq!(second_factors::codes(pool, id).await.unwrap(), [b]);
    sessions::begin(&mut connection, &session(b"one", id), None, at(0))
        .await
        .unwrap();
    assert!(second_factors::reset(&mut connection, "li").await.unwrap());
    assert!(
        !second_factors::reset(&mut connection, "wang")
            .await
            .unwrap()
    );
    assert!(second_factors::codes(pool, id).await.unwrap().is_empty());
    let li = accounts::by_id(pool, id).await.unwrap().unwrap();
    assert_eq!(li.totp, None);
    assert!(
        sessions::of_account(pool, id, IDLE, at(1))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(step(1).await, "a new second factor begins anew");
}

#[tokio::test]
async fn failures_are_counted_taken_back_and_forgotten() {
    let test = county_database().await;
    let pool = test.store.pool();
    let mut connection = pool.acquire().await.unwrap();
    let key = Key {
        login: b"hash of li".to_vec(),
        address: "10.0.0.7".into(),
    };
    let look = async |now| {
        let mut connection = pool.acquire().await.unwrap();
        let found = attempts::lock(&mut connection, &key, at(now))
            .await
            .unwrap();
        (found.failures, found.last)
    };
    assert_eq!(look(0).await, (0, at(0)));
    attempts::set(&mut connection, &key, 3, at(5))
        .await
        .unwrap();
    assert_eq!(look(9).await, (3, at(5)));
    let asked = [key.login.clone(), b"hash of wang".to_vec()];
    let found = attempts::of_logins(pool, &asked).await.unwrap();
    let counted = [Counted {
        key: key.clone(),
        failures: Failures {
            failures: 3,
            last: at(5),
        },
    }];
    assert_eq!(found, counted);
    attempts::take_back(&mut connection, &key).await.unwrap();
    assert_eq!(look(9).await, (2, at(5)));
    attempts::clear(&mut connection, &key).await.unwrap();
    assert_eq!(look(9).await, (0, at(9)));
    attempts::take_back(&mut connection, &key).await.unwrap();
    assert_eq!(look(9).await, (0, at(9)));
    assert_eq!(
        attempts::unlock(&mut connection, b"hash of li")
            .await
            .unwrap(),
        1
    );

    let id = accounts::create(&mut connection, &account("li", "inspector", "C"), at(0))
        .await
        .unwrap();
    let came_in = async |since| {
        attempts::came_in(pool, Some(id), "10.0.0.7", at(since))
            .await
            .unwrap()
    };
    assert!(!came_in(0).await);
    attempts::note_place(&mut connection, id, "10.0.0.7", at(5))
        .await
        .unwrap();
    attempts::note_place(&mut connection, id, "10.0.0.7", at(8))
        .await
        .unwrap();
    assert!(came_in(8).await && !came_in(9).await);
    assert!(
        !attempts::came_in(pool, None, "10.0.0.7", at(0))
            .await
            .unwrap()
    );
    attempts::set(&mut connection, &key, 1, at(0))
        .await
        .unwrap();
    look(20).await;
    attempts::forget(pool, at(20), at(9)).await.unwrap();
    assert!(!came_in(0).await);
    assert_eq!(look(21).await, (0, at(20)), "what is not older stays");
    attempts::forget(pool, at(21), at(9)).await.unwrap();
    assert_eq!(look(22).await, (0, at(22)));
}

#[tokio::test]
async fn tokens_are_scoped_and_revocable() {
    let test = county_database().await;
    let pool = test.store.pool();
    let mut connection = pool.acquire().await.unwrap();
    let token = |role, hall| NewToken {
        name: "审批",
        hash: b"hash",
        role,
        hall,
        source: Some("//a"),
        initial_load: true,
        expires: Some(at(60)),
    };
    assert!(
        tokens::create(&mut connection, &token("king", "C"), at(0))
            .await
            .unwrap_err()
            .to_string()
            .contains("king")
    );
    let id = tokens::create(&mut connection, &token("source", "T1"), at(0))
        .await
        .unwrap();
    let valid = tokens::valid(pool, "source", at(1)).await.unwrap();
    assert_eq!(
        valid[0].halls,
        ["T1", "V1"],
        "a token speaks for its subtree"
    );
    assert_eq!(
        (valid[0].hash.as_slice(), valid[0].token.initial_load),
        (&b"hash"[..], true)
    );
    assert!(tokens::valid(pool, "edge", at(1)).await.unwrap().is_empty());
    tokens::used(pool, id, at(5)).await.unwrap();
    tokens::used(pool, id, at(3)).await.unwrap();
    assert_eq!(
        tokens::by_hash(pool, b"hash", at(1))
            .await
            .unwrap()
            .unwrap()
            .last_used,
        Some(at(5))
    );
    assert!(tokens::revoke(&mut connection, id, at(6)).await.unwrap());
    assert!(!tokens::revoke(&mut connection, id, at(7)).await.unwrap());
    assert!(
        tokens::by_hash(pool, b"hash", at(1))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        tokens::valid(pool, "source", at(1))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(tokens::list(pool).await.unwrap()[0].revoked, Some(at(6)));
}
