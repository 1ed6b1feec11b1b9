//! From one stage of signing in to the next: the checks, and the new name that each step gives a session.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum_extra::extract::CookieJar;
use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::accounts::{self, Account};
use mingjing_monitor::store::second_factors;
use mingjing_monitor::store::sessions::{self, NewSession};
use serde_json::{Value, json};
use sqlx::{PgConnection, Postgres, Transaction};

use super::lockout::Attempt;
use super::oidc::Told;
use super::stage::{Factor, Stage};
use super::totp::{self, SharedSecret};
use super::{cookie, password, secret};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::{Caller, Who};
use crate::problem::Problem;
use crate::store::{Notice, notify};
use crate::transport::client::{self, Client};

/// How long somebody may take to get in.
const SIGNING_IN: TimeDelta = TimeDelta::minutes(10);
/// Letters kept of what a browser calls itself.
const AGENT: usize = 200;

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Place {
    /// Address and scheme.
    pub client: Client,
    /// The browser, as it calls itself.
    pub agent: String,
}

impl Place {
    /// The address.
    pub fn address(&self) -> IpAddr {
        self.client.address()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let client = client::of(&parts.extensions)
            .ok_or_else(|| Problem::internal("a request came without its client"))?;
        let agent = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|agent| agent.to_str().ok())
            .unwrap_or_default();
        Ok(Self {
            client,
            agent: agent.chars().take(AGENT).collect(),
        })
    }
}

/// What proves a second factor.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A code of this minute.
    Code(String),
    /// A recovery code.
    Recovery(String),
}

/// The account with this login and password. What is counted as an attempt has to be taken back, or it stays a failure.
///
/// # Errors
/// `locked` when one has to wait, `bad_credentials` without saying what was wrong.
pub async fn by_password(
    app: &App,
    login: &str,
    password: String,
    (place, trail): (&Place, &Trail),
    now: DateTime<Utc>,
) -> Result<(Account, Attempt), Problem> {
    let known = accounts::by_login(app.db(), login).await?;
    let id = known.as_ref().map(|account| account.id);
    // What is no account's name may be a password that slipped into the wrong field: it is not written down.
    let trail = match &known {
        Some(account) => trail.clone().claiming(&account.login),
        None => trail.clone(),
    };
    let attempt = attempt(app, (login, id), (place, &trail), "password", now).await?;
    // Who comes from single sign-on has no password: as if there were no such account.
    let usable = known.filter(|account| !account.disabled && account.issuer.is_none());
    let stored = usable.as_ref().map(|account| account.password_hash.clone());
    let right = password::verify(password.clone(), stored).await;
    let Some(account) = usable.filter(|_| right) else {
        refused(app, &trail, "password", attempt.locks()).await;
        return Err(Problem::bad_credentials());
    };
    if password::is_outdated(&account.password_hash) {
        let new = password::hash_in_turn(password).await?;
        accounts::rehash(app.db(), account.id, &account.password_hash, &new).await?;
    }
    Ok((account, attempt))
}

/// Begins an attempt at a step; that one has to wait is written down.
///
/// # Errors
/// `locked` when one has to wait.
pub async fn attempt(
    app: &App,
    (login, account): (&str, Option<i64>),
    (place, trail): (&Place, &Trail),
    step: &'static str,
    now: DateTime<Utc>,
) -> Result<Attempt, Problem> {
    let begun = Attempt::begin(app, login, account, place.address(), now).await;
    if let Err(problem) = &begun
        && problem.status() == StatusCode::TOO_MANY_REQUESTS
    {
        refused_for(app, trail, json!({"step": step, "waits": true})).await;
    }
    begun
}

/// Writes down that a step was refused; and, where this failure `locks`, that the account waits from now on.
pub async fn refused(app: &App, trail: &Trail, step: &'static str, locks: bool) {
    refused_for(app, trail, json!({"step": step})).await;
    if locks {
        trail.tally(app, Record::of(Action::AccountLocked)).await;
    }
}

/// Writes down that somebody was not let in, with these facts.
pub async fn refused_for(app: &App, trail: &Trail, facts: Value) {
    let record = Record::of(Action::SessionRefused).after(facts);
    trail.tally(app, record).await;
}

/// Asks somebody who is signed in for their password again, before what a stolen session must not do.
///
/// # Errors
/// `locked` when one has to wait, `wrong_password`, `no_password` for who comes from single sign-on.
pub async fn confirm_password(
    app: &App,
    account: &Account,
    password: String,
    (place, trail): (&Place, &Trail),
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    if account.issuer.is_some() {
        return Err(Problem::no_password());
    }
    let who = (account.login.as_str(), Some(account.id));
    let attempt = attempt(app, who, (place, trail), "confirmation", now).await?;
    if !password::verify(password, Some(account.password_hash.clone())).await {
        refused(app, trail, "confirmation", attempt.locks()).await;
        return Err(Problem::wrong_password());
    }
    Ok(attempt.take_back(app).await?)
}

/// Whether the second factor of `account` is proven; what proves it is used up.
///
/// # Errors
/// When the database cannot be asked, or the secret cannot be opened.
pub async fn is_proven(
    app: &App,
    account: &Account,
    proof: &Proof,
    now: DateTime<Utc>,
) -> Result<bool, Problem> {
    match proof {
        Proof::Code(code) => {
            let Some(sealed) = &account.totp else {
                return Ok(false);
            };
            let opened = app.sealer()?.open(sealed, &totp::belongs_to(account.id))?;
            let Some(step) = SharedSecret::from_bytes(opened).step(code, now) else {
                return Ok(false);
            };
            Ok(second_factors::use_step(app.db(), account.id, step).await?)
        }
        Proof::Recovery(code) => {
            Ok(totp::use_recovery_code(app.db(), account.id, code, now).await?)
        }
    }
}

