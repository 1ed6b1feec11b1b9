//! The way in, in this process on a database of its own: steps, second factor, lockout, sessions, one's own account.

use crate::common::{COUNTY, Console, PASSWORD, Person, TOWN_1, secret};
use axum::http::{Method, StatusCode};
use chrono::{TimeDelta, Utc};
use mingjing_dashboard::auth;
use mingjing_dashboard::auth::totp::SharedSecret;
use mingjing_monitor::store::accounts::{self, NewAccount};
use serde_json::{Value, json};

const OTHER: &str = "a lantern over the east gate";

/// What a step must not reach.
async fn reaches_nothing_else(console: &Console, person: &Person) {
    for path in [
        "/api/v1/cases",
        "/api/v1/overview",
        "/api/v1/account",
        "/api/v1/account/sessions",
    ] {
        assert_eq!(
            console.get(path, person).await.0,
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
}

fn kind(answer: &Value) -> &str {
    answer["type"].as_str().unwrap_or_default()
}

async fn is_dead(console: &Console, person: &Person) -> bool {
    console.get("/api/v1/session", person).await.0 == StatusCode::UNAUTHORIZED
}

/// Runs SQL that stands for time passing.
async fn sql(console: &Console, statement: &'static str) {
    sqlx::query(statement)
        .execute(console.app.db())
        .await
        .unwrap();
}

#[tokio::test]
async fn an_inspector_proves_a_second_factor_and_each_code_is_good_once() {
    let console = Console::start().await;
    console.account("li", "inspector", COUNTY, None).await;
    let (status, answer, half) = console.password("li", PASSWORD).await;
    assert_eq!(
        (status, answer["step"].as_str()),
        (StatusCode::OK, Some("second_factor"))
    );
    let half = half.unwrap();
    reaches_nothing_else(&console, &half).await;
    let (status, again) = console.get("/api/v1/session", &half).await;
    assert_eq!((status, again), (StatusCode::OK, answer));

    let prove = async |person: &Person, body: Value| {
        console
            .step("/api/v1/session/totp", Some(person), body)
            .await
    };
    let now = Utc::now();
    let late = secret().code(now - TimeDelta::minutes(5));
    let (status, problem, _) = prove(&half, json!({"code": late})).await;
    assert_eq!(
        (status, kind(&problem)),
        (StatusCode::UNAUTHORIZED, "/problems/bad-code")
    );
    let (status, problem, _) = prove(&half.without_csrf(), json!({"code": "000000"})).await;
    assert_eq!(
        (status, kind(&problem)),
        (StatusCode::FORBIDDEN, "/problems/csrf")
    );
    let code = json!({"code": secret().code(now)});
    let (status, session, li) = prove(&half, code.clone()).await;
    assert_eq!(
        (status, session["account"]["login"].as_str()),
        (StatusCode::OK, Some("li"))
    );
    let li = li.unwrap();
    assert_ne!(li.cookie, half.cookie);
    assert!(
        is_dead(&console, &half).await,
        "the name of the step is worth nothing after it"
    );
    assert_eq!(console.get("/api/v1/cases", &li).await.0, StatusCode::OK);

    let (_, _, half) = console.password("li", PASSWORD).await;
    let (status, problem, _) = prove(&half.unwrap(), code).await;
    assert_eq!(
        (status, kind(&problem)),
        (StatusCode::UNAUTHORIZED, "/problems/bad-code")
    );
    let (_, _, half) = console.password("li", PASSWORD).await;
    let next = json!({"code": secret().code(now + TimeDelta::seconds(30))});
    assert_eq!(prove(&half.unwrap(), next).await.0, StatusCode::OK);

    let sealed = accounts::by_login(console.app.db(), "li")
        .await
        .unwrap()
        .unwrap()
        .totp
        .unwrap();
    assert!(sealed.starts_with("mj1."), "{sealed}");
}

#[tokio::test]
async fn the_first_sign_in_asks_for_a_password_and_a_second_factor_of_ones_own() {
    let console = Console::start().await;
    let hash = auth::password::hash(PASSWORD);
    let account = NewAccount {
        login: "wang",
        name: "王监察",
        role: "inspector",
        hall: COUNTY,
        unit: None,
        window: None,
        password_hash: &hash,
        must_change: true,
    };
    let mut connection = console.app.db().acquire().await.unwrap();
    accounts::create(&mut connection, &account, Utc::now())
        .await
        .unwrap();
    let (_, answer, first) = console.password("wang", PASSWORD).await;
    assert_eq!(answer["step"], "new_password");
    let first = first.unwrap();
    reaches_nothing_else(&console, &first).await;
    let choose = async |new: &str| {
        console
            .step(
                "/api/v1/account/password",
                Some(&first),
                json!({"new": new}),
            )
            .await
    };
    for (new, problem) in [
        ("short", "/problems/password-short"),
        ("password1234", "/problems/password-common"),
        ("wang looks at the river", "/problems/password-own"),
        (PASSWORD, "/problems/password-same"),
    ] {
        let (status, answer, _) = choose(new).await;
        assert_eq!(
            (status, kind(&answer)),
            (StatusCode::UNPROCESSABLE_ENTITY, problem),
            "{new}"
        );
    }
    let (_, answer, second) = choose(OTHER).await;
    assert_eq!(answer["step"], "enrolment");
    let second = second.unwrap();
    assert!(is_dead(&console, &first).await);
    reaches_nothing_else(&console, &second).await;

    let (_, enrolment, _) = console
        .step("/api/v1/account/totp", Some(&second), json!({}))
        .await;
    let made = SharedSecret::parse(enrolment["secret"].as_str().unwrap()).unwrap();
    assert!(enrolment["uri"].as_str().unwrap().contains(&made.text()));
    assert!(enrolment["picture"].as_str().unwrap().starts_with("<svg"));
    let confirm = async |code: String| {
        console
            .step(
                "/api/v1/account/totp/confirm",
                Some(&second),
                json!({"code": code}),
            )
            .await
    };
    let (status, problem, _) = confirm(secret().code(Utc::now())).await;
    assert_eq!(
        (status, kind(&problem)),
        (StatusCode::UNAUTHORIZED, "/problems/bad-code")
    );
    let code = made.code(Utc::now());
    let (status, enrolled, wang) = confirm(code.clone()).await;
    assert_eq!(
        (status, enrolled["session"]["account"]["login"].as_str()),
        (StatusCode::OK, Some("wang"))
    );
    assert_eq!(
        console.get("/api/v1/cases", &wang.unwrap()).await.0,
        StatusCode::OK
    );
    let codes: Vec<String> = serde_json::from_value(enrolled["recovery_codes"].clone()).unwrap();
    assert_eq!(codes.len(), 10);

    // The device is lost: one of the codes opens the door, once.
    let recover = async |body: Value| {
        let (_, answer, half) = console.password("wang", OTHER).await;
        assert_eq!(answer["step"], "second_factor");
        console
            .step("/api/v1/session/totp", half.as_ref(), body)
            .await
    };
    let (status, problem, _) = recover(json!({"code": code})).await;
    assert_eq!(
        (status, kind(&problem)),
        (StatusCode::UNAUTHORIZED, "/problems/bad-code"),
        "it set the factor up"
    );
    let recovery = json!({"recovery_code": codes[3].to_uppercase().replace('-', " ")});
    let (status, _, wang) = recover(recovery.clone()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(recover(recovery).await.0, StatusCode::UNAUTHORIZED);
    let (_, own) = console.get("/api/v1/account", &wang.unwrap()).await;
    assert_eq!(
        own["second_factor"],
        json!({"on": true, "required": true, "recovery_codes": 9})
    );
}

#[tokio::test]
async fn waits_grow_and_hold_up_nobody_where_they_work() {
    let console = Console::start().await;
    console.account("zhang", "hall_manager", TOWN_1, None).await;
    let (desk, elsewhere, further) = ([10, 0, 0, 1], [203, 0, 113, 5], [203, 0, 113, 6]);
    let from = async |address, login: &str, password: &str| {
        let body = json!({"login": login, "password": password});
        let (status, answer, _) = console
            .step_from(address, "/api/v1/session", None, body)
            .await;
        (
            status,
            answer["detail"].as_str().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(from(desk, "zhang", PASSWORD).await.0, StatusCode::OK);
    let wait = async |address, login: &str| {
        let (status, detail) = from(address, login, PASSWORD).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{detail}");
        let digits: String = detail.chars().filter(char::is_ascii_digit).collect();
        digits.parse::<i64>().unwrap()
    };
    for login in ["zhang", "nobody"] {
        for _ in 0..5 {
            assert_eq!(
                from(elsewhere, login, "wrong").await.0,
                StatusCode::UNAUTHORIZED
            );
        }
        assert!((29..=31).contains(&wait(elsewhere, login).await), "{login}");
        sql(
            &console,
            "UPDATE sign_in_failure SET last = last - interval '31 s'",
        )
        .await;
        assert_eq!(
            from(elsewhere, login, "wrong").await.0,
            StatusCode::UNAUTHORIZED
        );
        assert!((59..=61).contains(&wait(elsewhere, login).await), "{login}");
        sql(
            &console,
            "UPDATE sign_in_failure SET last = last - interval '61 s'",
        )
        .await;
        assert_eq!(
            from(elsewhere, login, "wrong").await.0,
            StatusCode::UNAUTHORIZED
        );
        assert!(
            (118..=121).contains(&wait(elsewhere, login).await),
            "{login}"
        );
    }
    // Another address shares the count of the login, until it is known there.
    for _ in 0..3 {
        assert_eq!(
            from(further, "zhang", "wrong").await.0,
            StatusCode::UNAUTHORIZED
        );
    }
    wait(further, "zhang").await;
    assert_eq!(
        from(desk, "zhang", PASSWORD).await.0,
        StatusCode::OK,
        "where zhang works nothing has happened"
    );

    // One password on every account: the address waits, and whoever works there goes on.
    sql(
        &console,
        "INSERT INTO sign_in_failure VALUES ('', '10.0.0.1', 60, now())
         ON CONFLICT (login, address) DO UPDATE SET failures = excluded.failures, last = excluded.last",
    )
    .await;
    assert!(wait(desk, "anybody").await > 800);
    assert_eq!(from(desk, "zhang", PASSWORD).await.0, StatusCode::OK);

    sql(
        &console,
        "UPDATE sign_in_failure SET last = last - interval '1 day'",
    )
    .await;
    assert_eq!(from(elsewhere, "zhang", PASSWORD).await.0, StatusCode::OK);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM sign_in_failure WHERE failures > 0")
        .fetch_one(console.app.db())
        .await
        .unwrap();
    assert_eq!(left, 0, "coming in forgets");
}

#[tokio::test]
async fn attempts_at_once_are_counted_one_by_one() {
    let console = Console::start().await;
    console.account("zhang", "hall_manager", TOWN_1, None).await;
    let attempts = (0..20).map(|_| console.password("zhang", "wrong"));
    let answers = futures::future::join_all(attempts).await;
    let looked_at = answers
        .iter()
        .filter(|(status, ..)| *status == StatusCode::UNAUTHORIZED);
    assert_eq!(looked_at.count(), 5);
    assert_eq!(
        console.password("zhang", PASSWORD).await.0,
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test]
async fn guessing_codes_waits_like_guessing_passwords() {
    let console = Console::start().await;
    console.account("li", "inspector", COUNTY, None).await;
    let wrong = json!({"code": secret().code(Utc::now() - TimeDelta::hours(1))});
    for _ in 0..5 {
        // The right password in between forgives nothing.
        let (status, _, half) = console.password("li", PASSWORD).await;
        assert_eq!(status, StatusCode::OK);
        let (status, ..) = console
            .step("/api/v1/session/totp", half.as_ref(), wrong.clone())
            .await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(
        console.password("li", PASSWORD).await.0,
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test]
async fn a_session_is_forged_planted_overheard_or_out_of_time_in_vain() {
    let console = Console::start().await;
    console.account("wang", "leader", COUNTY, None).await;
    let forged = Person {
        cookie: format!("mingjing_session={}", auth::secret::random()),
        csrf: Some("x".into()),
        login: "wang".into(),
    };
    assert!(is_dead(&console, &forged).await);
    let hash = hex::encode(console.sign_in("wang").await.hash());
    let stolen = Person {
        cookie: format!("mingjing_session={hash}"),
        ..forged.clone()
    };
    assert!(
        is_dead(&console, &stolen).await,
        "what stands in the database is no session's name"
    );

    // Somebody planted a name before wang signs in: it does not become wang's.
    let body = json!({"login": "wang", "password": PASSWORD});
    let (_, _, wang) = console
        .step("/api/v1/session", Some(&forged), body.clone())
        .await;
    let wang = wang.unwrap();
    assert_ne!(wang.cookie, forged.cookie);
    assert!(is_dead(&console, &forged).await);
    // Signing in again in the same browser ends what was open in it.
    let (_, _, again) = console.step("/api/v1/session", Some(&wang), body).await;
    assert!(is_dead(&console, &wang).await);
    let again = again.unwrap();

    assert!(!is_dead(&console, &again).await);
    sql(
        &console,
        "UPDATE session SET seen = seen - interval '31 min'",
    )
    .await;
    assert!(is_dead(&console, &again).await, "not used for too long");
    let wang = console.sign_in("wang").await;
    sql(
        &console,
        "UPDATE session SET seen = seen - interval '20 min'",
    )
    .await;
    assert!(!is_dead(&console, &wang).await, "and this is a use");
    sql(
        &console,
        "UPDATE session SET seen = seen - interval '20 min'",
    )
    .await;
    assert!(!is_dead(&console, &wang).await);
    sql(
        &console,
        "UPDATE session SET expires = expires - interval '12 h'",
    )
    .await;
    assert!(
        is_dead(&console, &wang).await,
        "the day is over, used or not"
    );
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM session")
        .fetch_one(console.app.db())
        .await
        .unwrap();
    console.sign_in("wang").await;
    let after: i64 = sqlx::query_scalar("SELECT count(*) FROM session")
        .fetch_one(console.app.db())
        .await
        .unwrap();
    assert!(after <= rows, "what has ended does not pile up");
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_needs_the_old_one() {
    let console = Console::start().await;
    console.account("wang", "leader", COUNTY, None).await;
    let (here, there) = (console.sign_in("wang").await, console.sign_in("wang").await);
    let change = async |person: &Person, body: Value| {
        console
            .step("/api/v1/account/password", Some(person), body)
            .await
    };
    for body in [
        json!({"new": OTHER}),
        json!({"current": "wrong", "new": OTHER}),
    ] {
        let (status, problem, _) = change(&here, body).await;
        assert_eq!(
            (status, kind(&problem)),
            (StatusCode::UNPROCESSABLE_ENTITY, "/problems/wrong-password")
        );
    }
    let body = json!({"current": PASSWORD, "new": OTHER});
    assert_eq!(
        change(&here.without_csrf(), body.clone()).await.0,
        StatusCode::FORBIDDEN
    );
    let mut told = console.app.watch_ended_sessions();
    let (status, session, renewed) = change(&here, body).await;
    assert_eq!(
        (status, session["account"]["login"].as_str()),
        (StatusCode::OK, Some("wang"))
    );
    assert!(is_dead(&console, &here).await && is_dead(&console, &there).await);
    assert!(!is_dead(&console, &renewed.unwrap()).await);
    let ended = [told.try_recv().unwrap(), told.try_recv().unwrap()];
    assert!(
        ended.contains(&here.hash()) && ended.contains(&there.hash()),
        "open sockets are told"
    );
    assert_eq!(
        console.password("wang", PASSWORD).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(console.password("wang", OTHER).await.0, StatusCode::OK);
}

#[tokio::test]
async fn one_sees_and_ends_ones_own_sessions_and_nobody_elses() {
    let console = Console::start().await;
    console.account("wang", "leader", COUNTY, None).await;
    console.account("zhang", "hall_manager", TOWN_1, None).await;
    let (here, there) = (console.sign_in("wang").await, console.sign_in("wang").await);
    let zhang = console.sign_in("zhang").await;
    let list = async |person: &Person| {
        let (_, list) = console.get("/api/v1/account/sessions", person).await;
        list["sessions"].as_array().unwrap().clone()
    };
    let sessions = list(&here).await;
    assert_eq!(sessions.len(), 2);
    assert_eq!(
        sessions.iter().filter(|one| one["current"] == true).count(),
        1
    );
    assert_eq!(sessions[0]["address"], "127.0.0.1");
    let other = sessions.iter().find(|one| one["current"] == false).unwrap()["id"].clone();
    let path = format!("/api/v1/account/sessions/{other}");
    let end = async |path: &str, person: &Person| {
        console
            .call(Method::DELETE, path, Some(person), None)
            .await
            .0
    };
    assert_eq!(end(&path, &zhang).await, StatusCode::NOT_FOUND);
    assert_eq!(
        end(&path, &here.without_csrf()).await,
        StatusCode::FORBIDDEN
    );
    let mut told = console.app.watch_ended_sessions();
    assert_eq!(end(&path, &here).await, StatusCode::NO_CONTENT);
    assert_eq!(told.try_recv().unwrap(), there.hash());
    assert!(is_dead(&console, &there).await && !is_dead(&console, &here).await);
    assert_eq!(end(&path, &here).await, StatusCode::NOT_FOUND);
    let third = console.sign_in("wang").await;
    assert_eq!(
        end("/api/v1/account/sessions", &here).await,
        StatusCode::NO_CONTENT
    );
    assert!(is_dead(&console, &third).await && !is_dead(&console, &here).await);
    assert!(!is_dead(&console, &zhang).await);
}

#[tokio::test]
async fn a_second_factor_is_set_up_and_taken_off_where_the_role_leaves_it_free() {
    let console = Console::start().await;
    console.account("wang", "leader", COUNTY, None).await;
    console.account("li", "inspector", COUNTY, None).await;
    let wang = console.sign_in("wang").await;
    let call = async |path: &str, person: &Person, body: Value| {
        console.step(path, Some(person), body).await
    };
    let confirm = "/api/v1/account/totp/confirm";
    let (status, problem, _) = call(confirm, &wang, json!({"code": "000000"})).await;
    assert_eq!(
        (status, kind(&problem)),
        (StatusCode::CONFLICT, "/problems/conflict")
    );
    let (status, problem, _) = call("/api/v1/account/totp", &wang, json!({})).await;
    assert_eq!(
        (status, kind(&problem)),
        (StatusCode::UNPROCESSABLE_ENTITY, "/problems/wrong-password")
    );
    let password = json!({"password": PASSWORD});
    let (_, enrolment, _) = call("/api/v1/account/totp", &wang, password.clone()).await;
    let made = SharedSecret::parse(enrolment["secret"].as_str().unwrap()).unwrap();
    let (status, enrolled, renewed) =
        call(confirm, &wang, json!({"code": made.code(Utc::now())})).await;
    assert_eq!(status, StatusCode::OK);
    assert!(is_dead(&console, &wang).await);
    let wang = renewed.unwrap();
    assert_eq!(
        console.password("wang", PASSWORD).await.1["step"],
        "second_factor"
    );

    let (_, renewed, _) = call("/api/v1/account/recovery-codes", &wang, password.clone()).await;
    assert_ne!(renewed["recovery_codes"], enrolled["recovery_codes"]);
    let (status, _, wang) = call("/api/v1/account/totp/remove", &wang, password.clone()).await;
    assert_eq!(status, StatusCode::OK);
    let (_, own) = console.get("/api/v1/account", &wang.unwrap()).await;
    assert_eq!(
        own["second_factor"],
        json!({"on": false, "required": false, "recovery_codes": 0})
    );
    assert!(console.password("wang", PASSWORD).await.1["account"].is_object());

    let li = console.sign_in("li").await;
    let (status, ..) = call("/api/v1/account/totp/remove", &li, password).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_password_runs_out_and_a_weak_hash_is_made_anew() {
    let console = Console::start_with(|config| config.sign_in.password_days = 90).await;
    console.account("wang", "leader", COUNTY, None).await;
    sql(
        &console,
        "UPDATE account SET password_hash = '$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA' WHERE login = 'wang'",
    )
    .await;
    assert_eq!(
        console.password("wang", PASSWORD).await.0,
        StatusCode::UNAUTHORIZED
    );
    let weak = argon2::Argon2::new(
        argon2::Algorithm::Argon2id,
        argon2::Version::V0x13,
        argon2::Params::new(8192, 1, 1, None).unwrap(),
    );
    let weak = argon2::PasswordHasher::hash_password(&weak, PASSWORD.as_bytes()).unwrap();
    sqlx::query("UPDATE account SET password_hash = $1")
        .bind(weak.to_string())
        .execute(console.app.db())
        .await
        .unwrap();
    assert!(console.password("wang", PASSWORD).await.1["account"].is_object());
    let wang = accounts::by_login(console.app.db(), "wang")
        .await
        .unwrap()
        .unwrap();
    assert!(!auth::password::is_outdated(&wang.password_hash));
    assert!(console.password("wang", PASSWORD).await.1["account"].is_object());
    sql(
        &console,
        "UPDATE account SET password_set = password_set - interval '90 days'",
    )
    .await;
    assert_eq!(
        console.password("wang", PASSWORD).await.1["step"],
        "new_password"
    );
}

#[tokio::test]
async fn over_tls_the_cookie_is_the_hosts_own() {
    let mut console = Console::start().await;
    console.over_tls = true;
    console.account("wang", "leader", COUNTY, None).await;
    let wang = console.sign_in("wang").await;
    assert!(
        wang.cookie.starts_with("__Host-mingjing_session="),
        "{}",
        wang.cookie
    );
    let plain = Person {
        cookie: wang.cookie.trim_start_matches("__Host-").to_owned(),
        ..wang.clone()
    };
    assert!(!is_dead(&console, &wang).await && is_dead(&console, &plain).await);
}

#[tokio::test]
async fn what_happens_at_the_door_is_written_down_and_no_secret_with_it() {
    let console = Console::start().await;
    console.account("li", "inspector", COUNTY, None).await;
    let slip = "my password in the wrong field";
    console.password(slip, "wrong").await;
    for _ in 0..2 {
        console.password("li", "wrong").await;
    }
    let (_, _, half) = console.password("li", PASSWORD).await;
    let wrong = json!({"code": secret().code(Utc::now() - TimeDelta::hours(1))});
    console
        .step("/api/v1/session/totp", half.as_ref(), wrong)
        .await;
    let li = console.sign_in("li").await;
    let body = json!({"current": PASSWORD, "new": OTHER});
    let (_, _, li) = console
        .step("/api/v1/account/password", Some(&li), body)
        .await;
    console
        .call(Method::DELETE, "/api/v1/session", li.as_ref(), None)
        .await;
    let entries: Vec<(String, Option<String>, Option<String>)> =
        sqlx::query_as("SELECT action, login, after FROM audit WHERE action LIKE 'session.%' OR action LIKE '%password%' ORDER BY seq")
            .fetch_all(console.app.db())
            .await
            .unwrap();
    let told: Vec<(&str, Option<&str>)> = entries
        .iter()
        .map(|(action, login, _)| (action.as_str(), login.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("session.refused", None),
            // The second of them is counted, and written with the others when their five minutes are over.
            ("session.refused", Some("li")),
            ("session.refused", Some("li")),
            ("session.opened", Some("li")),
            ("account.password_changed", Some("li")),
            ("session.closed", Some("li")),
        ]
    );
    let all = format!("{entries:?}");
    for hidden in [slip, PASSWORD, OTHER, "argon2", "mj1."] {
        assert!(!all.contains(hidden), "{hidden}: {all}");
    }
}
