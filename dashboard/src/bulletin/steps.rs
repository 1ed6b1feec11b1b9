//! What may become of a bulletin, as one table.

use crate::policy::Role;

/// Where a bulletin stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// 草稿: its text may be edited, its figures read again.
    Draft,
    /// 已签发: a leader signed what stands there.
    Signed,
    /// 已公布: nothing of it changes any more.
    Published,
}

impl State {
    /// The word of interface and database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Signed => "signed",
            Self::Published => "published",
        }
    }
}

/// What may be done to a bulletin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// From this state.
    pub from: State,
    /// To this one.
    pub to: State,
    /// By these.
    pub by: &'static [Role],
}

/// The table. Who signs is not who publishes: what goes out has passed two people.
pub const STEPS: &[Step] = &[
    step("draft", State::Draft, State::Draft, &[Role::Inspector]),
    step("text", State::Draft, State::Draft, &[Role::Inspector]),
    step("sign", State::Draft, State::Signed, &[Role::Leader]),
    step(
        "take_back",
        State::Signed,
        State::Draft,
        &[Role::Inspector, Role::Leader],
    ),
    step(
        "publish",
        State::Signed,
        State::Published,
        &[Role::Inspector],
    ),
    step(
        "addendum",
        State::Published,
        State::Published,
        &[Role::Leader],
    ),
];

const fn step(name: &'static str, from: State, to: State, by: &'static [Role]) -> Step {
    Step { name, from, to, by }
}

/// What `role` may do to a bulletin in this state.
pub fn open_to(role: Role, state: &str) -> impl Iterator<Item = &'static Step> {
    STEPS
        .iter()
        .filter(move |step| step.from.as_str() == state && step.by.contains(&role))
}

/// Whether somebody reads bulletins that are not published: those whom they are about do not.
pub fn reads_drafts(role: Role) -> bool {
    matches!(role, Role::Inspector | Role::Leader | Role::Commission)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_signs_and_an_inspector_publishes() {
        let names = |role, state: State| -> Vec<&str> {
            open_to(role, state.as_str())
                .map(|step| step.name)
                .collect()
        };
        assert_eq!(names(Role::Inspector, State::Draft), ["draft", "text"]);
        assert_eq!(names(Role::Leader, State::Draft), ["sign"]);
        assert_eq!(
            names(Role::Inspector, State::Signed),
            ["take_back", "publish"]
        );
        assert_eq!(names(Role::Leader, State::Signed), ["take_back"]);
        assert_eq!(names(Role::Leader, State::Published), ["addendum"]);
        for role in [Role::HallManager, Role::Commission, Role::Reader] {
            assert!(STEPS.iter().all(|step| !step.by.contains(&role)));
        }
    }
}
