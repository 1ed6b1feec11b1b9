//! The audit log in the database: appended in turn, and every meddling by SQL found and named.

use mingjing_monitor::audit::{Action, Actor, ActorKind, Draft, Fault, Head, Verdict};
use mingjing_monitor::store::audit::{self, Filter};
use mingjing_monitor::store::paging::Page;
use mingjing_monitor::store::testing::TestDatabase;
use mingjing_monitor::store::{Store, StoreError, metrics, roles};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};

use super::{at, county_database};

fn draft(n: i64) -> Draft {
    Draft {
        at: at(n),
        actor: Actor {
            id: Some(n % 3),
            login: Some(format!("li{}", n % 3)),
            name: Some("李敏".into()),
            role: Some("inspector".into()),
            address: Some("10.0.0.1".into()),
            ..Actor::of(ActorKind::Account)
        },
        action: if n % 2 == 0 {
            Action::CardChanged
        } else {
            Action::SessionOpened
        },
        subject: Some(("card", n.to_string())),
        hall: Some(if n % 4 == 0 { "V1" } else { "T2" }.into()),
        before: Some(json!({"state": "issued", "n": n})),
        after: Some(json!({"state": "received"})),
        reason: (n == 7).then(|| "Besuch vor Ort 现场核实".into()),
    }
}

async fn log(n: i64) -> TestDatabase {
    let test = county_database().await;
    let drafts: Vec<Draft> = (1..=n).map(draft).collect();
    audit::record(test.store.pool(), &drafts).await.unwrap();
    test
}

async fn verify(test: &TestDatabase, known: &[Head]) -> Verdict {
    audit::verify(test.store.pool(), known, |_, _| {})
        .await
        .unwrap()
}

async fn fault(test: &TestDatabase) -> Option<Fault> {
    verify(test, &[]).await.fault
}

