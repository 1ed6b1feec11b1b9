//! The account of a person whom the provider let in: found by issuer and subject, made at the first sign-in, and given anew at
//! each what the groups say.

use chrono::{DateTime, Utc};
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::accounts::{self, Account};
use mingjing_monitor::store::administration::{self, Grant};
use mingjing_monitor::store::single_sign_on::{self, NewAccount};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{Refusal, Told};
use crate::app::App;
use crate::audit::Record;
use crate::caller::Scope;
use crate::config::{self, oidc::Group};
use crate::directory::Directory;

/// What stands behind the login of everybody who comes from a provider, so that nobody takes them for a local account.
const SUFFIX: &str = "@sso";

/// What became of it.
#[derive(Debug)]
pub struct Entered {
    /// The account, as it is now.
    pub account: Account,
    /// What is to be written down: that it was made, or what changed.
    pub record: Option<Record>,
    /// Its sessions that ended because it may something else now.
    pub ended: Vec<Vec<u8>>,
}

/// Finds the account, or makes it, and gives it what the groups say. Nothing stands until the transaction is committed.
///
/// # Errors
/// No group fits, the one that fits names what is not there, or the account was disabled here.
pub async fn enter(
    app: &App,
    transaction: &mut PgConnection,
    (settings, told): (&config::Oidc, &Told),
    now: DateTime<Utc>,
) -> Result<Entered, Refusal> {
    let group = told
        .group(settings)
        .ok_or_else(|| Refusal::NoGroup(Box::new(told.clone())))?;
    let scope = covered(&app.directory(), group)?;
    let grant = Grant {
        role: group.role.code(),
        hall: &scope.hall,
        unit: scope.unit.as_deref(),
        window: scope.window.as_deref(),
    };
    single_sign_on::in_turn(transaction).await?;
    let issuer = settings.issuer.as_str();
    match single_sign_on::account(transaction, issuer, &told.subject).await? {
        Some(account) if account.disabled => Err(Refusal::Disabled(account.login)),
        Some(account) => renewed(transaction, account, (told, group), grant).await,
        None => made(transaction, (issuer, told, group), grant, now).await,
    }
}

/// Over what a group stands.
fn covered(directory: &Directory, group: &Group) -> Result<Scope, Refusal> {
    let hall = group.hall.clone().unwrap_or_else(|| directory.root());
    let has_unit = |code: &str| directory.units().any(|unit| unit.code == code);
    let there = directory.hall(&hall).is_some()
        && group.unit.as_deref().is_none_or(has_unit)
        && group
            .window
            .as_deref()
            .is_none_or(|window| directory.window(&hall, window).is_some());
    if !there {
        tracing::error!(
            group = group.name,
            "[[oidc.group]] names a hall, unit or window that is not there"
        );
        return Err(Refusal::Mapping(group.name.clone()));
    }
    Ok(Scope {
        hall,
        unit: group.unit.clone(),
        window: group.window.clone(),
    })
}

async fn made(
    transaction: &mut PgConnection,
    (issuer, told, group): (&str, &Told, &Group),
    grant: Grant<'_>,
    now: DateTime<Utc>,
) -> Result<Entered, Refusal> {
    let login = free_login(transaction, &told.login).await?;
    let new = NewAccount {
        login: &login,
        name: &told.name,
        issuer,
        subject: &told.subject,
        grant,
    };
    let id = single_sign_on::create(transaction, &new, now).await?;
    let account = found(transaction, id).await?;
    let mut after = facts(&account, group);
    after["issuer"] = json!(issuer);
    after["subject"] = json!(told.subject);
    let record = Record::of(Action::AccountCreated)
        .on("account", &account.login)
        .hall(&account.hall)
        .after(after);
    Ok(Entered {
        account,
        record: Some(record),
        ended: Vec::new(),
    })
}

async fn renewed(
    transaction: &mut PgConnection,
    before: Account,
    (told, group): (&Told, &Group),
    grant: Grant<'_>,
) -> Result<Entered, Refusal> {
    let granted = (
        before.role.as_str(),
        before.hall.as_str(),
        before.unit.as_deref(),
        before.window.as_deref(),
    );
    let mut ended = Vec::new();
    if granted != (grant.role, grant.hall, grant.unit, grant.window) {
        administration::grant(transaction, before.id, grant).await?;
        // What they opened as somebody else falls.
        ended = administration::end_sessions(transaction, before.id).await?;
    }
    if before.name != told.name {
        single_sign_on::rename(transaction, before.id, &told.name).await?;
    }
    let account = found(transaction, before.id).await?;
    let record = (account != before).then(|| {
        Record::of(Action::AccountChanged)
            .on("account", &account.login)
            .hall(&account.hall)
            .before(facts(&before, group))
            .after(facts(&account, group))
    });
    Ok(Entered {
        account,
        record,
        ended,
    })
}

async fn found(transaction: &mut PgConnection, id: i64) -> Result<Account, Refusal> {
    let account = accounts::by_id(transaction, id).await?;
    account.ok_or_else(|| crate::problem::Problem::internal("an account is gone").into())
}

/// `li@sso`, or `li-2@sso` where that is taken: what the screens call the account, and nothing that lets anybody in.
async fn free_login(transaction: &mut PgConnection, wanted: &str) -> Result<String, Refusal> {
    let mut login = format!("{wanted}{SUFFIX}");
    let mut number = 2_u32;
    while accounts::by_login(&mut *transaction, &login)
        .await?
        .is_some()
    {
        login = format!("{wanted}-{number}{SUFFIX}");
        number += 1;
    }
    Ok(login)
}

/// What the audit log keeps.
fn facts(account: &Account, group: &Group) -> Value {
    json!({
        "name": account.name, "role": account.role, "hall": account.hall, "unit": account.unit, "window": account.window,
        "group": group.name,
    })
}
