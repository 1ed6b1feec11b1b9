//! Months computed by hand, and what nobody gains by.

use proptest::prelude::*;

use super::*;

/// A good month: two hundred cases, all in time, everything measured and nothing wrong.
fn month() -> Facts {
    Facts {
        due: 200,
        met: 200,
        promised: 200,
        orders: (1..=4)
            .map(|card| Order {
                which: OrderRef::Card(card),
                met: true,
                again: false,
            })
            .collect(),
        complaints: 3,
        ratings: [50, 0, 0, 0, 0],
        presence: Some(Of {
            part: 9_000,
            whole: 9_000,
        }),
        disclosure: Some(Of {
            part: 80,
            whole: 80,
        }),
        ..Facts::default()
    }
}

fn card(part: Part, red: bool) -> Card {
    Card {
        id: 1,
        part,
        rule: "R2".into(),
        red,
        again: false,
        appealed: false,
    }
}

fn cards(part: Part, yellow: usize, red: usize) -> Vec<Card> {
    let kinds = std::iter::repeat_n(false, yellow).chain(std::iter::repeat_n(true, red));
    kinds.map(|red| card(part, red)).collect()
}

fn score(facts: &Facts) -> f64 {
    let sheet = Sheet::new(facts, &Formula::default());
    sheet
        .score
        .expect("there is something to judge by")
        .in_hundredths() as f64
        / 100.0
}

fn of_part(facts: &Facts, part: Part) -> String {
    let sheet = Sheet::new(facts, &Formula::default());
    let found = sheet.parts.into_iter().find(|sheet| sheet.part == part);
    let points = found.expect("every part stands in the sheet").points;
    points.map_or_else(|| "left out".into(), |points| points.to_string())
}

#[test]
fn a_month_without_fault_has_a_hundred() {
    let sheet = Sheet::new(&month(), &Formula::default());
    assert_eq!(sheet.score, Some(Points::whole(100)));
    assert_eq!((sheet.grade, sheet.held_at), (Some(Grade::Excellent), None));
    assert!(sheet.beside.is_empty());
}

#[test]
fn every_part_is_computed_as_by_hand() {
    let mut facts = month();
    // Timeliness: 3 yellow and 1 red are worth 5, of 200 cases 2.5 %, half of the 5 % at which all is lost: 7 of 14.
    facts.cards = cards(Part::Timeliness, 3, 1);
    assert_eq!(of_part(&facts, Part::Timeliness), "7");
    // Process: 1 yellow is 0.5 %, a tenth: 1.4 of 14.
    facts.cards.extend(cards(Part::Process, 1, 0));
    assert_eq!(of_part(&facts, Part::Process), "12.6");
    // Fees: a red takes 5 and a yellow 2 of 8.
    facts.cards.extend(cards(Part::Fees, 1, 1));
    assert_eq!(of_part(&facts, Part::Fees), "1");
    // Supervision: one of four orders was not answered in time: a quarter of 14.
    facts.orders[2].met = false;
    assert_eq!(of_part(&facts, Part::Supervision), "10.5");
    // Conduct: somebody sat there nine tenths of the time, and was away once for so long that a card says so: 10 - 1 - 2.
    facts.presence = Some(Of {
        part: 8_100,
        whole: 9_000,
    });
    facts.cards.extend(cards(Part::Conduct, 1, 0));
    assert_eq!(of_part(&facts, Part::Conduct), "7");
    // Satisfaction: 30 very good, 10 good, 5 fair, 3 bad, 2 very bad: (3000 + 800 + 300 + 90 + 0) / 50 = 83.8 of 100.
    facts.ratings = [30, 10, 5, 3, 2];
    assert_eq!(of_part(&facts, Part::Satisfaction), "8.38");
    // Legal liability: two complaints upheld.
    facts.upheld = vec!["C1".into(), "C2".into()];
    assert_eq!(of_part(&facts, Part::Liability), "4");
    // Integrity: three breaches take fifteen of ten: nothing is left, and not less.
    facts.cards.extend(cards(Part::Integrity, 3, 0));
    assert_eq!(of_part(&facts, Part::Integrity), "0");
    // Disclosure: 72 of 80 fields.
    facts.disclosure = Some(Of {
        part: 72,
        whole: 80,
    });
    assert_eq!(of_part(&facts, Part::Disclosure), "9");
    // Together 7 + 12.6 + 1 + 10.5 + 7 + 8.38 + 4 + 0 + 9.
    assert_eq!(score(&facts), 59.48);
}

