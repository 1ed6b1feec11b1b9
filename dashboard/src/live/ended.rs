//! When an open socket has to close: its session or token ended, or the console stops.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, interval_at};

use crate::app::App;
use crate::auth::{self, Stage};
use crate::caller::{Caller, Who};

/// How often a session is looked at, beside being told and at its own end: it is in use, and somebody may have changed the
/// database.
const LOOK: Duration = Duration::from_secs(30);
/// Close code: the session ended.
const SESSION_ENDED: u16 = 4401;
/// Close code: the server goes away (RFC 6455).
const GOING_AWAY: u16 = 1001;

/// Waits until the caller's socket has to close; with what code, and why.
pub async fn ended(app: &App, caller: &Caller) -> (u16, &'static str) {
    let mut access = app.watch_access();
    let mut sessions = app.watch_ended_sessions();
    let mut look = interval_at(Instant::now() + LOOK, LOOK);
    let end = tokio::time::sleep(runs_out(caller, Utc::now()));
    tokio::pin!(end);
    loop {
        let over = tokio::select! {
            () = app.stopping().cancelled() => return (GOING_AWAY, "the console is being restarted"),
            () = &mut end => true,
            _ = look.tick() => !still_valid(app, caller).await,
            _ = access.changed() => !still_valid(app, caller).await,
            hash = sessions.recv() => match (&hash, &caller.who) {
                (Ok(hash), Who::Account { session, .. }) => hash == session,
                (Ok(_), Who::Token { .. }) => false,
                // Some were missed: ask the database.
                (Err(_), _) => !still_valid(app, caller).await,
            },
        };
        if over {
            return (SESSION_ENDED, "session ended");
        }
    }
}

/// How long the caller's session lasts at the most. Tokens that run out are told of by [`crate::background::expire_tokens`].
fn runs_out(caller: &Caller, now: DateTime<Utc>) -> Duration {
    match &caller.who {
        Who::Account { expires, .. } => (*expires - now).to_std().unwrap_or_default(),
        Who::Token { .. } => Duration::MAX,
    }
}

/// Whether the session or token is still good (and so in use: a page that is open does not run out for want of clicks), with
/// the same role and scope. While the database is away nobody is thrown out.
async fn still_valid(app: &App, caller: &Caller) -> bool {
    let now = match &caller.who {
        Who::Account { session, .. } => auth::by_session(app, session, &[Stage::Open]).await,
        Who::Token { id: Some(id), .. } => auth::by_token_id(app, *id).await,
        // The ingest inside this process ends with it.
        Who::Token { id: None, .. } => return true,
    };
    match now {
        Ok(now) => now.is_some_and(|now| now.role == caller.role && now.scope == caller.scope),
        Err(_) => true,
    }
}
