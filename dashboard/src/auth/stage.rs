//! The way in, as one small machine. Each arrow is a request that was granted; each ends the session under its old name and
//! begins it under a new one, so that a name which somebody planted or overheard before is worth nothing after.
//!
//! ```text
//! login and password ─┬─▶ second_factor ─ code ─┬─▶ new_password ─ password ─┬─▶ enrolment ─ code ─▶ open
//!                     └────────── none set up ──┴──────── not asked for ─────┴───── not required ───▶ open
//! ```
//!
//! Who comes from single sign-on begins at the same place: the provider's word stands for the password, and where it vouches
//! for a second factor too, none is asked for here.
//!
//! A stage is skipped when nothing asks for it. Before `open` a session reaches its own step, its own state and the way out,
//! nothing else, and lasts ten minutes.

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::store::accounts::Account;
use serde::Serialize;
use utoipa::ToSchema;

use crate::config::SignIn;
use crate::policy::Role;

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The password was right; a code is asked for.
    SecondFactor,
    /// The password is a one-time one or has run out; another has to be chosen.
    NewPassword,
    /// The role needs a second factor; it has to be set up.
    Enrolment,
    /// Signed in.
    Open,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 4] = [
        Self::SecondFactor,
        Self::NewPassword,
        Self::Enrolment,
        Self::Open,
    ];

    /// As in the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::SecondFactor => "second_factor",
            Self::NewPassword => "new_password",
            Self::Enrolment => "enrolment",
            Self::Open => "open",
        }
    }

    /// From the database.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.code() == code)
    }

    /// What comes next for an account whose password was right, or for which a provider vouches.
    pub fn next(account: &Account, factor: Factor, rules: &SignIn, now: DateTime<Utc>) -> Self {
        if account.totp.is_some() && factor == Factor::Unproven {
            Self::SecondFactor
        } else if account.must_change || runs_out(account, rules).is_some_and(|end| end <= now) {
            Self::NewPassword
        } else if account.totp.is_none()
            && factor != Factor::Provider
            && needs_second_factor(account, rules)
        {
            Self::Enrolment
        } else {
            Self::Open
        }
    }
}

/// What is known of a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// Nothing yet.
    Unproven,
    /// A code of the account's own was right.
    Own,
    /// The provider of single sign-on says that it asked for one.
    Provider,
}

/// Whether the account's role comes in with a second factor only.
pub fn needs_second_factor(account: &Account, rules: &SignIn) -> bool {
    // A role that this version does not know gets nowhere; it must not get there more easily.
    Role::parse(&account.role).is_none_or(|role| rules.second_factor_roles.contains(&role))
}

/// When the password runs out; who comes from single sign-on has none.
pub fn runs_out(account: &Account, rules: &SignIn) -> Option<DateTime<Utc>> {
    let days = rules.password_days;
    (days > 0 && account.issuer.is_none())
        .then(|| account.password_set + TimeDelta::days(days.into()))
}

#[cfg(test)]
mod tests {
    use super::Factor::{Own, Provider, Unproven};
    use super::*;

    fn account(role: &str, must_change: bool, totp: bool) -> Account {
        Account {
            id: 1,
            login: "li".into(),
            name: "李敏".into(),
            role: role.into(),
            hall: "C".into(),
            unit: None,
            window: None,
            password_hash: String::new(),
            disabled: false,
            password_set: DateTime::UNIX_EPOCH,
            must_change,
            totp: totp.then(|| "sealed".to_owned()),
            issuer: None,
        }
    }

    #[test]
    fn each_stage_is_asked_for_once_and_in_order() {
        let (rules, now) = (SignIn::default(), DateTime::UNIX_EPOCH);
        let next = |account: &Account, factor| Stage::next(account, factor, &rules, now);
        let everything = account("inspector", true, true);
        assert_eq!(next(&everything, Unproven), Stage::SecondFactor);
        assert_eq!(next(&everything, Own), Stage::NewPassword);
        assert_eq!(
            next(&account("inspector", true, false), Unproven),
            Stage::NewPassword
        );
        assert_eq!(
            next(&account("inspector", false, false), Unproven),
            Stage::Enrolment
        );
        assert_eq!(next(&account("inspector", false, true), Own), Stage::Open);
        assert_eq!(
            next(&account("leader", false, false), Unproven),
            Stage::Open
        );
        assert_eq!(
            next(&account("leader", false, true), Unproven),
            Stage::SecondFactor
        );
    }

    #[test]
    fn a_provider_vouches_for_the_second_factor_or_ours_is_asked_for() {
        let rules = SignIn {
            password_days: 90,
            ..SignIn::default()
        };
        let later = DateTime::UNIX_EPOCH + TimeDelta::days(400);
        let next = |role, totp, factor| {
            let account = Account {
                issuer: Some("https://id.example".into()),
                ..account(role, false, totp)
            };
            Stage::next(&account, factor, &rules, later)
        };
        assert_eq!(next("inspector", false, Provider), Stage::Open);
        assert_eq!(next("inspector", true, Provider), Stage::Open);
        assert_eq!(next("inspector", false, Unproven), Stage::Enrolment);
        assert_eq!(next("inspector", true, Unproven), Stage::SecondFactor);
        assert_eq!(next("leader", false, Unproven), Stage::Open);
    }

    #[test]
    fn a_password_runs_out_only_where_a_county_says_so() {
        let (old, later) = (
            account("leader", false, false),
            DateTime::UNIX_EPOCH + TimeDelta::days(90),
        );
        let next = |password_days| {
            let rules = SignIn {
                password_days,
                ..SignIn::default()
            };
            Stage::next(&old, Unproven, &rules, later)
        };
        assert_eq!(next(0), Stage::Open);
        assert_eq!(next(91), Stage::Open);
        assert_eq!(next(90), Stage::NewPassword);
    }

    #[test]
    fn names_are_those_of_the_database() {
        for stage in Stage::ALL {
            assert_eq!(Stage::parse(stage.code()), Some(stage));
            assert_eq!(serde_json::to_value(stage).unwrap(), stage.code());
        }
    }
}