#[test]
fn what_was_not_measured_is_left_out_and_said() {
    let mut facts = month();
    facts.presence = None;
    facts.ratings = [0; 5];
    facts.cards = cards(Part::Fees, 0, 1);
    // 80 of the 100 points are judged, and 75 of them kept: 93.75.
    let sheet = Sheet::new(&facts, &Formula::default());
    assert_eq!(of_part(&facts, Part::Satisfaction), "left out");
    assert_eq!(score(&facts), 93.75);
    assert_eq!(
        sheet.beside,
        [Line {
            points: Points::hundredths(1875),
            reason: Reason::Rescaled {
                weights: Points::whole(80)
            }
        }]
    );
    assert_eq!(
        Sheet::new(&Facts::default(), &Formula::default()).score,
        None
    );
}

#[test]
fn bonuses_grow_by_steps_and_end_at_ten() {
    let mut facts = month();
    // A tenth early is +1, four tenths are three steps more; promises at half the law are +3 and two steps.
    facts.early = 80;
    (facts.promise, facts.legal) = (500, 1_000);
    assert_eq!(score(&facts), 109.0);
    facts.early = 200;
    assert_eq!(score(&facts), 110.0);
    facts.early = 19;
    (facts.promise, facts.legal) = (701, 1_000);
    assert_eq!(score(&facts), 100.0);
}

#[test]
fn a_grade_is_held_down_by_lateness_and_unlawful_fees() {
    let formula = Formula::default();
    let graded = |facts: &Facts| {
        let sheet = Sheet::new(facts, &formula);
        (sheet.grade.expect("a grade"), sheet.held_at)
    };
    let mut facts = month();
    facts.met = 189;
    assert_eq!(graded(&facts), (Grade::Pass, Some(Held::Late)));
    facts.met = 150;
    assert_eq!(graded(&facts), (Grade::Fail, Some(Held::FarTooLate)));
    // Two late of ten are 80 %, not under it, and fewer than three.
    (facts.due, facts.met) = (10, 8);
    assert_eq!(graded(&facts), (Grade::Excellent, None));
    let mut facts = month();
    facts.cards = cards(Part::Fees, 0, 1);
    assert_eq!(graded(&facts), (Grade::Pass, Some(Held::Fee)));
}

#[test]
fn a_small_hall_is_judged_by_a_wider_band_than_a_large_one() {
    let width = |due| {
        let facts = Facts {
            due,
            met: due,
            ..month()
        };
        let formula = Formula::default();
        let sheet = Sheet::new(&facts, &formula);
        let (low, high) = sheet.band(&facts, &formula).expect("a band");
        let score = score(&facts);
        assert!(low <= score && score <= high, "{low} {score} {high}");
        high - low
    };
    assert!(width(100) > width(1_000) && width(1_000) > width(10_000));
    // Brown, Cai and DasGupta: of 20, none seen: 0 to 0.161.
    let (low, high) = wilson(0.0, 20).expect("a band");
    assert!(low.abs() < 1e-12 && (high - 0.1611).abs() < 1e-4, "{high}");
    assert_eq!(wilson(0.0, 0), None);
}

#[test]
fn cards_bunched_in_one_month_cost_what_they_cost_apart() {
    let mut bunched = month();
    bunched.due = 90;
    let apart = Facts {
        cards: cards(Part::Timeliness, 2, 0),
        ..bunched.clone()
    };
    bunched.cards = cards(Part::Timeliness, 6, 0);
    // Two of at least a hundred cost 5.6, three months long: 16.8. Six at once cost 14, and 2.8 in the month that follows.
    assert_eq!(of_part(&apart, Part::Timeliness), "8.4");
    assert_eq!(of_part(&bunched, Part::Timeliness), "0");
    let carried = Sheet::new(&bunched, &Formula::default()).carries();
    assert_eq!(carried, [(Part::Timeliness, Points::hundredths(280))]);
    let after = Facts { carried, ..month() };
    assert_eq!(of_part(&after, Part::Timeliness), "11.2");
    // However many there were: no more is carried than the part weighs.
    bunched.cards = cards(Part::Integrity, 50, 0);
    let carried = Sheet::new(&bunched, &Formula::default()).carries();
    assert_eq!(carried, [(Part::Integrity, Points::whole(10))]);
}

#[test]
fn a_formula_whose_numbers_do_not_hold_together_is_refused() {
    let wrong = |change: fn(&mut Formula)| {
        let mut formula = Formula::default();
        change(&mut formula);
        formula.check().expect_err("it does not hold")
    };
    assert!(wrong(|formula| formula.weights.fees = Points::whole(9)).contains("101"));
    assert!(wrong(|formula| formula.grades.good = Points::whole(95)).contains("grades"));
    assert!(wrong(|formula| formula.ratings[2] = 90).contains("ratings"));
    assert_eq!(Formula::default().check(), Ok(()));
}

