//! From what the rules find to what becomes of the cards: a comparison of two sets, without input or output.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use mingjing_monitor::calendar::Calendar;

use super::assess::Found;
use crate::card::{Grade, Role, State, transition};
use crate::ladder::{awaits_answer, workdays_after};
use crate::profile::RuleSet;
use crate::rules::Anomaly;
use crate::store::cards::CardRecord;

/// A step that a card took.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Taken {
    pub transition: &'static str,
    pub from: Option<State>,
    pub to: State,
    pub at: DateTime<Utc>,
    pub why: Option<String>,
}

/// A card while it is worked on.
#[derive(Debug, Clone)]
pub(super) struct Working {
    pub card: CardRecord,
    pub taken: Vec<Taken>,
    /// Words, numbers or bearer changed without a transition.
    pub amended: bool,
    /// Who bore it until now, and what it said of them.
    pub former: Option<Former>,
}

/// Who bore a card before evidence showed that it was somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Former {
    pub hall: String,
    pub unit: Option<String>,
    pub window: Option<String>,
    pub sentence_zh: String,
    pub sentence_en: String,
}

impl From<CardRecord> for Working {
    fn from(card: CardRecord) -> Self {
        Self {
            card,
            taken: Vec::new(),
            amended: false,
            former: None,
        }
    }
}

/// What holds for all cards of one case.
pub(super) struct Ground<'a> {
    pub calendar: &'a Calendar,
    pub rules: &'a RuleSet,
    /// When the cards are moved.
    pub now: DateTime<Utc>,
    /// What happens counts as done when it fell due: history that is being loaded.
    pub lived: bool,
    /// The source is complete up to here; `None`: its word counts at once.
    pub complete_until: Option<Option<DateTime<Utc>>>,
    pub trial: bool,
    /// What the cards are about: `case`, `complaint`, …
    pub about: &'a str,
    /// The case.
    pub case_no: Option<&'a str>,
    /// What else they are about.
    pub subject: Option<&'a str>,
    /// On whose word they rest; `None`: on our own.
    pub source: Option<&'a str>,
    pub item: &'a str,
    /// What the facts of the case are, for cards that an inspector upheld; worked out only when asked for.
    pub facts: &'a dyn Fn() -> Vec<u8>,
    /// Ids of cards whose anomaly is gone by evidence that came in time.
    pub in_time: &'a HashSet<i64>,
}

impl Ground<'_> {
    fn is_firm(&self, due_at: DateTime<Utc>) -> bool {
        self.complete_until
            .is_none_or(|complete| complete.is_some_and(|complete| complete >= due_at))
    }

    /// What becomes of a card once it is firm.
    fn firm(&self, anomaly: &Anomaly) -> (&'static str, State) {
        if anomaly.awaits_person() {
            ("detect", State::Unconfirmed)
        } else {
            issued(self.rules, anomaly.grade)
        }
    }

    fn at(&self, due_at: DateTime<Utc>) -> DateTime<Utc> {
        if self.lived {
            due_at.min(self.now)
        } else {
            self.now
        }
    }
}

/// How a firm card of this grade begins: issued, or left to an inspector to issue.
pub(super) fn issued(rules: &RuleSet, grade: Grade) -> (&'static str, State) {
    if rules.waits_for_issue(grade) {
        ("prepare", State::Pending)
    } else {
        ("issue", State::Issued)
    }
}

/// When an answer to a card issued at `issued` is due.
pub(super) fn answer_due(
    calendar: &Calendar,
    rules: &RuleSet,
    card: &CardRecord,
    issued: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let within = rules.answer_within(card.grade).filter(|&days| days > 0)?;
    Some(workdays_after(calendar, issued, within))
}

