//! The way that a case took, held against the steps that its item foresees.

use std::collections::HashSet;

use serde::Serialize;

use crate::item::{ItemVersion, Step};

/// How a way differs from what the item foresees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deviation {
    /// A step that the item does not have.
    Unknown,
    /// A step before one that must be done first, which came later.
    Order,
    /// A step that a case may do once, done again.
    Repeated,
    /// A step that a case may not do without, left out.
    Skipped,
}

/// How the steps of a decided case, in order, differ from those of its item: each way once, in order. An item that lists no steps foresees
/// nothing, and nothing differs from it.
pub fn deviations(item: &ItemVersion, steps: &[String]) -> Vec<Deviation> {
    if item.steps.is_empty() {
        return Vec::new();
    }
    let all: HashSet<&str> = steps.iter().map(String::as_str).collect();
    let mut found = HashSet::new();
    let mut done = HashSet::new();
    for code in steps {
        let Some(step) = item.step(code) else {
            found.insert(Deviation::Unknown);
            continue;
        };
        let early = |it: &Step| !done.contains(it.code.as_str()) && all.contains(it.code.as_str());
        if item.before(step).any(early) {
            found.insert(Deviation::Order);
        }
        if !done.insert(code.as_str()) && !step.repeatable {
            found.insert(Deviation::Repeated);
        }
    }
    let left_out = |step: &&Step| !step.optional && !done.contains(step.code.as_str());
    if item.steps.iter().any(|step| left_out(&step)) {
        found.insert(Deviation::Skipped);
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_unstable();
    found
}

/// Whether `later` may directly follow `earlier` by what the item foresees; empty: before the first step, after the last. What may lie
/// between them and was left out is not seen in two steps alone: [`deviations`] says that of whole ways.
pub fn is_foreseen(item: &ItemVersion, earlier: &str, later: &str) -> bool {
    if item.steps.is_empty() {
        return true;
    }
    let step = |code: &str| (!code.is_empty()).then(|| item.step(code));
    match (step(earlier), step(later)) {
        (Some(None), _) | (_, Some(None)) => false,
        (Some(Some(earlier)), Some(Some(later))) if earlier.code == later.code => later.repeatable,
        (Some(Some(earlier)), Some(Some(later))) => {
            !precedes(item, later, earlier, &mut HashSet::new())
        }
        // Nothing that must come after another step is a beginning, unless that other may be left out.
        (None, Some(Some(first))) => item.before(first).all(|step| step.optional),
        (Some(Some(last)), None) => {
            let mut rest = item.steps.iter().filter(|step| !step.optional);
            !rest.any(|step| precedes(item, last, step, &mut HashSet::new()))
        }
        (None, None) => item.steps.iter().all(|step| step.optional),
    }
}

/// Whether `first` must be done before `second`, directly or by others between them.
fn precedes<'a>(
    item: &'a ItemVersion,
    first: &Step,
    second: &'a Step,
    seen: &mut HashSet<&'a str>,
) -> bool {
    item.before(second).any(|step| {
        seen.insert(&step.code) && (step.code == first.code || precedes(item, first, step, seen))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 收件 → 踏勘 (may be left out) → 审核 (may be repeated) → 制证.
    fn item() -> ItemVersion {
        let step = |code: &str, optional, repeatable| Step {
            code: code.into(),
            optional,
            repeatable,
            ..Step::default()
        };
        ItemVersion {
            steps: vec![
                step("take", false, false),
                step("survey", true, false),
                step("review", false, true),
                step("print", false, false),
            ],
            ..ItemVersion::default()
        }
    }

    fn of(steps: &[&str]) -> Vec<Deviation> {
        let steps: Vec<String> = steps.iter().map(|&step| step.into()).collect();
        deviations(&item(), &steps)
    }

    #[test]
    fn a_way_is_held_against_the_steps_of_its_item() {
        assert_eq!(of(&["take", "survey", "review", "review", "print"]), []);
        assert_eq!(of(&["take", "review", "print"]), []);
        assert_eq!(of(&["take", "review"]), [Deviation::Skipped]);
        assert_eq!(
            of(&["review", "take", "print"]),
            [Deviation::Order],
            "what came later was not left out"
        );
        assert_eq!(
            of(&["take", "take", "review", "stamp", "print"]),
            [Deviation::Unknown, Deviation::Repeated]
        );
        assert_eq!(deviations(&ItemVersion::default(), &["a".into()]), []);
    }

    #[test]
    fn an_edge_is_foreseen_unless_it_goes_back_or_leads_to_what_is_not_there() {
        for (earlier, later, expected) in [
            ("", "take", true),
            ("", "survey", false),
            ("take", "survey", true),
            ("take", "review", true),
            ("review", "review", true),
            ("take", "take", false),
            ("review", "take", false),
            ("print", "take", false),
            ("stamp", "print", false),
            ("review", "", false),
            ("print", "", true),
            ("", "", false),
        ] {
            assert_eq!(
                is_foreseen(&item(), earlier, later),
                expected,
                "{earlier} → {later}"
            );
        }
    }
}