/// A good month of a village point: twenty days of eight hours, open and up all the time, somebody helped on each.
fn village() -> Facts {
    let day = |day| ServiceDay {
        day: chrono::NaiveDate::from_ymd_opt(2026, 9, day).expect("a day"),
        minutes: 480,
        open: 480,
        up: 480,
        assisted: 1,
    };
    let complaint = |n| ToAnswer {
        no: format!("C{n}"),
        met: true,
        again: false,
    };
    Facts {
        due: 6,
        met: 6,
        service: Some(Service {
            days: (1..=20).map(day).collect(),
            told: 20,
            complaints: (1..=3).map(complaint).collect(),
        }),
        ..Facts::default()
    }
}

#[test]
fn a_month_of_service_is_computed_as_by_hand() {
    let mut facts = village();
    assert_eq!(score(&facts), 100.0);
    let service = facts.service.as_mut().expect("it is a village");
    // Of 20 × 480 = 9600 minutes open 480 less on one day and 240 on another: 720 missing take 7.5 % of 30.
    (service.days[3].open, service.days[4].open) = (0, 240);
    // Its terminal was down for a day: a twentieth of 20.
    service.days[7].up = 0;
    // Nobody was helped on five of twenty days: a quarter of 20.
    service.days[10..15]
        .iter_mut()
        .for_each(|day| day.assisted = 0);
    // One of three complaints was not answered in time, and neither was the one order: half of 20.
    service.complaints[1].met = false;
    facts.orders = vec![Order {
        which: OrderRef::Card(9),
        met: false,
        again: true,
    }];
    // A yellow card for an empty window, a red one for a late case.
    facts.cards = [cards(Part::Conduct, 1, 0), cards(Part::Timeliness, 0, 1)].concat();
    for (part, points) in [
        (Part::Opening, "25.75"),
        (Part::Terminal, "19"),
        (Part::Assistance, "15"),
        (Part::Answers, "10"),
        (Part::Cases, "5"),
    ] {
        assert_eq!(of_part(&facts, part), points, "{part:?}");
    }
    assert_eq!(score(&facts), 74.75);
    let sheet = Sheet::new(&facts, &Formula::default());
    let lines: Vec<String> = sheet.parts[0]
        .lines
        .iter()
        .map(|line| format!("{} {}", line.points, line.reason.key()))
        .collect();
    assert_eq!(
        lines,
        [
            "-2 card 1",
            "-1.5 closed 2026-09-04",
            "-0.75 closed 2026-09-05"
        ]
    );
    let figures = Figures::new(&facts, &sheet, &Formula::default());
    assert_eq!(figures.services(), 15 + 6);
    let (low, high) = figures.band.expect("a band");
    assert!(low < 74.75 && 74.75 < high, "{low} {high}");
}

#[test]
fn a_point_that_tells_nothing_of_its_service_is_judged_by_the_rest_and_the_sheet_says_so() {
    let mut facts = village();
    facts.service = Some(Service {
        complaints: facts.service.expect("it is a village").complaints,
        ..Service::default()
    });
    assert_eq!(of_part(&facts, Part::Opening), "left out");
    assert_eq!(of_part(&facts, Part::Terminal), "left out");
    assert_eq!(score(&facts), 100.0);
    let sheet = Sheet::new(&facts, &Formula::default());
    let reason = Reason::Rescaled {
        weights: Points::whole(30),
    };
    assert_eq!(sheet.beside[0].reason, reason);
}

#[test]
fn the_interval_of_a_count_is_that_of_the_tables() {
    // Score interval of a Poisson mean, 10 counted: 5.43 to 18.41 (Barker, The American Statistician 56, 2002, gives its form).
    let (low, high) = service::counted(10, 1.959_964);
    assert!(
        (low - 5.43).abs() < 0.01 && (high - 18.41).abs() < 0.01,
        "{low} {high}"
    );
    let (none, some) = service::counted(0, 1.959_964);
    assert!(
        none.abs() < 1e-9 && (some - 3.84).abs() < 0.01,
        "{none} {some}"
    );
}

