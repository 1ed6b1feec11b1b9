//! Accounts and tokens as administrators see them, and the administrator who stays.

use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::accounts::{self, NewAccount};
use mingjing_monitor::store::administration::{self, Find, Grant, Listed};
use mingjing_monitor::store::sessions::{self, NewSession};
use mingjing_monitor::store::{sources, tokens};
use sqlx::PgPool;

use crate::{at, county_database};

async fn add(pool: &PgPool, login: &str, role: &str, hall: &str) -> i64 {
    let account = NewAccount {
        login,
        name: login,
        role,
        hall,
        unit: None,
        window: None,
        password_hash: "$argon2id$1",
        must_change: false,
    };
    let mut connection = pool.acquire().await.unwrap();
    accounts::create(&mut connection, &account, at(0))
        .await
        .unwrap()
}

async fn list(pool: &PgPool, scope: &str, find: Find<'_>) -> Vec<String> {
    let rows = administration::accounts(pool, scope, find, None, 100, at(0))
        .await
        .unwrap();
    rows.into_iter().map(|row| row.login).collect()
}

async fn disable(pool: &PgPool, id: i64) -> Result<(), StoreError> {
    let mut tx = pool.begin().await?;
    administration::set_disabled(&mut tx, id, true).await?;
    tx.commit().await?;
    Ok(())
}

async fn grant(pool: &PgPool, id: i64, role: &str, hall: &str) -> Result<(), StoreError> {
    let mut tx = pool.begin().await?;
    let grant = Grant {
        role,
        hall,
        unit: None,
        window: None,
    };
    administration::grant(&mut tx, id, grant).await?;
    tx.commit().await?;
    Ok(())
}

#[tokio::test]
async fn accounts_are_listed_by_subtree_and_page() {
    let test = county_database().await;
    let pool = test.store.pool();
    add(pool, "county", "inspector", "C").await;
    let town = add(pool, "town", "hall_manager", "T1").await;
    add(pool, "village", "unassigned", "V1").await;
    assert_eq!(
        list(pool, "C", Find::default()).await,
        ["village", "town", "county"]
    );
    assert_eq!(list(pool, "T1", Find::default()).await, ["village", "town"]);
    let find = |text, role, disabled| Find {
        text,
        role,
        disabled,
    };
    assert_eq!(
        list(pool, "C", find(Some("TOW"), None, None)).await,
        ["town"]
    );
    assert_eq!(
        list(pool, "C", find(None, Some("inspector"), None)).await,
        ["county"]
    );
    disable(pool, town).await.unwrap();
    assert_eq!(
        list(pool, "C", find(None, None, Some(true))).await,
        ["town"]
    );
    let second = administration::accounts(pool, "C", Find::default(), Some(town), 1, at(0))
        .await
        .unwrap();
    assert_eq!(second[0].login, "county");

    let mut connection = pool.acquire().await.unwrap();
    let seen = |row: Option<Listed>| row.map(|row| (row.disabled, row.role));
    let row = administration::account(&mut connection, "T1", town, at(0)).await;
    assert_eq!(seen(row.unwrap()), Some((true, "hall_manager".into())));
    let row = administration::account(&mut connection, "V1", town, at(0)).await;
    assert_eq!(seen(row.unwrap()), None, "from below it is not there");
}

#[tokio::test]
async fn the_last_administrator_of_a_kind_stays() {
    let test = county_database().await;
    let pool = test.store.pool();
    for role in ["sysadmin", "secadmin", "auditor"] {
        let first = add(pool, &format!("{role}-1"), role, "C").await;
        let last = |done: Result<(), StoreError>| match done {
            Err(StoreError::LastAdministrator(why)) => assert!(why.contains(role), "{why}"),
            other => panic!("{role}: {other:?}"),
        };
        // One over a part of the county does not stand in for the one over all of it.
        let part = add(pool, &format!("{role}-2"), role, "T1").await;
        last(disable(pool, first).await);
        last(grant(pool, first, "leader", "C").await);
        last(grant(pool, first, role, "T1").await);
        let removed = sqlx::query("DELETE FROM account WHERE id = $1").bind(first);
        assert!(removed.execute(pool).await.is_err());
        disable(pool, part).await.unwrap();
        let second = add(pool, &format!("{role}-3"), role, "C").await;
        disable(pool, first).await.unwrap();
        last(disable(pool, second).await);
    }
}

