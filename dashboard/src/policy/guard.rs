//! What every request passes: who calls, whether the row admits them, and whether the page itself sent it.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{Access, Row, Subject, Verb, row};
use crate::app::App;
use crate::audit::{self, Trail};
use crate::auth;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::transport::client::{self, Client};

/// Lets a request through to its handler, or not.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts
        .extensions
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let Some(client) = client::of(&parts.extensions) else {
        return Problem::internal("a request came without its client").into_response();
    };
    let Some(row) = path.as_deref().and_then(|path| row(&parts.method, path)) else {
        return Problem::method().into_response();
    };
    let bears_name = audit::bears_name(&parts.headers);
    let (caller, admitted) = admit(&app, row, &parts, client).await;
    let trail = Trail::new(caller.as_ref(), Some(client.address()));
    let mut response = match admitted {
        Ok(()) => {
            if let Some(caller) = caller {
                parts.extensions.insert(caller);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    };
    if let Some(denied) = audit::refused(row, bears_name, &response) {
        trail.tally(&app, denied).await;
    }
    response.extensions_mut().insert(audit::Judged);
    response
}

/// Who calls, as far as they are known, and whether they may.
async fn admit(
    app: &App,
    row: &Row,
    parts: &Parts,
    client: Client,
) -> (Option<Caller>, Result<(), Problem>) {
    if row.socket && !client.owns_origin(&parts.headers) {
        let foreign = "This socket may only be opened from the console's own pages.";
        return (None, Err(Problem::forbidden(foreign)));
    }
    match row.access {
        Access::Public | Access::Intake => return (None, Ok(())),
        Access::LoopbackOr(_) if client.is_here() => return (None, Ok(())),
        _ => {}
    }
    match auth::identify(app, &parts.headers, client, row.access.stages()).await {
        Ok(caller) => {
            let admitted = check(app, row, parts, client, &caller);
            (Some(caller), admitted)
        }
        Err(problem) => (None, Err(problem)),
    }
}

fn check(
    app: &App,
    row: &Row,
    parts: &Parts,
    client: Client,
    caller: &Caller,
) -> Result<(), Problem> {
    if !client.is_here() {
        app.rates().caller(caller, Instant::now())?;
    }
    if !row.access.admits(caller.role) {
        return Err(Problem::forbidden("Your role may not do this."));
    }
    if row.subject == Subject::County && caller.scope.hall != app.directory().root() {
        return Err(Problem::forbidden(
            "This concerns the whole county: only somebody who stands over all of it may do this.",
        ));
    }
    if row.method != Verb::Get {
        auth::check_csrf(caller, &parts.headers)?;
    }
    Ok(())
}