impl Working {
    /// Takes a transition if the table has it for the system; nothing happens where it has none.
    pub(super) fn take(
        &mut self,
        name: &'static str,
        at: DateTime<Utc>,
        why: Option<&str>,
        ground: &Ground<'_>,
    ) {
        let Some(row) = transition(name, Some(self.card.state), self.card.grade, Role::System)
        else {
            return;
        };
        let former = match self.card.state {
            State::Contested => self.card.contested_from,
            State::Superseded => self.card.superseded_from,
            _ => None,
        };
        let (calendar, rules) = (ground.calendar, ground.rules);
        self.enter(name, row.target(former), at, why, calendar, rules);
    }

    /// Puts the card into a state, with all that goes with it.
    pub(super) fn enter(
        &mut self,
        transition: &'static str,
        to: State,
        at: DateTime<Utc>,
        why: Option<&str>,
        calendar: &Calendar,
        rules: &RuleSet,
    ) {
        let card = &mut self.card;
        let from = card.state;
        match to {
            // For whoever it comes to it is firm, and may be appealed, from now.
            State::Issued if transition == "transfer" => card.issued_at = Some(at),
            State::Issued => card.issued_at = card.issued_at.or(Some(at)),
            State::Appealed => {
                let days = rules.r12.decide.get();
                card.decide_due = Some(workdays_after(calendar, at, days));
            }
            State::Contested if transition == "contest" => card.contested_from = Some(from),
            State::Superseded => card.superseded_from = Some(from),
            _ => {}
        }
        // Signing for a card stops no clock; whatever else leads to where an answer is awaited begins it anew.
        let signed = transition == "receive";
        if !signed && awaits_answer(to, card.grade) {
            card.answer_due = answer_due(calendar, rules, card, at);
        }
        card.next_instant = match to {
            State::Received if signed => card.next_instant,
            State::Appealed => card.decide_due,
            _ if awaits_answer(to, card.grade) => card.answer_due,
            _ => None,
        }
        // In a trial run nothing follows when nobody answers.
        .filter(|_| rules.r12.on && !card.trial);
        card.state = to;
        card.closed_at = to.is_over().then_some(at);
        card.revision += 1;
        self.taken.push(Taken {
            transition,
            from: Some(from),
            to,
            at,
            why: why.map(Into::into),
        });
    }
}

/// Whether an inspector upheld the card in view of these very facts.
fn is_judged(card: &CardRecord, facts: &dyn Fn() -> Vec<u8>) -> bool {
    card.judged
        .as_ref()
        .is_some_and(|judged| *judged == facts())
}

/// The firm cards whose anomaly is gone: whether their evidence came in time has to be looked up.
pub(super) fn to_look_up<'a>(
    cards: &'a [Working],
    anomalies: &[Found],
    facts: &dyn Fn() -> Vec<u8>,
) -> Vec<&'a CardRecord> {
    let found: HashSet<&str> = anomalies
        .iter()
        .map(|anomaly| anomaly.cause_key.as_str())
        .collect();
    let gone = |card: &&CardRecord| {
        let firm = card.state.weighs() || card.state == State::Superseded;
        firm && card.rests_on_facts()
            && card.grade.is_card()
            && card.state != State::Contested
            && !found.contains(card.cause_key.as_str())
            && !is_judged(card, facts)
    };
    cards
        .iter()
        .map(|working| &working.card)
        .filter(gone)
        .collect()
}

/// Moves the cards of one case to what the rules find.
pub(super) fn settle(cards: &mut Vec<Working>, anomalies: &[Found], ground: &Ground<'_>) {
    let at: HashMap<String, usize> = cards
        .iter()
        .enumerate()
        .map(|(i, it)| (it.card.cause_key.clone(), i))
        .collect();
    let found: HashSet<&str> = anomalies
        .iter()
        .map(|anomaly| anomaly.cause_key.as_str())
        .collect();
    for anomaly in anomalies {
        match at.get(&anomaly.cause_key) {
            Some(&i) => present(&mut cards[i], anomaly, ground),
            None => cards.push(begin(anomaly, ground)),
        }
    }
    for working in cards.iter_mut().filter(|working| {
        working.card.rests_on_facts() && !found.contains(working.card.cause_key.as_str())
    }) {
        absent(working, ground);
    }
    let causes: BTreeSet<String> = cards
        .iter()
        .map(|working| working.card.cause.clone())
        .collect();
    for cause in causes {
        one_of_a_cause(cards, &cause, &found, ground);
    }
}