/// As somebody who owns the tables and knows about the triggers.
async fn meddle(pool: &PgPool, statements: &[&str]) {
    let mut connection = pool.acquire().await.unwrap();
    for statement in [&["SET session_replication_role = replica"], statements].concat() {
        sqlx::query(AssertSqlSafe(statement.to_owned()))
            .execute(&mut *connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn what_is_appended_is_a_whole_chain_with_its_head_beside_it() {
    let test = log(5).await;
    let later = audit::record(test.store.pool(), &[draft(6), draft(7)])
        .await
        .unwrap();
    let verdict = verify(&test, &[later]).await;
    assert_eq!(
        (verdict.entries, verdict.head, verdict.fault),
        (7, later, None)
    );
    // What a transaction that is rolled back tells of did not happen, and leaves no gap.
    let mut transaction = test.store.pool().begin().await.unwrap();
    audit::append(&mut transaction, &[draft(8)]).await.unwrap();
    transaction.rollback().await.unwrap();
    let after = audit::record(test.store.pool(), &[draft(9)]).await.unwrap();
    assert_eq!(after.seq, 8);
    assert_eq!(fault(&test).await, None);
}

#[tokio::test]
async fn many_at_once_append_one_unbroken_chain() {
    let test = log(1).await;
    let appends = (0..40).map(|n| {
        let pool = test.store.pool().clone();
        tokio::spawn(async move {
            for m in 0..5 {
                audit::record(&pool, &[draft(n), draft(m)]).await.unwrap();
            }
        })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap();
    }
    let verdict = verify(&test, &[]).await;
    assert_eq!((verdict.entries, verdict.fault), (401, None));
}

#[tokio::test]
async fn a_row_changed_by_sql_is_found_and_named() {
    let test = log(9).await;
    // From behind: each time the first broken link is the newest.
    for (seq, column, value) in [
        (9, "login", "'somebody'"),
        (8, "at", "at + interval '1 microsecond'"),
        (7, "before", "'{\"n\": 7, \"state\": \"issued\"}'"),
        (6, "reason", "''"),
        (5, "hash", "prev"),
        (4, "actor_id", "NULL"),
    ] {
        let change = format!("UPDATE audit SET {column} = {value} WHERE seq = {seq}");
        meddle(test.store.pool(), &[&change]).await;
        assert_eq!(fault(&test).await, Some(Fault::Changed { seq }), "{column}");
    }
}

#[tokio::test]
async fn rows_deleted_or_reordered_by_sql_are_found_and_named() {
    let test = log(9).await;
    meddle(
        test.store.pool(),
        &["DELETE FROM audit WHERE seq IN (4, 5)"],
    )
    .await;
    assert_eq!(fault(&test).await, Some(Fault::Removed { from: 4, to: 5 }));
    meddle(
        test.store.pool(),
        &["UPDATE audit SET seq = seq - 2 WHERE seq > 5"],
    )
    .await;
    assert_eq!(fault(&test).await, Some(Fault::Unlinked { seq: 4 }));

    let test = log(9).await;
    let swap = [
        "UPDATE audit SET seq = 100 WHERE seq = 3",
        "UPDATE audit SET seq = 3 WHERE seq = 8",
        "UPDATE audit SET seq = 8 WHERE seq = 100",
    ];
    meddle(test.store.pool(), &swap).await;
    let moved = Fault::Moved {
        seq: 3,
        stands_at: 8,
    };
    assert_eq!(fault(&test).await, Some(moved));
}

#[tokio::test]
async fn a_tail_cut_off_is_found_by_the_stored_head_or_by_one_that_was_written_down() {
    let test = log(9).await;
    let head = verify(&test, &[]).await.head;
    meddle(test.store.pool(), &["DELETE FROM audit WHERE seq > 6"]).await;
    assert_eq!(fault(&test).await, Some(Fault::Cut { last: 6, known: 9 }));
    // Whoever also mends the head is found by the head on paper only.
    meddle(
        test.store.pool(),
        &["UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit WHERE seq = 6)"],
    )
    .await;
    assert_eq!(fault(&test).await, None);
    assert_eq!(
        verify(&test, &[head]).await.fault,
        Some(Fault::Cut { last: 6, known: 9 })
    );
    // New entries over the cut ones do not help.
    audit::record(
        test.store.pool(),
        &[draft(7), draft(8), draft(19), draft(10)],
    )
    .await
    .unwrap();
    assert_eq!(fault(&test).await, None);
    assert_eq!(
        verify(&test, &[head]).await.fault,
        Some(Fault::Forged { seq: 9 })
    );
    meddle(test.store.pool(), &["DELETE FROM audit_head"]).await;
    let gone = audit::verify(test.store.pool(), &[], |_, _| {})
        .await
        .unwrap_err();
    assert!(gone.to_string().contains("audit_head"), "{gone}");
}

#[tokio::test]
async fn even_the_owner_is_refused_and_an_entry_must_follow_the_head() {
    let test = log(3).await;
    for statement in [
        "UPDATE audit SET login = 'x'",
        "DELETE FROM audit WHERE seq = 3",
        "TRUNCATE audit",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
        "TRUNCATE card_transition",
    ] {
        let error = sqlx::query(statement)
            .execute(test.store.pool())
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("append-only"),
            "{statement}: {error}"
        );
    }
    let forged = "INSERT INTO audit (seq, at, actor_kind, action, prev, hash)
                  SELECT seq + 1, at, actor_kind, action, prev, hash FROM audit WHERE seq = 3";
    let error = sqlx::query(forged)
        .execute(test.store.pool())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("does not follow"), "{error}");
    assert_eq!(fault(&test).await, None);
}

#[tokio::test]
async fn the_list_is_narrowed_and_paged() {
    let test = log(25).await;
    let seqs = async |filter: Filter, page: Page| {
        let (rows, next) = audit::list(test.store.pool(), &filter, &page)
            .await
            .unwrap();
        (rows.iter().map(|row| row.seq).collect::<Vec<_>>(), next)
    };
    let all = async |filter| seqs(filter, Page::default()).await.0;
    assert_eq!(
        all(Filter::default()).await,
        (1..=25).rev().collect::<Vec<_>>()
    );
    let filter = |set: fn(&mut Filter)| {
        let mut filter = Filter::default();
        set(&mut filter);
        filter
    };
    assert_eq!(all(filter(|f| f.actor = Some("li2".into()))).await.len(), 8);
    assert_eq!(
        all(filter(|f| f.action = Some("session.opened".into())))
            .await
            .len(),
        13
    );
    assert_eq!(
        all(filter(|f| f.action = Some("card".into()))).await.len(),
        12
    );
    assert!(
        all(filter(|f| f.action = Some("car".into())))
            .await
            .is_empty()
    );
    assert_eq!(
        all(filter(|f| f.hall = Some("T1".into()))).await,
        [24, 20, 16, 12, 8, 4]
    );
    assert_eq!(all(filter(|f| f.text = Some("vor ORT".into()))).await, [7]);
    assert_eq!(
        all(filter(
            |f| (f.subject_kind, f.subject) = (Some("card".into()), Some("9".into()))
        ))
        .await,
        [9]
    );
    let span = Filter {
        from: Some(at(5)),
        to: Some(at(8)),
        ..Filter::default()
    };
    assert_eq!(all(span).await, [7, 6, 5]);

    let mut page = Page {
        after: None,
        limit: 10,
    };
    let mut read = Vec::new();
    loop {
        let (rows, next) = seqs(Filter::default(), page.clone()).await;
        read.extend(rows);
        page.after = next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(read, (1..=25).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn the_consoles_role_appends_and_is_refused_everything_else() {
    let test = log(3).await;
    let owner = roles::powers(&mut test.store.pool().acquire().await.unwrap())
        .await
        .unwrap();
    assert!(owner.over_audit().is_some(), "{owner:?}");

    let console = Store::connect_with(&test.console_url().await, 2)
        .await
        .unwrap();
    let powers = roles::powers(&mut console.pool().acquire().await.unwrap())
        .await
        .unwrap();
    assert_eq!(powers.over_audit(), None, "{powers:?}");
    let head = audit::record(console.pool(), &[draft(4)]).await.unwrap();
    let verdict = audit::verify(console.pool(), &[], |_, _| {}).await.unwrap();
    assert_eq!((verdict.head, verdict.fault), (head, None));

    for statement in [
        "UPDATE audit SET login = 'x'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "DROP TABLE audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_append_only ON audit",
        "DROP FUNCTION audit_follow() CASCADE",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "UPDATE audit_head SET seq = 0",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
        "INSERT INTO audit_head SELECT false, seq, hash FROM audit_head",
        "DELETE FROM card_transition",
        "UPDATE _sqlx_migrations SET checksum = ''",
        "SET session_replication_role = replica",
        "CREATE TABLE audit2 (x int)",
    ] {
        let refused = sqlx::query(statement)
            .execute(console.pool())
            .await
            .unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code());
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {refused}");
    }
    // To grant what one may not is but a warning.
    sqlx::query("GRANT UPDATE ON audit TO CURRENT_USER")
        .execute(console.pool())
        .await
        .unwrap();
    assert_eq!(
        roles::powers(&mut console.pool().acquire().await.unwrap())
            .await
            .unwrap(),
        powers
    );

    // A temporary table of the head's name does not come before the head.
    let mut connection = console.pool().acquire().await.unwrap();
    for statement in [
        "CREATE TEMP TABLE audit_head (only_one boolean, seq bigint, hash bytea)",
        "INSERT INTO audit_head SELECT true, 1, hash FROM audit WHERE seq = 1",
    ] {
        sqlx::query(statement)
            .execute(&mut *connection)
            .await
            .unwrap();
    }
    let forged = "INSERT INTO audit (seq, at, actor_kind, action, prev, hash)
                  SELECT 2, at, actor_kind, action, hash, hash FROM audit WHERE seq = 1";
    let refused = sqlx::query(forged)
        .execute(&mut *connection)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("does not follow"), "{refused}");
    drop(connection);
    console.pool().close().await;
}

#[tokio::test]
async fn the_consoles_role_works_in_hypertables_and_does_not_migrate() {
    let test = county_database().await;
    let url = test.console_url().await;
    let console = Store::connect_with(&url, 2).await.unwrap();
    let mut connection = console.pool().acquire().await.unwrap();
    // Into chunks that were not there when it was let in.
    for minutes in [0, 60 * 24 * 40, 60 * 24 * 400] {
        metrics::store(&mut connection, at(minutes), &[("cases.open", None, 1.0)])
            .await
            .unwrap();
    }
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM metric")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(count, 3);
    drop(connection);
    console.pool().close().await;

    meddle(
        test.store.pool(),
        &["DELETE FROM _sqlx_migrations WHERE version = 8"],
    )
    .await;
    let behind = Store::connect_with(&url, 2).await.unwrap_err();
    assert!(
        matches!(behind, StoreError::MayNotMigrate) && !behind.is_passing(),
        "{behind}"
    );
    assert!(behind.to_string().contains("mingjing migrate"), "{behind}");
}

#[tokio::test]
async fn a_role_that_is_not_there_is_named() {
    let test = county_database().await;
    let nobody = Store::migrate(&test.url, Some("no_such_role"))
        .await
        .unwrap_err();
    assert!(nobody.to_string().contains("CREATE ROLE"), "{nobody}");
}
