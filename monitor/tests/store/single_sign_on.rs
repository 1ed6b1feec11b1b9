use mingjing_monitor::store::accounts;
use mingjing_monitor::store::administration::{self, Grant};
use mingjing_monitor::store::sessions::{self, NewSession, Provider};
use mingjing_monitor::store::single_sign_on::{self, NewAccount, Taken};
use sqlx::PgPool;

use super::{at, county_database};

const ISSUER: &str = "https://id.example";

fn leader() -> Grant<'static> {
    Grant {
        role: "leader",
        hall: "C",
        unit: None,
        window: None,
    }
}

async fn add(pool: &PgPool, login: &str, subject: &str) -> i64 {
    let new = NewAccount {
        login,
        name: login,
        issuer: ISSUER,
        subject,
        grant: leader(),
    };
    let mut connection = pool.acquire().await.unwrap();
    single_sign_on::create(&mut connection, &new, at(0))
        .await
        .unwrap()
}

async fn begin(
    pool: &PgPool,
    hash: &[u8],
    account: i64,
    old: Option<&[u8]>,
    provider: Option<Provider<'_>>,
) {
    let session = NewSession {
        hash,
        account,
        stage: "open",
        csrf: "csrf",
        address: "10.0.0.7",
        agent: "Browser",
        expires: at(60),
        provider,
    };
    let mut connection = pool.acquire().await.unwrap();
    sessions::begin(&mut connection, &session, old, at(0))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_state_is_good_once_and_not_for_long() {
    let test = county_database().await;
    let pool = test.store.pool();
    let begin = async |state: &[u8], expires, forgotten, most| {
        single_sign_on::begin_flow(pool, (state, "/cards"), (at(expires), at(forgotten)), most)
            .await
            .unwrap()
    };
    let take = async |state: &[u8], now| {
        single_sign_on::take_flow(pool, state, at(now))
            .await
            .unwrap()
    };
    assert!(begin(b"one", 10, -60, 2).await);
    assert!(begin(b"two", 10, -60, 2).await);
    assert!(!begin(b"three", 10, -60, 2).await, "no more than two");
    assert_eq!(take(b"one", 9).await, Taken::Fresh("/cards".into()));
    assert_eq!(take(b"one", 9).await, Taken::Used);
    assert_eq!(take(b"two", 10).await, Taken::Expired);
    assert_eq!(take(b"three", 9).await, Taken::Unknown);
    assert!(
        begin(b"three", 90, 11, 2).await,
        "the old ones are forgotten"
    );
    assert_eq!(take(b"one", 9).await, Taken::Unknown);
}

#[tokio::test]
async fn an_account_of_a_provider_is_its_subject_and_has_no_password_and_no_office() {
    let test = county_database().await;
    let pool = test.store.pool();
    let id = add(pool, "li@sso", "17").await;
    let mut tx = pool.begin().await.unwrap();
    single_sign_on::in_turn(&mut tx).await.unwrap();
    let found = single_sign_on::account(&mut tx, ISSUER, "17")
        .await
        .unwrap();
    let found = found.unwrap();
    assert_eq!((found.id, found.issuer.as_deref()), (id, Some(ISSUER)));
    for (issuer, subject) in [("https://other.example", "17"), (ISSUER, "18")] {
        let nobody = single_sign_on::account(&mut tx, issuer, subject).await;
        assert!(nobody.unwrap().is_none());
    }
    single_sign_on::rename(&mut tx, id, "李敏").await.unwrap();
    tx.commit().await.unwrap();
    let account = accounts::by_login(pool, "li@sso").await.unwrap().unwrap();
    assert_eq!(
        (account.name.as_str(), account.password_hash.as_str()),
        ("李敏", "")
    );

    let mut connection = pool.acquire().await.unwrap();
    let set = accounts::set_password(&mut connection, "li@sso", "hash", true, at(1)).await;
    assert!(set.unwrap_err().to_string().contains("single sign-on"));
    accounts::choose_password(&mut connection, id, "hash", at(1))
        .await
        .unwrap_err();
    for role in ["sysadmin", "secadmin", "auditor"] {
        let grant = Grant { role, ..leader() };
        administration::grant(&mut connection, id, grant)
            .await
            .unwrap_err();
    }
    let twice = NewAccount {
        login: "li-2@sso",
        name: "li",
        issuer: ISSUER,
        subject: "17",
        grant: leader(),
    };
    single_sign_on::create(&mut connection, &twice, at(1))
        .await
        .unwrap_err();
    let row = administration::account(&mut connection, "C", id, at(1)).await;
    assert_eq!(row.unwrap().unwrap().issuer.as_deref(), Some(ISSUER));
}

#[tokio::test]
async fn a_session_remembers_its_provider_through_new_names_of_the_same_account() {
    let test = county_database().await;
    let pool = test.store.pool();
    let (li, wang) = (
        add(pool, "li@sso", "1").await,
        add(pool, "wang@sso", "2").await,
    );
    let told = Provider {
        sid: Some("s1"),
        id_token: "t1",
    };
    begin(pool, b"a", li, None, Some(told)).await;
    begin(pool, b"b", li, Some(b"a"), None).await;
    assert_eq!(
        sessions::end(pool, b"b").await.unwrap().as_deref(),
        Some("t1")
    );
    assert_eq!(sessions::end(pool, b"b").await.unwrap(), None);
    begin(pool, b"a", li, None, Some(told)).await;
    begin(pool, b"b", wang, Some(b"a"), None).await;
    assert_eq!(
        sessions::end(pool, b"b").await.unwrap(),
        None,
        "another account"
    );
    // What was said last counts, also that there is no name.
    begin(pool, b"a", li, None, Some(told)).await;
    let anew = Provider {
        sid: None,
        id_token: "t2",
    };
    begin(pool, b"b", li, Some(b"a"), Some(anew)).await;
    let mut tx = pool.begin().await.unwrap();
    let ended = single_sign_on::end_sessions(&mut tx, ISSUER, (None, Some("s1"))).await;
    assert_eq!(ended.unwrap(), []);
}

#[tokio::test]
async fn a_provider_ends_its_own_sessions_only() {
    let test = county_database().await;
    let pool = test.store.pool();
    let (li, wang) = (
        add(pool, "li@sso", "1").await,
        add(pool, "wang@sso", "2").await,
    );
    let told = |sid| Some(Provider { sid, id_token: "t" });
    let whole = async || {
        begin(pool, b"li-1", li, None, told(Some("s1"))).await;
        begin(pool, b"li-2", li, None, told(Some("s2"))).await;
        begin(pool, b"li-3", li, None, told(None)).await;
        begin(pool, b"wang", wang, None, told(Some("s3"))).await;
    };
    for (issuer, subject, sid, ends) in [
        ("https://other.example", Some("1"), None, vec![]),
        (ISSUER, None, None, vec![]),
        (ISSUER, None, Some("s1"), vec!["li-1"]),
        (ISSUER, Some("1"), Some("s1"), vec!["li-1", "li-3"]),
        (ISSUER, Some("2"), Some("s1"), vec![]),
        (ISSUER, Some("1"), None, vec!["li-1", "li-2", "li-3"]),
    ] {
        whole().await;
        let mut tx = pool.begin().await.unwrap();
        let ended = single_sign_on::end_sessions(&mut tx, issuer, (subject, sid)).await;
        let mut names: Vec<String> = ended
            .unwrap()
            .into_iter()
            .map(|ended| String::from_utf8(ended.hash).unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ends, "{issuer} {subject:?} {sid:?}");
        tx.commit().await.unwrap();
        sqlx::query("DELETE FROM session")
            .execute(pool)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_logout_token_is_taken_once_for_as_long_as_it_would_be() {
    let test = county_database().await;
    let mut connection = test.store.pool().acquire().await.unwrap();
    let mut take = async |now| {
        single_sign_on::take_logout(&mut connection, b"jti", at(12), at(now))
            .await
            .unwrap()
    };
    assert!(take(0).await);
    assert!(!take(11).await);
    assert!(
        take(13).await,
        "forgotten, as nobody would take it any more"
    );
}
