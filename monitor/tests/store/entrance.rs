//! Who may come in: accounts, sessions, tokens.

use mingjing_monitor::store::accounts::{self, NewAccount};
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
    }
}

#[tokio::test]
async fn accounts_are_created_locked_disabled() {
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
    for expected in 1..=3 {
        assert_eq!(
            accounts::failed(pool, id, 3, at(15)).await.unwrap(),
            expected
        );
        let locked = accounts::by_login(pool, "li")
            .await
            .unwrap()
            .unwrap()
            .locked_until;
        assert_eq!(locked, (expected == 3).then(|| at(15)));
    }
    accounts::succeeded(pool, id).await.unwrap();
    let li = accounts::by_login(pool, "li").await.unwrap().unwrap();
    assert_eq!((li.failures, li.locked_until), (0, None));
    assert!(
        !format!("{li:?}").contains("argon2"),
        "a hash does not get into logs"
    );
    assert!(
        !accounts::set_password(&mut connection, "wang", "x")
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
async fn a_session_ends_by_time_password_or_disabling() {
    let test = county_database().await;
    let pool = test.store.pool();
    let mut connection = pool.acquire().await.unwrap();
    let id = accounts::create(&mut connection, &account("li", "inspector", "C"), at(0))
        .await
        .unwrap();
    let begin = async |hash: &[u8]| {
        accounts::begin_session(pool, hash, id, "csrf", at(0), at(60))
            .await
            .unwrap()
    };
    let holds = async |hash: &[u8], now| {
        accounts::session(pool, hash, at(now))
            .await
            .unwrap()
            .is_some()
    };
    begin(b"one").await;
    assert!(holds(b"one", 59).await && !holds(b"one", 60).await && !holds(b"two", 0).await);
    accounts::touch_session(pool, b"one", at(59), at(120))
        .await
        .unwrap();
    let session = accounts::session(pool, b"one", at(100))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            session.account.login.as_str(),
            session.csrf.as_str(),
            session.seen
        ),
        ("li", "csrf", at(59))
    );
    accounts::end_session(pool, b"one").await.unwrap();
    assert!(!holds(b"one", 100).await);
    begin(b"two").await;
    assert!(
        accounts::set_password(&mut connection, "li", "$argon2id$2")
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
    assert_eq!(
        accounts::drop_expired_sessions(pool, at(60)).await.unwrap(),
        1
    );
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
