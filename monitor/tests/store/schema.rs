//! Connecting: migrations, editions, errors that say what to do.

use mingjing_monitor::store::testing::TestDatabase;
use mingjing_monitor::store::{Store, StoreError};

#[tokio::test]
async fn connecting_again_changes_nothing_and_tells_the_edition() {
    let test = TestDatabase::new().await;
    let again = Store::connect(&test.url).await.unwrap();
    assert_eq!(again.edition(), test.store.edition());
    assert!(again.edition().as_str().starts_with("TimescaleDB"));
    let hypertables: Vec<String> = sqlx::query_scalar(
        "SELECT hypertable_name::text FROM timescaledb_information.hypertables ORDER BY 1",
    )
    .fetch_all(again.pool())
    .await
    .unwrap();
    assert_eq!(
        hypertables,
        [
            "camera_health",
            "case_event",
            "delivery_attempt",
            "metric",
            "source_health"
        ]
    );
}

#[tokio::test]
async fn several_processes_may_bring_a_new_database_up_to_date_at_once() {
    let test = TestDatabase::new().await;
    sqlx::query(sqlx::AssertSqlSafe(
        "CREATE DATABASE \"".to_owned() + &name(&test) + "\"",
    ))
    .execute(test.store.pool())
    .await
    .unwrap();
    let url = test.url.rsplit_once('/').unwrap().0.to_owned() + "/" + &name(&test);
    let (one, other) = tokio::join!(Store::connect_with(&url, 2), Store::connect_with(&url, 2));
    for store in [one.unwrap(), other.unwrap()] {
        store.pool().close().await;
    }
    sqlx::query(sqlx::AssertSqlSafe(
        "DROP DATABASE \"".to_owned() + &name(&test) + "\" WITH (FORCE)",
    ))
    .execute(test.store.pool())
    .await
    .unwrap();
}

fn name(test: &TestDatabase) -> String {
    format!("{}_new", test.url.rsplit_once('/').unwrap().1)
}

#[tokio::test]
async fn a_wrong_address_or_a_server_that_is_away_is_named() {
    let wrong = Store::connect("mysql://somewhere").await.unwrap_err();
    assert!(
        matches!(wrong, StoreError::Address(_)) && !wrong.is_passing(),
        "{wrong}"
    );
    let away = Store::connect("postgres://nobody:secret@127.0.0.1:1/none")
        .await
        .unwrap_err();
    assert!(
        matches!(away, StoreError::Unreachable(_)) && away.is_passing(),
        "{away}"
    );
    assert!(!away.to_string().contains("secret"));
}
