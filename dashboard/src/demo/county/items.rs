//! The demo county's items (事项): each subject of a unit is applied for in the few ways that its class has.

use mingjing_monitor::item::{HandlingKind, Step};
use mingjing_monitor::limit::Limit;

use super::units::{UNITS, UnitPlan};
use crate::demo::rng::Rng;

/// What sort of service a subject is: it decides which items it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// 许可: issued, changed, renewed, given back.
    License,
    /// 登记: entered, changed, struck off.
    Registration,
    /// 待遇、补贴: applied for in the village, decided above.
    Benefit,
    /// 证明、查询: on the spot.
    Proof,
    /// 备案: a short look.
    Filing,
    /// 审批: with a survey and often an expert review.
    Approval,
    /// 一件事: several units together.
    Joint,
}

/// What an item is about.
#[derive(Debug)]
pub struct Subject {
    /// In Chinese.
    pub name: &'static str,
    /// In English.
    pub name_en: &'static str,
    /// Its sort.
    pub class: Class,
    /// The levels at which it is offered, a sum of [`super::COUNTY`], [`super::TOWN`] and [`super::VILLAGE`].
    pub at: u8,
}

/// An item of the county's catalogue and what the generator knows about it.
#[derive(Debug, Clone)]
pub struct DemoItem {
    /// Code, e.g. `RS-003`.
    pub code: String,
    /// Name in Chinese.
    pub name: String,
    /// Name in English.
    pub name_en: String,
    /// Its unit, a place in [`UNITS`].
    pub unit: usize,
    /// How its cases are handled.
    pub kind: HandlingKind,
    /// The hall's promise.
    pub promise: Limit,
    /// The law's limit.
    pub legal: Limit,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// Levels at which it is offered.
    pub at: u8,
    /// How often it is asked for, against the other items of its unit.
    pub weight: f64,
    /// The special procedure that its cases may need, if any.
    pub procedure: Option<&'static str>,
    /// Fee in yuan; 0 for none.
    pub fee: u32,
}

/// One way in which a subject is applied for.
struct Way {
    zh: &'static str,
    en: &'static str,
    kind: HandlingKind,
    legal: u32,
    weight: f64,
    survey: bool,
}

const fn way(
    zh: &'static str,
    en: &'static str,
    kind: HandlingKind,
    legal: u32,
    weight: f64,
    survey: bool,
) -> Way {
    Way {
        zh,
        en,
        kind,
        legal,
        weight,
        survey,
    }
}

use HandlingKind::{Forwarded, Immediate, Joint, Promised};

fn ways(class: Class) -> &'static [Way] {
    const LICENSE: &[Way] = &[
        way("{}核发", "Issue: {}", Promised, 20, 1.0, true),
        way("{}变更", "Change: {}", Promised, 10, 0.5, false),
        way("{}延续", "Renewal: {}", Promised, 20, 0.6, false),
        way("{}注销", "Surrender: {}", Immediate, 5, 0.3, false),
    ];
    const REGISTRATION: &[Way] = &[
        way("{}登记", "Registration: {}", Promised, 10, 1.2, false),
        way(
            "{}变更登记",
            "Change of registration: {}",
            Immediate,
            5,
            1.4,
            false,
        ),
        way("{}注销登记", "Striking off: {}", Immediate, 5, 0.5, false),
    ];
    const BENEFIT: &[Way] = &[
        way("{}申请", "Application: {}", Forwarded, 30, 1.0, true),
        way(
            "{}发放账户变更",
            "Change of account: {}",
            Immediate,
            5,
            0.7,
            false,
        ),
        way(
            "{}资格复核",
            "Review of entitlement: {}",
            Promised,
            20,
            0.5,
            false,
        ),
    ];
    const PROOF: &[Way] = &[
        way("{}查询", "Enquiry: {}", Immediate, 1, 2.0, false),
        way("{}证明出具", "Certificate: {}", Immediate, 5, 1.4, false),
    ];
    const FILING: &[Way] = &[
        way("{}备案", "Filing: {}", Promised, 8, 1.0, false),
        way(
            "{}备案变更",
            "Change of filing: {}",
            Immediate,
            5,
            0.5,
            false,
        ),
    ];
    const APPROVAL: &[Way] = &[
        way("{}审批", "Approval: {}", Promised, 30, 1.0, true),
        way(
            "{}审批变更",
            "Change of approval: {}",
            Promised,
            20,
            0.4,
            true,
        ),
    ];
    const JOINT: &[Way] = &[way(
        "{}“一件事”联办",
        "One-stop service: {}",
        Joint,
        20,
        1.5,
        false,
    )];
    match class {
        Class::License => LICENSE,
        Class::Registration => REGISTRATION,
        Class::Benefit => BENEFIT,
        Class::Proof => PROOF,
        Class::Filing => FILING,
        Class::Approval => APPROVAL,
        Class::Joint => JOINT,
    }
}

