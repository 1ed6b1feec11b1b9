//! What a client is told when something does not work: problem+json (RFC 9457) with a stable `type`.
//!
//! Nothing of the inside (a query, a path, a stack) ever stands in it; that goes to the log.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mingjing_monitor::store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::transport::body;

/// Result of a handler.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// A problem, as it goes to the client.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Stable name of the kind, `/problems/not-found`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "/problems/not-found")]
    kind: &'static str,
    /// The kind in words.
    #[schema(value_type = String)]
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// What, where and what to do.
    detail: String,
    /// For `Retry-After`, in seconds.
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// 401: nobody is signed in.
    pub fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "/problems/unauthenticated",
            "Not signed in",
            "Sign in, or send a valid bearer token.",
        )
    }

    /// 401: login or password is wrong; never says which.
    pub fn bad_credentials() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "/problems/bad-credentials",
            "Wrong account or password",
            "The account does not exist, is disabled, or the password is wrong.",
        )
    }

    /// 401: the code of the second factor is wrong, late, or was used before.
    pub fn bad_code() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "/problems/bad-code",
            "Wrong code",
            "The code is wrong, too old, or was used before. Wait for the next one; each is good once.",
        )
    }

    /// 422: what somebody who is signed in gives as their own password is not it.
    pub fn wrong_password() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "/problems/wrong-password",
            "Wrong password",
            "This is not the password of your account.",
        )
    }

    /// 422: the account comes from single sign-on.
    pub fn no_password() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "/problems/no-password",
            "No password here",
            "Your account comes from single sign-on and has no password here. Change it where you sign in; a second factor is \
             set up when signing in asks for one.",
        )
    }

    /// 422: what of an account is not decided here.
    pub fn of_provider() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "/problems/of-provider",
            "Comes from single sign-on",
            "This account comes from single sign-on: it has no password here, and its role is what its groups say. Change them \
             there, or disable the account.",
        )
    }

    /// 422: a password that an account may not have; `kind` names the rule.
    pub fn unfit_password(kind: &'static str, detail: String) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            kind,
            "Password not taken",
            detail,
        )
    }

    /// 429: too many failed sign-ins.
    pub fn locked(seconds: u64) -> Self {
        let detail = format!("Too many failed attempts. Try again in {seconds} seconds.");
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "/problems/locked",
            "Locked for a while",
            detail,
        )
        .retry(seconds)
    }

    /// 403: signed in, and the role may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "/problems/forbidden",
            "Not allowed",
            detail,
        )
    }

    /// 403: the CSRF token is missing or wrong.
    pub fn csrf() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "/problems/csrf",
            "Request not confirmed",
            "Send the X-CSRF-Token header with the value from GET /api/v1/session.",
        )
    }

    /// 404: not there, or outside the caller's subtree; the two cannot be told apart.
    pub fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "/problems/not-found",
            "Not found",
            format!("There is no such {what}."),
        )
    }

    /// 405: the address knows other methods.
    pub fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "/problems/method",
            "Method not allowed",
            "This address does not take that method; see /api/openapi.json.",
        )
    }

    /// 409: somebody else was first.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/conflict",
            "Somebody else was first",
            detail,
        )
    }

    /// 400: nobody can say to whom a request with two `Host` headers is sent.
    pub fn ambiguous() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "/problems/ambiguous",
            "Ambiguous request",
            "Send one Host header.",
        )
    }

    /// 415: a compressed body.
    pub fn compressed() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "/problems/compressed",
            "Compressed body",
            "Compressed bodies are not taken: send the body without Content-Encoding.",
        )
    }

    /// 400: a path that climbs or hides something.
    pub fn path() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "/problems/path",
            "No such path",
            "A path of this console has no steps upwards, no control characters and no backslashes, encoded or not.",
        )
    }

    /// 409: the last administrator of a kind would go.
    pub fn last_administrator(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/last-administrator",
            "The last administrator stays",
            detail,
        )
    }

    /// 422: what, where, and what to do.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "/problems/invalid",
            "Invalid request",
            detail,
        )
    }

    /// 422: a file that may not be attached.
    pub fn unfit_file(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "/problems/unfit-file",
            "File not taken",
            detail,
        )
    }

    /// A body that could not be read: too long, too slow, or broken off.
    pub fn unread(error: axum::Error) -> Self {
        if body::was_late(&error) {
            return Self::late();
        }
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            if error.is::<http_body_util::LengthLimitError>() {
                return Self::large_file();
            }
            cause = error.source();
        }
        Self::invalid("the body broke off: send it again")
    }

    /// 413: a file that is too long.
    pub fn large_file() -> Self {
        let most = crate::attachments::MAX_BYTES >> 20;
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "/problems/too-large",
            "Too large",
            format!("The file is larger than {most} MiB: reduce it, or attach parts of it."),
        )
    }

    /// 408: the body did not come in time.
    fn late() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "/problems/timeout",
            "Too slow",
            "The body did not come in time: send it at once, and whole.",
        )
    }

    /// 429 with `Retry-After`.
    pub fn too_many(seconds: u64) -> Self {
        let detail = format!("Too many requests. Try again in {seconds} seconds.");
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "/problems/too-many",
            "Too many requests",
            detail,
        )
        .retry(seconds)
    }

    /// 503: the database is away or the console is still loading.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "/problems/unavailable",
            "Not available right now",
            detail,
        )
        .retry(2)
    }

    /// 416: there are no such bytes.
    pub fn out_of_range(len: u64) -> Self {
        Self::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "/problems/out-of-range",
            "No such bytes",
            format!("The recording has {len} bytes."),
        )
    }

    /// 409: a recording that no player takes as one.
    pub fn other_parameters(at: chrono::DateTime<chrono::Utc>) -> Self {
        let at = at.to_rfc3339();
        Self::new(
            StatusCode::CONFLICT,
            "/problems/other-parameters",
            "Not one recording",
            format!(
                "The camera's picture changed its parameters at {at}: ask for what is before, or after."
            ),
        )
    }

    /// 500: our own fault. The cause goes to the log and nowhere else.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed by our own fault");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "/problems/internal",
            "Internal error",
            "The console failed; its log says why.",
        )
    }

    fn retry(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The stable kind, for bulk answers.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// What, where and what to do.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The kind of the problem that a response tells of, for the layers around the handler.
#[derive(Debug, Clone, Copy)]
pub struct Kind(pub &'static str);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        response.extensions_mut().insert(Kind(self.kind));
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_passing() {
            tracing::warn!(%error, "the database cannot be reached");
            return Self::unavailable(
                "The database cannot be reached. What you have on screen stays; try again soon.",
            );
        }
        match error {
            StoreError::LastAdministrator(_) => Self::last_administrator(error.to_string()),
            error => Self::internal(error),
        }
    }
}

