//! The cookie that carries a session's name.

use axum::http::HeaderMap;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use chrono::TimeDelta;

use crate::app::App;
use crate::transport::client::Client;

/// Over TLS a browser takes `__Host-` only with `Secure`, for `/`, and from this host itself. And browsers do not tell ports
/// apart: a replay that is served beside the county's console must not sign its reader out there.
fn name(app: &App, client: Client) -> &'static str {
    match (client.https(), app.clock().is_of_log()) {
        (true, false) => "__Host-mingjing_session",
        (true, true) => "__Host-mingjing_replay",
        (false, false) => "mingjing_session",
        (false, true) => "mingjing_replay",
    }
}

/// The session's name that a browser sent. What it keeps for plain HTTP is not taken over TLS: anybody on the way could have
/// planted it.
pub fn sent(app: &App, client: Client, headers: &HeaderMap) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    jar.get(name(app, client))
        .map(|cookie| cookie.value().to_owned())
}

/// The cookie that keeps a session's name until the browser is closed.
pub fn keep(app: &App, client: Client, value: String) -> Cookie<'static> {
    Cookie::build((name(app, client), value))
        .path("/")
        .http_only(true)
        .secure(client.https())
        .same_site(SameSite::Strict)
        .build()
}

/// The cookie to forget.
pub fn forget(app: &App, client: Client) -> Cookie<'static> {
    Cookie::build(name(app, client))
        .path("/")
        .secure(client.https())
        .build()
}

/// A sign-in through the provider that is under way; another for a replay, as above.
fn flow_name(app: &App, client: Client) -> &'static str {
    match (client.https(), app.clock().is_of_log()) {
        (true, false) => "__Host-mingjing_sso",
        (true, true) => "__Host-mingjing_replay_sso",
        (false, false) => "mingjing_sso",
        (false, true) => "mingjing_replay_sso",
    }
}

/// The secret of the sign-in that this browser began.
pub fn sent_flow(app: &App, client: Client, headers: &HeaderMap) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    jar.get(flow_name(app, client))
        .map(|cookie| cookie.value().to_owned())
}

/// The cookie that keeps the secret of a sign-in, `value` in URL-safe letters. `Lax`: the browser comes back from the provider's
/// page, another site, and has to bring it along.
pub fn keep_flow(app: &App, client: Client, value: &str, lasts: TimeDelta) -> Cookie<'static> {
    let (name, seconds) = (flow_name(app, client), lasts.num_seconds());
    let secure = if client.https() { "; Secure" } else { "" };
    Cookie::parse(format!(
        "{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}"
    ))
    .expect("a name of ours and URL-safe letters are a cookie")
}

/// The cookie to forget.
pub fn forget_flow(app: &App, client: Client) -> Cookie<'static> {
    Cookie::build(flow_name(app, client))
        .path("/")
        .secure(client.https())
        .build()
}
