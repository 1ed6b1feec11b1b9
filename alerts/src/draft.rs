//! Drafts of a rule profile: from writing to putting in force, as one table.

/// Where a draft stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Being written.
    Open,
    /// Another inspector is asked to put it in force.
    Sent,
    /// The other one refused it; it may be changed and sent again.
    Refused,
    /// Given up.
    Dropped,
    /// In force, or will be.
    Enforced,
}

/// Who does something to a draft: the one who wrote it, or another inspector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// Who wrote it.
    Drafter,
    /// Anybody else.
    Other,
}

/// What may be done to a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// From these states.
    pub from: &'static [State],
    /// To this one.
    pub to: State,
    /// By whom.
    pub by: Party,
    /// Whether it has to say why.
    pub needs_why: bool,
}

impl State {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::Dropped => "dropped",
            Self::Enforced => "enforced",
        }
    }

    /// Reads [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Open,
            Self::Sent,
            Self::Refused,
            Self::Dropped,
            Self::Enforced,
        ];
        all.into_iter().find(|state| state.as_str() == word)
    }
}

const fn step(
    name: &'static str,
    from: &'static [State],
    to: State,
    by: Party,
    needs_why: bool,
) -> Step {
    Step {
        name,
        from,
        to,
        by,
        needs_why,
    }
}

/// The table. Whoever wrote a draft never puts it in force (domain.md, chapter 9).
pub const STEPS: &[Step] = &[
    step(
        "change",
        &[State::Open, State::Refused],
        State::Open,
        Party::Drafter,
        false,
    ),
    step(
        "send",
        &[State::Open, State::Refused],
        State::Sent,
        Party::Drafter,
        false,
    ),
    step(
        "take_back",
        &[State::Sent],
        State::Open,
        Party::Drafter,
        false,
    ),
    step(
        "drop",
        &[State::Open, State::Sent, State::Refused],
        State::Dropped,
        Party::Drafter,
        false,
    ),
    step("refuse", &[State::Sent], State::Refused, Party::Other, true),
    step(
        "enforce",
        &[State::Sent],
        State::Enforced,
        Party::Other,
        false,
    ),
];

/// The step of this name, if the table has it for a draft that stands there and for this party.
pub fn allowed(name: &str, state: State, by: Party) -> Option<&'static Step> {
    STEPS
        .iter()
        .find(|step| step.name == name && step.by == by && step.from.contains(&state))
}

/// What this party may do to a draft that stands there.
pub fn open_to(state: State, by: Party) -> impl Iterator<Item = &'static Step> {
    let open = move |step: &&Step| step.by == by && step.from.contains(&state);
    STEPS.iter().filter(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writes_and_another_puts_in_force() {
        for state in [State::Open, State::Sent, State::Refused] {
            assert!(allowed("enforce", state, Party::Drafter).is_none());
            assert!(allowed("refuse", state, Party::Drafter).is_none());
            assert!(allowed("change", state, Party::Other).is_none());
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        assert!(
            allowed("enforce", State::Open, Party::Other).is_none(),
            "not sent"
        );
        let step = allowed("enforce", State::Sent, Party::Other).expect("another one may");
        assert_eq!(step.to, State::Enforced);
        for state in [State::Dropped, State::Enforced] {
            for party in [Party::Drafter, Party::Other] {
                assert_eq!(open_to(state, party).count(), 0, "{state:?} is an end");
            }
        }
    }
}