impl From<mingjing_ingest::seal::SealError> for Problem {
    fn from(error: mingjing_ingest::seal::SealError) -> Self {
        tracing::error!(%error, "a sealed secret cannot be used");
        Self::unavailable(
            "The console cannot open what it sealed; its log says why. Use a recovery code, or ask an administrator.",
        )
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl From<axum::extract::rejection::JsonRejection> for Problem {
    fn from(rejection: axum::extract::rejection::JsonRejection) -> Self {
        match rejection.status() {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "/problems/media-type",
                "Unsupported media type",
                "Send application/json.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "/problems/too-large",
                "Too large",
                "The body is too large.",
            ),
            _ if body::was_late(&rejection) => Self::late(),
            _ => Self::invalid(rejection.body_text()),
        }
    }
}

impl From<axum::extract::rejection::QueryRejection> for Problem {
    fn from(rejection: axum::extract::rejection::QueryRejection) -> Self {
        Self::invalid(rejection.body_text())
    }
}

impl From<axum::extract::rejection::PathRejection> for Problem {
    fn from(_: axum::extract::rejection::PathRejection) -> Self {
        Self::not_found("page")
    }
}

/// `Json` whose refusals are problems.
#[derive(Debug, axum::extract::FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut response = axum::Json(self.0).into_response();
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// `Query` whose refusals are problems.
#[derive(Debug, axum::extract::FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub struct Query<T>(pub T);

/// `Path` whose refusals are problems.
#[derive(Debug, axum::extract::FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub struct Path<T>(pub T);