/// The letters before an item's number: the first of each unit's English words, made unique by the unit's place.
fn prefix(unit: usize) -> String {
    let letters: String = UNITS[unit]
        .name_en
        .split_whitespace()
        .filter(|word| word.starts_with(char::is_uppercase))
        .filter_map(|word| word.chars().next())
        .take(2)
        .collect();
    format!("{letters}{:02}", unit + 1)
}

/// The whole catalogue, in the order of the units.
pub fn catalogue(seed: u64) -> Vec<DemoItem> {
    let mut items = Vec::new();
    for (place, unit) in UNITS.iter().enumerate() {
        let mut number = 0;
        for subject in unit.subjects {
            for way in ways(subject.class) {
                number += 1;
                let mut rng = Rng::keyed(&[seed, 11, place as u64, number]);
                items.push(item(unit, place, subject, way, number, &mut rng));
            }
        }
    }
    items
}

fn item(
    unit: &UnitPlan,
    place: usize,
    subject: &Subject,
    way: &Way,
    number: u64,
    rng: &mut Rng,
) -> DemoItem {
    // Limits were cut by about half, here a little more, there a little less.
    let promise = match way.kind {
        Immediate => 1,
        _ => ((f64::from(way.legal) * (0.4 + 0.2 * rng.unit())).round() as u32).max(2),
    };
    DemoItem {
        code: format!("{}-{number:03}", prefix(place)),
        name: way.zh.replace("{}", subject.name),
        name_en: way.en.replace("{}", subject.name_en),
        unit: place,
        kind: way.kind,
        promise: Limit::workdays(promise),
        legal: Limit::workdays(way.legal),
        steps: steps(way, promise),
        at: subject.at,
        weight: way.weight * (0.7 + 0.6 * rng.unit()),
        procedure: procedure(subject.class, unit.code, rng),
        fee: if matches!(subject.class, Class::License) && way.survey && rng.chance(0.4) {
            10 * rng.range(2, 20) as u32
        } else {
            0
        },
    }
}

/// The special procedure that fits: experts for approvals, a laboratory or an inspector for licences.
fn procedure(class: Class, unit: &str, rng: &mut Rng) -> Option<&'static str> {
    match class {
        Class::Approval => Some(*rng.pick(&["expert_review", "hearing", "appraisal"])),
        Class::License if unit == "农业农村局" => Some("quarantine"),
        Class::License => Some(*rng.pick(&["inspection", "testing", "expert_review"])),
        _ => None,
    }
}

/// Splits the promise over the steps; a step's limit is its share rounded up, so that a case within its promise can be
/// within every step.
fn steps(way: &Way, promise: u32) -> Vec<Step> {
    type Part = (&'static str, &'static str, f64, &'static str, bool);
    const REVIEW: Part = ("review", "审查", 0.6, "examiner", false);
    const DECISION: Part = ("decision", "决定", 0.4, "approver", false);
    let parts: Vec<Part> = match way.kind {
        Immediate => vec![],
        Forwarded => vec![
            ("first_review", "初审", 0.3, "examiner", false),
            ("survey", "入户核查", 0.3, "surveyor", true),
            ("county_review", "县级审核", 0.4, "approver", false),
        ],
        Joint => vec![
            ("joint_review", "联合审查", 0.6, "examiner", false),
            DECISION,
        ],
        Promised if way.survey => vec![
            ("review", "审查", 0.3, "examiner", false),
            ("survey", "现场踏勘", 0.4, "surveyor", true),
            ("decision", "决定", 0.3, "approver", false),
        ],
        Promised => vec![REVIEW, DECISION],
    };
    parts
        .iter()
        .map(|&(code, name, share, role, offline)| Step {
            code: code.into(),
            name: name.into(),
            limit: Some(Limit::workdays((f64::from(promise) * share).ceil() as u32)),
            role: Some(role.into()),
            offline,
            ..Step::default()
        })
        .collect()
}