/// A card for an anomaly that has none.
fn begin(anomaly: &Found, ground: &Ground<'_>) -> Working {
    let at = ground.at(anomaly.due_at);
    let sentence = anomaly
        .sentence
        .signed(anomaly.rule.as_str(), anomaly.version);
    let card = CardRecord {
        id: 0,
        cause_key: anomaly.cause_key.clone(),
        cause: anomaly.cause.clone(),
        rule: anomaly.rule.as_str().to_owned(),
        kind: anomaly.kind.as_str().to_owned(),
        grade: anomaly.grade,
        state: State::Provisional,
        about: ground.about.to_owned(),
        case_no: ground.case_no.map(str::to_owned),
        subject: ground.subject.map(str::to_owned),
        source: ground.source.map(str::to_owned),
        hall: anomaly.bearer.hall.clone(),
        unit: anomaly.bearer.unit.clone(),
        window: anomaly.bearer.window.clone(),
        item: Some(ground.item.to_owned()).filter(|item| !item.is_empty()),
        due_at: anomaly.due_at,
        created_at: at,
        issued_at: None,
        answer_due: None,
        closed_at: None,
        profile_version: anomaly.version,
        trial: ground.trial,
        facts: anomaly.facts.clone(),
        sentence_zh: sentence.zh,
        sentence_en: sentence.en,
        contested_from: None,
        superseded_from: None,
        judged: None,
        next_instant: None,
        decide_due: None,
        revision: 0,
    };
    let mut working = Working::from(card);
    let (name, state) = match ground.is_firm(anomaly.due_at) {
        false => ("propose", State::Provisional),
        true => ground.firm(anomaly),
    };
    working.enter(name, state, at, None, ground.calendar, ground.rules);
    if let Some(first) = working.taken.first_mut() {
        first.from = None;
    }
    clear_if_over(&mut working, anomaly, ground);
    working
}

fn clear_if_over(working: &mut Working, anomaly: &Anomaly, ground: &Ground<'_>) {
    if let Some(cleared) = anomaly.cleared_at {
        working.take(
            "clear",
            if ground.lived { cleared } else { ground.now },
            None,
            ground,
        );
    }
}

/// The rules find it, and there is a card.
fn present(working: &mut Working, anomaly: &Anomaly, ground: &Ground<'_>) {
    amend(working, anomaly);
    if working.former.is_some() && !ground.lived {
        let why = "证据表明应由此处承担 / evidence shows that it is borne here";
        working.take("transfer", ground.now, Some(why), ground);
    }
    let found_again = Some("证据使异常重新成立 / evidence found it again");
    match working.card.state {
        State::Withdrawn => working.take("reinstate", ground.now, found_again, ground),
        State::Cleared if anomaly.cleared_at.is_none() => {
            working.take("reinstate", ground.now, found_again, ground)
        }
        State::Contested => working.take("restore", ground.now, found_again, ground),
        _ => {}
    }
    if working.card.state == State::Provisional && ground.is_firm(anomaly.due_at) {
        let (firm, _) = ground.firm(anomaly);
        working.take(firm, ground.now, None, ground);
    }
    clear_if_over(working, anomaly, ground);
}