#[tokio::test]
async fn of_two_who_disable_one_another_at_once_one_fails() {
    let test = county_database().await;
    let pool = test.store.pool();
    let (a, b) = (
        add(pool, "a", "secadmin", "C").await,
        add(pool, "b", "secadmin", "C").await,
    );
    let mut first = pool.begin().await.unwrap();
    administration::set_disabled(&mut first, a, true)
        .await
        .unwrap();
    let other = pool.clone();
    let second = tokio::spawn(async move { disable(&other, b).await });
    // The second has to be seen waiting for the first, or nothing would be shown.
    let waiting = async {
        loop {
            let blocked: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            )
            .fetch_one(pool)
            .await
            .unwrap();
            if blocked > 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), waiting)
        .await
        .expect("the second waits for the first");
    first.commit().await.unwrap();
    assert!(matches!(
        second.await.unwrap(),
        Err(StoreError::LastAdministrator(_))
    ));
    let find = Find {
        disabled: Some(false),
        ..Find::default()
    };
    assert_eq!(list(pool, "C", find).await, ["b"]);
}

#[tokio::test]
async fn ending_the_sessions_of_an_account_names_them() {
    let test = county_database().await;
    let pool = test.store.pool();
    let id = add(pool, "li", "leader", "C").await;
    let new = NewSession {
        hash: b"one",
        account: id,
        stage: "open",
        csrf: "csrf",
        address: "10.0.0.7",
        agent: "Browser",
        expires: at(60),
        provider: None,
    };
    let mut connection = pool.acquire().await.unwrap();
    sessions::begin(&mut connection, &new, None, at(0))
        .await
        .unwrap();
    let row = administration::account(&mut connection, "C", id, at(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((row.sessions, row.last_seen), (1, Some(at(0))));
    let held = administration::sessions(&mut connection, id, at(1)).await;
    let held = held.unwrap();
    assert_eq!((held[0].created, held[0].expires), (at(0), at(60)));
    let over = administration::sessions(&mut connection, id, at(60)).await;
    assert!(over.unwrap().is_empty());
    let ended = administration::end_sessions(&mut connection, id)
        .await
        .unwrap();
    assert_eq!(ended, [b"one".to_vec()]);
    assert!(matches!(
        grant(pool, id, "leader", "nowhere").await,
        Err(StoreError::Import(_))
    ));
}

#[tokio::test]
async fn tokens_run_out_and_are_granted() {
    let test = county_database().await;
    let pool = test.store.pool();
    let mut connection = pool.acquire().await.unwrap();
    let new = tokens::NewToken {
        name: "审批",
        hash: b"hash",
        role: "unassigned",
        hall: "T1",
        source: None,
        initial_load: false,
        expires: Some(at(10)),
    };
    let id = tokens::create(&mut connection, &new, at(0)).await.unwrap();
    assert_eq!(
        tokens::next_expiry(pool, at(0)).await.unwrap(),
        Some(at(10))
    );
    assert_eq!(tokens::next_expiry(pool, at(10)).await.unwrap(), None);
    let grant = tokens::Grant {
        role: "source",
        hall: "V1",
        source: Some("//a"),
        initial_load: true,
    };
    tokens::grant(&mut connection, id, grant).await.unwrap();
    let token = tokens::by_id(pool, id, at(9)).await.unwrap().unwrap();
    assert_eq!(
        (token.role.as_str(), token.hall.as_str(), token.initial_load),
        ("source", "V1", true)
    );
    assert_eq!(tokens::valid(pool, "source", at(9)).await.unwrap().len(), 1);
    assert!(
        tokens::valid(pool, "source", at(10))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(tokens::by_id(pool, id, at(10)).await.unwrap().is_none());
    assert!(
        tokens::by_hash(pool, b"hash", at(10))
            .await
            .unwrap()
            .is_none()
    );

    let listed = async |scope, valid, now| {
        let rows = tokens::of_halls(pool, scope, valid, None, 10, now).await;
        rows.unwrap().len()
    };
    assert_eq!(listed("T1", None, at(0)).await, 1);
    assert_eq!(listed("T1", Some(true), at(9)).await, 1);
    assert_eq!(listed("T1", Some(true), at(10)).await, 0);
    assert_eq!(listed("T1", Some(false), at(10)).await, 1);
    assert!(
        tokens::one(&mut connection, "T1", id)
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        tokens::one(&mut connection, "T2", id)
            .await
            .unwrap()
            .is_none()
    );
    tokens::used_by_hash(pool, b"hash", at(7)).await.unwrap();
    let used = tokens::by_id(pool, id, at(9)).await.unwrap().unwrap();
    assert_eq!(used.last_used, Some(at(7)));

    assert_eq!(sources::speaking_of(pool, "T1").await.unwrap(), ["//a"]);
    assert!(sources::speaking_of(pool, "T2").await.unwrap().is_empty());
    assert_eq!(
        sources::halls(pool).await.unwrap(),
        [("//a".to_owned(), "V1".to_owned())]
    );
}
