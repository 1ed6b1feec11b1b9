//! What a card does to a score: the part in which it counts (domain.md section 7).

use mingjing_monitor::score::Part;

/// The part in which a card of a rule counts, by its kind and by what it found (`facts.what`). `None`: in none of its own. A card
/// for an answer that is late (R12) is one of them: orders are judged as a rate. A card written by hand goes by its kind.
pub fn part_of(rule: &str, kind: &str, what: Option<&str>) -> Option<Part> {
    Some(match (rule, what) {
        ("manual", _) => match kind {
            "timeliness" => Part::Timeliness,
            "discretion" => Part::Fees,
            "conduct" => Part::Conduct,
            "complaint" => Part::Liability,
            "data" => Part::Integrity,
            _ => Part::Process,
        },
        ("R1" | "R2" | "R3" | "R13" | "R15", _) => Part::Timeliness,
        ("R4", Some("overreach")) | ("R7", _) => Part::Integrity,
        ("R4" | "R5" | "R8", _) => Part::Process,
        ("R6", _) => Part::Fees,
        ("R9" | "R14", _) => Part::Conduct,
        ("R10", _) => Part::Liability,
        ("R11", _) => Part::Satisfaction,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_counts_somewhere_but_the_one_about_answers() {
        for rule in (1..=15).map(|n| format!("R{n}")) {
            assert_eq!(part_of(&rule, "", None).is_none(), rule == "R12", "{rule}");
        }
        assert_eq!(part_of("manual", "data", None), Some(Part::Integrity));
        assert_eq!(
            part_of("R4", "process", Some("overreach")),
            Some(Part::Integrity)
        );
        assert_eq!(
            part_of("R4", "process", Some("repeated")),
            Some(Part::Process)
        );
    }
}