/// What the card says follows the facts, with the version that issued it.
fn amend(working: &mut Working, anomaly: &Anomaly) {
    let card = &mut working.card;
    let sentence = anomaly
        .sentence
        .signed(anomaly.rule.as_str(), card.profile_version);
    let bearer = &anomaly.bearer;
    let same = card.sentence_zh == sentence.zh
        && card.facts == anomaly.facts
        && card.due_at == anomaly.due_at
        && (&card.hall, &card.unit, &card.window) == (&bearer.hall, &bearer.unit, &bearer.window);
    if same {
        return;
    }
    if (&card.hall, &card.unit) != (&bearer.hall, &bearer.unit) {
        working.former = Some(Former {
            hall: card.hall.clone(),
            unit: card.unit.clone(),
            window: card.window.clone(),
            sentence_zh: card.sentence_zh.clone(),
            sentence_en: card.sentence_en.clone(),
        });
    }
    card.sentence_zh = sentence.zh;
    card.sentence_en = sentence.en;
    card.facts.clone_from(&anomaly.facts);
    card.due_at = anomaly.due_at;
    card.hall.clone_from(&bearer.hall);
    card.unit.clone_from(&bearer.unit);
    card.window.clone_from(&bearer.window);
    working.amended = true;
}

/// There is a card, and the rules do not find it any more.
fn absent(working: &mut Working, ground: &Ground<'_>) {
    if !working.card.grade.is_card() {
        let why = "证据使异常不再成立 / evidence took it back";
        working.take("clear", ground.now, Some(why), ground);
        return;
    }
    match working.card.state {
        State::Provisional | State::Pending | State::Unconfirmed => {
            working.take(
                "withdraw",
                ground.now,
                Some("证据在确定前到达 / evidence came before it was firm"),
                ground,
            );
        }
        _ if is_judged(&working.card, ground.facts) => {}
        _ if ground.in_time.contains(&working.card.id) => {
            let why = "证据在确定前或已记录的中断期间收到 / evidence was received in time, or during a recorded outage";
            working.take("withdraw", ground.now, Some(why), ground);
        }
        _ => {
            working.take(
                "contest",
                ground.now,
                Some("确定之后收到相反证据 / contrary evidence came after it was firm"),
                ground,
            );
        }
    }
}

/// Of the cards of one cause the gravest stands, of equal ones the earliest; the others are put under it. When it goes, the
/// next one is revived.
fn one_of_a_cause(cards: &mut [Working], cause: &str, found: &HashSet<&str>, ground: &Ground<'_>) {
    let weighing = |it: &Working| it.card.state.weighs() || it.card.state == State::Superseded;
    let of_cause: Vec<usize> = (0..cards.len())
        .filter(|&i| {
            cards[i].card.cause == cause && cards[i].card.grade.is_card() && weighing(&cards[i])
        })
        .collect();
    let rank = |&i: &usize| {
        let card = &cards[i].card;
        (
            std::cmp::Reverse(card.grade),
            card.due_at,
            card.cause_key.clone(),
        )
    };
    let Some(top) = of_cause.iter().copied().min_by_key(rank) else {
        return;
    };
    if cards[top].card.state == State::Superseded {
        let at = if ground.lived {
            ground.at(cards[top].card.due_at)
        } else {
            ground.now
        };
        cards[top].take(
            "revive",
            at,
            Some("同一事由的上级牌已撤 / the card above it was taken back"),
            ground,
        );
        if cards[top].card.rests_on_facts() && !found.contains(cards[top].card.cause_key.as_str()) {
            absent(&mut cards[top], ground);
        }
    }
    let above_due = cards[top].card.due_at;
    let why = format!(
        "同一事由已发{} / a {} on the same cause",
        grade_zh(&cards[top].card),
        cards[top].card.grade.as_str()
    );
    for i in of_cause.into_iter().filter(|&i| i != top) {
        let at = ground.at(above_due.max(cards[i].card.due_at));
        cards[i].take("supersede", at, Some(&why), ground);
    }
}

fn grade_zh(card: &CardRecord) -> &'static str {
    if card.grade == crate::card::Grade::RedCard {
        "红牌"
    } else {
        "黄牌"
    }
}
