//! The one place through which the console writes the audit log.
//!
//! A handler takes a [`Trail`], which knows who calls and from where, and says what was done with a [`Record`]:
//! - [`Trail::append`] where something in the database changes: in the same transaction, as its last statement;
//! - [`Trail::record`] where something was seen or done once: before it is handed over, so that nobody sees what cannot be
//!   written down;
//! - [`Trail::tally`] for what a page or a stranger does again and again: the first time at once, the rest as a count.

pub mod csv;
mod follow;
mod refused;
mod tally;

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::Utc;
use mingjing_monitor::audit::{Action, Actor, ActorKind, Draft};
use mingjing_monitor::store::{StoreError, audit};
use serde_json::Value;
use sqlx::{PgPool, Postgres, Transaction};

use crate::app::App;
use crate::caller::{Caller, Who};
use crate::transport::client;

pub use follow::follow;
pub use refused::{Judged, at_the_door, bears_name, of_connections, refused};
pub use tally::Tally;

/// What was done. Neither `before` nor `after` may hold an applicant's data in the clear, nor a secret.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Record {
    action: Action,
    subject: Option<(&'static str, String)>,
    hall: Option<String>,
    before: Option<Value>,
    after: Option<Value>,
    reason: Option<String>,
}

impl Record {
    /// This was done.
    pub fn of(action: Action) -> Self {
        Self {
            action,
            subject: None,
            hall: None,
            before: None,
            after: None,
            reason: None,
        }
    }

    /// To this: a kind (`account`, `card`, `case`, `camera`, `token`, …) and its name there.
    pub fn on(mut self, kind: &'static str, name: impl ToString) -> Self {
        self.subject = Some((kind, name.to_string()));
        self
    }

    /// In this hall.
    pub fn hall(mut self, code: impl Into<String>) -> Self {
        self.hall = Some(code.into());
        self
    }

    /// What was.
    pub fn before(mut self, value: Value) -> Self {
        self.before = Some(value);
        self
    }

    /// What is now, or the facts of what was done.
    pub fn after(mut self, value: Value) -> Self {
        self.after = Some(value);
        self
    }

    /// Why, in the words of whoever acts.
    pub fn reason(mut self, why: impl Into<String>) -> Self {
        self.reason = Some(why.into());
        self
    }
}

/// Who acts, and from where. Handlers take it as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    actor: Actor,
}

impl Trail {
    /// Of a request: its caller, where it has one, and its address.
    pub fn new(caller: Option<&Caller>, address: Option<IpAddr>) -> Self {
        let mut actor = caller.map_or_else(|| Actor::of(ActorKind::Nobody), actor);
        actor.address = address.map(|address| address.to_string());
        Self { actor }
    }

    /// Of the console itself.
    pub fn system() -> Self {
        Self {
            actor: Actor::of(ActorKind::System),
        }
    }

    /// Of a command on the console's machine: the user who runs it, as the environment names them.
    pub fn command() -> Self {
        let user = ["SUDO_USER", "LOGNAME", "USER"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
        let mut actor = Actor::of(ActorKind::Command);
        actor.login = user;
        Self { actor }
    }

    /// Somebody who says that they are `login`, and has not proved it.
    #[must_use]
    pub fn claiming(mut self, login: &str) -> Self {
        self.actor.login = Some(login.to_owned());
        self
    }

    /// The same place, and now it is known who.
    #[must_use]
    pub fn signed_in(self, caller: &Caller) -> Self {
        let address = self.actor.address;
        Self {
            actor: Actor {
                address,
                ..actor(caller)
            },
        }
    }

    /// Who acts, for what records by itself.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    fn draft(&self, record: Record) -> Draft {
        Draft {
            at: Utc::now(),
            actor: self.actor.clone(),
            action: record.action,
            subject: record.subject,
            hall: record.hall,
            before: record.before,
            after: record.after,
            reason: record.reason,
        }
    }

    /// Writes it down in the transaction of what it tells of. Call it last: until the commit nobody else can append.
    ///
    /// # Errors
    /// When the database refuses; then nothing of the transaction may stand.
    pub async fn append(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        record: Record,
    ) -> Result<(), StoreError> {
        audit::append(transaction, &[self.draft(record)]).await?;
        Ok(())
    }

    /// Writes it down.
    ///
    /// # Errors
    /// When the database refuses; then what it tells of must not happen.
    pub async fn record(&self, db: &PgPool, record: Record) -> Result<(), StoreError> {
        audit::record(db, &[self.draft(record)]).await?;
        Ok(())
    }

    /// Writes it down, once at once and then as a count: for refusals, and for pictures that a page asks for again and again.
    /// That the database is away is no reason to stop: what could not be written is written later.
    pub async fn tally(&self, app: &App, record: Record) {
        app.tally().note(app.db(), self.draft(record)).await;
    }
}

fn actor(caller: &Caller) -> Actor {
    let (kind, id, login, name) = match &caller.who {
        Who::Account {
            id, login, name, ..
        } => (ActorKind::Account, Some(*id), Some(login), name),
        Who::Token { id, name } => (ActorKind::Token, *id, None, name),
    };
    Actor {
        kind,
        id,
        login: login.cloned(),
        name: Some(name.clone()),
        role: Some(caller.role.code().to_owned()),
        address: None,
    }
}

impl<S: Sync> FromRequestParts<S> for Trail {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let caller = parts.extensions.get::<Caller>();
        let client = client::of(&parts.extensions);
        Ok(Self::new(caller, client.map(|client| client.address())))
    }
}
