//! Signing in, sessions, tokens.

pub mod cookie;
pub mod entrance;
pub mod lockout;
pub mod login;
pub mod oidc;
pub mod password;
pub mod secret;
pub mod stage;
pub mod totp;

use axum::http::{HeaderMap, header};
use chrono::{TimeDelta, Utc};
use mingjing_monitor::store::{sessions, tokens};

use crate::app::App;
use crate::caller::{Caller, Scope, Who};
use crate::policy::Role;
use crate::problem::Problem;
use crate::transport::client::Client;
pub use stage::Stage;

/// A session's last use is written at most this often.
const TOUCH: TimeDelta = TimeDelta::seconds(60);

/// Header in which a page sends back the session's CSRF value.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// Who sends these headers: a bearer token first, else the cookie of a session at one of `stages`.
///
/// # Errors
/// `unauthenticated` when neither is valid, `unavailable` when the database cannot be asked.
pub async fn identify(
    app: &App,
    headers: &HeaderMap,
    client: Client,
    stages: &[Stage],
) -> Result<Caller, Problem> {
    if let Some(token) = bearer(headers) {
        return by_token(app, token).await;
    }
    let cookie = cookie::sent(app, client, headers).ok_or_else(Problem::unauthenticated)?;
    by_session(app, &secret::hash(&cookie), stages)
        .await?
        .ok_or_else(Problem::unauthenticated)
}

/// The caller whose session has this hash, while it is valid and at one of `stages`. To ask is to use the session.
///
/// # Errors
/// When the database cannot be asked.
pub async fn by_session(
    app: &App,
    hash: &[u8],
    stages: &[Stage],
) -> Result<Option<Caller>, Problem> {
    let now = Utc::now();
    let idle = app.config().sign_in.idle();
    let Some(row) = sessions::by_hash(app.db(), hash, idle, now).await? else {
        return Ok(None);
    };
    if now - row.seen >= TOUCH.min(idle / 2) {
        sessions::touch(app.db(), hash, now).await?;
    }
    let account = row.account;
    let (Some(role), Some(stage)) = (Role::parse(&account.role), Stage::parse(&row.stage)) else {
        return Ok(None);
    };
    if !stages.contains(&stage) {
        return Ok(None);
    }
    let who = Who::Account {
        id: account.id,
        login: account.login,
        name: account.name,
        session: hash.to_vec(),
        expires: row.expires,
        stage,
        csrf: row.csrf,
    };
    Ok(Some(Caller {
        who,
        role,
        scope: scope(role, account.hall, account.unit, account.window),
    }))
}

async fn by_token(app: &App, token: &str) -> Result<Caller, Problem> {
    let hash = secret::hash(token);
    if app.is_own_edge(&hash) {
        let who = Who::Token {
            id: None,
            name: "local".into(),
        };
        return Ok(Caller {
            who,
            role: Role::Edge,
            scope: Scope {
                hall: app.directory().root(),
                unit: None,
                window: None,
            },
        });
    }
    let now = Utc::now();
    let row = tokens::by_hash(app.db(), &hash, now)
        .await?
        .ok_or_else(Problem::unauthenticated)?;
    if row
        .last_used
        .is_none_or(|used| (now - used).num_seconds() >= 60)
    {
        tokens::used(app.db(), row.id, now).await?;
    }
    of_token(row).ok_or_else(|| Problem::forbidden("This token has been granted no role yet."))
}

/// The caller whose token has this id, while it is valid.
///
/// # Errors
/// When the database cannot be asked.
pub async fn by_token_id(app: &App, id: i64) -> Result<Option<Caller>, Problem> {
    let row = tokens::by_id(app.db(), id, Utc::now()).await?;
    Ok(row.and_then(of_token))
}

fn of_token(row: tokens::Token) -> Option<Caller> {
    let role = Role::parse(&row.role).filter(|role| role.is_machine())?;
    Some(Caller {
        who: Who::Token {
            id: Some(row.id),
            name: row.name,
        },
        role,
        scope: Scope {
            hall: row.hall,
            unit: None,
            window: None,
        },
    })
}

/// A unit's head sees one unit, a clerk one window; for the others the columns mean nothing.
fn scope(role: Role, hall: String, unit: Option<String>, window: Option<String>) -> Scope {
    Scope {
        hall,
        unit: unit.filter(|_| role == Role::UnitHead),
        window: window.filter(|_| role == Role::Clerk),
    }
}

/// The token of `Authorization: Bearer …`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A changing call with a cookie must prove that the page sent it. A bearer token is proof itself: no browser adds it.
///
/// # Errors
/// `csrf` when the header is missing or wrong.
pub fn check_csrf(caller: &Caller, headers: &HeaderMap) -> Result<(), Problem> {
    let Who::Account { csrf, .. } = &caller.who else {
        return Ok(());
    };
    let sent = headers
        .get(CSRF_HEADER)
        .and_then(|value| value.to_str().ok());
    if sent.is_some_and(|sent| secret::same(sent, csrf)) {
        Ok(())
    } else {
        Err(Problem::csrf())
    }
}

/// Whether a browser says that a request comes from our own pages (or no browser sent it): signing in has no CSRF value yet.
pub fn same_site(headers: &HeaderMap) -> bool {
    let site = headers
        .get("sec-fetch-site")
        .and_then(|value| value.to_str().ok());
    site.is_none_or(|site| matches!(site, "same-origin" | "none"))
}