/// The account of a caller.
///
/// # Errors
/// `unauthenticated` for a program, or when the account is gone.
pub async fn own(app: &App, caller: &Caller) -> Result<Account, Problem> {
    let id = caller.account().ok_or_else(Problem::unauthenticated)?;
    accounts::by_id(app.db(), id)
        .await?
        .ok_or_else(Problem::unauthenticated)
}

/// Hash and stage of a caller's session.
///
/// # Errors
/// `unauthenticated` for a program.
pub fn session(caller: &Caller) -> Result<(&[u8], Stage), Problem> {
    match &caller.who {
        Who::Account { session, stage, .. } => Ok((session, *stage)),
        Who::Token { .. } => Err(Problem::unauthenticated()),
    }
}

/// A session that was given a new name.
#[derive(Debug)]
pub struct Renewed {
    hash: Vec<u8>,
    name: String,
}

/// What a session takes the place of, and what it comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin<'a> {
    /// The session that ends.
    pub old: Option<&'a [u8]>,
    /// When the new one ends, where the old one was open.
    pub ends: Option<DateTime<Utc>>,
    /// What the provider said that has just let the person in.
    pub told: Option<&'a Told>,
}

/// Begins a session of `account` at `stage`, in the place of `old`. The name is new, whatever was there before. One that
/// was open keeps its end; one that becomes open begins its day.
///
/// # Errors
/// When the database cannot be asked.
pub async fn renew(
    app: &App,
    connection: &mut PgConnection,
    account: &Account,
    stage: Stage,
    place: &Place,
    origin: Origin<'_>,
    now: DateTime<Utc>,
) -> Result<Renewed, Problem> {
    let (name, csrf) = (secret::random(), secret::random());
    let hash = secret::hash(&name);
    let lasts = match stage {
        Stage::Open => app.config().sign_in.longest(),
        _ => SIGNING_IN,
    };
    let session = NewSession {
        hash: &hash,
        account: account.id,
        stage: stage.code(),
        csrf: &csrf,
        address: &place.address().to_string(),
        agent: &place.agent,
        expires: origin.ends.unwrap_or(now + lasts),
        provider: origin.told.map(|told| sessions::Provider {
            sid: told.sid.as_deref(),
            id_token: &told.id_token,
        }),
    };
    sessions::begin(connection, &session, origin.old, now).await?;
    Ok(Renewed { hash, name })
}

impl Renewed {
    /// Hands the name to the browser, once what gave it is committed; and who calls from now on.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn hand_over(
        self,
        app: &App,
        place: &Place,
        jar: CookieJar,
        old: Option<Vec<u8>>,
    ) -> Result<(CookieJar, Caller), Problem> {
        if let Some(old) = old {
            app.session_ended(old);
        }
        let caller = super::by_session(app, &self.hash, &Stage::ALL)
            .await?
            .ok_or_else(Problem::unauthenticated)?;
        Ok((jar.add(cookie::keep(app, place.client, self.name)), caller))
    }
}

/// Writes down that somebody is signed in, before they are told.
///
/// # Errors
/// When the database cannot be asked.
pub async fn opened(app: &App, trail: &Trail, caller: &Caller) -> Result<(), Problem> {
    let trail = trail.clone().signed_in(caller);
    trail
        .record(app.db(), Record::of(Action::SessionOpened))
        .await?;
    Ok(())
}

/// What a change to the way in needs: its own transaction, a session under a new name for whoever made it, and every
/// other session of the account ended.
#[derive(Debug)]
pub struct Change {
    transaction: Transaction<'static, Postgres>,
    account: i64,
    own: Vec<u8>,
    ends: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
}

impl Change {
    /// Begins a change to `account` by its own `caller`.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn begin(app: &App, account: &Account, caller: &Caller) -> Result<Self, Problem> {
        let now = Utc::now();
        let (own, stage) = session(caller)?;
        let ends = match stage {
            Stage::Open => {
                let idle = app.config().sign_in.idle();
                let row = sessions::by_hash(app.db(), own, idle, now).await?;
                Some(row.ok_or_else(Problem::unauthenticated)?.expires)
            }
            _ => None,
        };
        Ok(Self {
            transaction: app.db().begin().await?,
            account: account.id,
            own: own.to_vec(),
            ends,
            now,
        })
    }

    /// Where the change is written.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Commits, with what is to be written down; goes on at the stage that comes next.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn commit(
        mut self,
        app: &App,
        (place, trail): (&Place, &Trail),
        record: Record,
        jar: CookieJar,
    ) -> Result<(CookieJar, Caller), Problem> {
        let others = sessions::end_others(&mut self.transaction, self.account, &self.own).await?;
        let account = accounts::by_id(&mut *self.transaction, self.account)
            .await?
            .ok_or_else(Problem::unauthenticated)?;
        let stage = Stage::next(&account, Factor::Own, &app.config().sign_in, self.now);
        let ends = self.ends.filter(|_| stage == Stage::Open);
        let renewed = renew(
            app,
            &mut self.transaction,
            &account,
            stage,
            place,
            Origin {
                old: Some(&self.own),
                ends,
                told: None,
            },
            self.now,
        )
        .await?;
        notify(&mut self.transaction, Notice::Access).await?;
        let record = record.on("account", &account.login);
        trail.append(&mut self.transaction, record).await?;
        self.transaction.commit().await?;
        for hash in others {
            app.session_ended(hash);
        }
        let (jar, caller) = renewed.hand_over(app, place, jar, Some(self.own)).await?;
        if self.ends.is_none() && stage == Stage::Open {
            opened(app, trail, &caller).await?;
        }
        Ok((jar, caller))
    }
}