/// Any month.
fn any_facts() -> impl Strategy<Value = Facts> {
    let any_card = (0..9_usize, any::<bool>(), any::<bool>()).prop_map(|(part, red, again)| Card {
        part: Part::ALL[part],
        again,
        ..card(Part::Fees, red)
    });
    let of = || {
        prop::option::of((0..500_u64, 0..500_u64).prop_map(|(part, more)| Of {
            part,
            whole: part + more,
        }))
    };
    let order = any::<(bool, bool)>().prop_map(|(met, again)| Order {
        which: OrderRef::Order(7),
        met,
        again,
    });
    let day = (1..30_u32, 1..600_u64, 0..700_u64, 0..700_u64, 0..9_u64);
    let day = day.prop_map(|(day, minutes, open, up, assisted)| ServiceDay {
        day: chrono::NaiveDate::from_ymd_opt(2026, 9, day).expect("a day"),
        minutes,
        open: open.min(minutes),
        up: up.min(minutes),
        assisted,
    });
    let complaint = ("C[0-9]", any::<(bool, bool)>());
    let complaint = complaint.prop_map(|(no, (met, again))| ToAnswer { no, met, again });
    let service = (
        prop::collection::vec(day, 0..23),
        0..500_u64,
        prop::collection::vec(complaint, 0..5),
    );
    let service = service.prop_map(|(days, told, complaints)| Service {
        days,
        told,
        complaints,
    });
    (
        (
            0..3_000_u64,
            0..3_000_u64,
            0..3_000_u64,
            0..900_u64,
            0..900_u64,
        ),
        prop::collection::vec(any_card, 0..60),
        prop::collection::vec(order, 0..9),
        prop::collection::vec("C[0-9]", 0..6),
        prop::array::uniform5(0..40_u64),
        (of(), of(), prop::option::of(service)),
    )
        .prop_map(
            |(
                (due, late, promised, promise, more),
                cards,
                orders,
                upheld,
                ratings,
                (presence, disclosure, service),
            )| Facts {
                due,
                met: due.saturating_sub(late),
                promised,
                early: promised / 3,
                promise,
                legal: promise + more,
                cards,
                orders,
                complaints: upheld.len() as u64,
                upheld,
                ratings,
                presence,
                disclosure,
                carried: vec![
                    (Part::Fees, Points::hundredths(promise as i64)),
                    (Part::Opening, Points::hundredths(more as i64)),
                ],
                service,
            },
        )
}

proptest! {
    #[test]
    fn the_score_is_the_sum_of_what_its_sheet_shows(facts in any_facts()) {
        let sheet = Sheet::new(&facts, &Formula::default());
        let sum = |lines: &[Line]| lines.iter().map(|line| line.points).sum::<Points>();
        for part in &sheet.parts {
            match part.points {
                Some(points) => {
                    prop_assert_eq!(points, part.weight + sum(&part.lines));
                    prop_assert!(points >= Points::ZERO && points <= part.weight);
                }
                None => prop_assert!(part.lines.is_empty()),
            }
        }
        let parts: Points = sheet.parts.iter().filter_map(|part| part.points).sum();
        match sheet.score {
            Some(score) => {
                prop_assert_eq!(score, parts + sum(&sheet.beside));
                prop_assert!(score >= Points::ZERO && score <= Points::whole(110));
            }
            None => prop_assert_eq!(parts, Points::ZERO),
        }
    }

    #[test]
    fn what_lies_between_two_sheets_adds_up_and_a_kept_sheet_reads_as_it_was(before in any_facts(), after in any_facts()) {
        let [before, after] = [before, after].map(|facts| Sheet::new(&facts, &Formula::default()));
        let sum: Points = differences(Some(&before), &after).iter().map(|one| one.points).sum();
        let score = |sheet: &Sheet| sheet.score.unwrap_or(Points::ZERO);
        prop_assert_eq!(sum, score(&after) - score(&before));
        prop_assert_eq!(differences(Some(&after), &after), []);
        let kept = serde_json::to_string(&after).expect("a sheet can be written");
        let read: Sheet = serde_json::from_str(&kept).expect("and read");
        prop_assert_eq!(read, after);
    }

    #[test]
    fn a_card_more_never_pays(facts in any_facts(), part in 0..9_usize, red in any::<bool>()) {
        let formula = Formula::default();
        let mut more = facts.clone();
        more.cards.push(card(Part::ALL[part], red));
        let points = |facts: &Facts| {
            let sheet = Sheet::new(facts, &Formula::default());
            let (own, of) = match facts.service.is_some() {
                true => (formula.service.clone(), service::counts_in(Part::ALL[part])),
                false => (ServiceFormula::default(), Part::ALL[part]),
            };
            let weight = formula.weights.of(of) + own.weight(of);
            let found = sheet.parts.iter().find(|sheet| sheet.part == of);
            found.and_then(|sheet| sheet.points).unwrap_or(weight)
        };
        prop_assert!(points(&more) <= points(&facts));
    }
}
