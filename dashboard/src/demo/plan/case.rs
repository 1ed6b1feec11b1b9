//! The life of a case: application, acceptance, steps, special procedures, an end, and what comes after it.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use mingjing_monitor::item::HandlingKind;
use serde_json::json;

use super::life::Life;
use super::minute::apply;
use super::{Plan, PlannedCase};
use crate::demo::county::COUNTY_HALL;
use crate::demo::rng::Rng;

/// Share of promised cases that run over their promise where slackness is 1.
const LATE: f64 = 0.054;
/// The same for what should be done on the spot.
const LATE_ON_THE_SPOT: f64 = 0.004;
/// Of those that are late, the share that runs over the legal limit as well.
const OVER_LEGAL: f64 = 0.16;

/// Share of the promised cases done in time of which the source says so only days later: their cards stand contested until
/// an inspector decides.
const TOLD_LATE: f64 = 0.006;

/// Share of fees that are charged too high, and of those that are cut without saying why.
const WRONG_FEE: f64 = 0.004;
/// Share of cases that leave out a step.
const SKIPPED: f64 = 0.001;
/// Share of steps that somebody does who may not.
const OVERREACH: f64 = 0.000_5;
/// Share of refusals without a reason.
const UNREASONED: f64 = 0.03;

/// How a case's time will be spent, in workdays after the day of acceptance.
struct Course {
    /// The workday on which it ends, not counting those suspended.
    ends: u32,
    /// A step that takes longer than it may.
    slow_step: Option<usize>,
    /// Special procedure: its kind, declared and true length.
    procedure: Option<(&'static str, u32, u32)>,
    /// An extension granted on the last day of the promise, in workdays.
    extension: Option<u32>,
}

/// The case that is accepted at `accepted` in `hall`, from its application to its rating.
pub(super) fn live_through(
    plan: &Plan,
    no: String,
    hall: usize,
    accepted: NaiveDateTime,
    mut rng: Rng,
) -> PlannedCase {
    let offers = &plan.county.halls[hall].offers;
    let item = offers[rng.weighted(offers.iter().map(|offer| offer.1))].0;
    let mut life = Life::new(plan, no, hall, item, accepted, rng);
    let late = apply_and_accept(&mut life, accepted);
    if life.item().kind == HandlingKind::Immediate {
        on_the_spot(&mut life, late);
    } else {
        in_steps(&mut life, late);
    }
    life.end()
}

/// Application and acceptance; answers how late things run in this hall and month.
fn apply_and_accept(life: &mut Life, accepted: NaiveDateTime) -> f64 {
    let slackness = life
        .plan
        .slackness(life.hall, life.item().unit, accepted.date());
    let online = life.hall == COUNTY_HALL && life.rng.chance(0.4);
    let supplement =
        !online && life.item().kind != HandlingKind::Immediate && life.rng.chance(0.04);
    let before = match (online, supplement) {
        (_, true) => TimeDelta::seconds(life.rng.range(26 * 3600, 50 * 3600)),
        (true, _) => TimeDelta::seconds(life.rng.range(1_200, 14 * 3600)),
        _ => TimeDelta::seconds(life.rng.range(90, 600)),
    };
    life.set(accepted - before);
    apply(life, if online { "web" } else { "window" });
    if supplement {
        life.wait(300, 1_800);
        life.tell(
            "case.supplement_requested",
            json!({"reason": "申请材料不齐：缺身份证明复印件"}),
        );
        life.set(accepted - TimeDelta::seconds(240));
        life.tell("case.supplement_received", json!({}));
    }
    life.set(accepted);
    let handler = life.handler(life.hall, life.item().unit);
    let kind = life.item().kind;
    life.tell("case.accepted", json!({"kind": kind, "handler": handler}));
    if life.item().fee > 0 {
        life.wait(120, 600);
        let fee = life.item().fee;
        let mut data = json!({"charged": fee, "standard": fee});
        match life.rng.unit() {
            draw if draw < WRONG_FEE => data["charged"] = (fee + 20).into(),
            draw if draw < 2.0 * WRONG_FEE => data["charged"] = (fee / 2).into(),
            draw if draw < 0.05 => {
                data["charged"] = 0.into();
                data["relief_reason"] = "低保户减免".into();
            }
            _ => {}
        }
        life.tell("case.fee", data);
    }
    slackness
}

/// An immediate item: done while the applicant waits, or, seldom, forgotten for some days.
fn on_the_spot(life: &mut Life, slackness: f64) {
    if life.rng.chance(LATE_ON_THE_SPOT * slackness) {
        let days = 2 + life.rng.range(0, 2) as u32;
        let date = life.plan.calendar.workdays.after(life.today(), days);
        life.go_on(date, 10.5);
    } else {
        life.wait_before_closing(240, 2_100);
    }
    finish(life, slackness, false, None);
}

fn in_steps(life: &mut Life, slackness: f64) {
    let accepted_on = life.today();
    let course = course(life, slackness);
    let cut_short = life
        .rng
        .chance(0.012)
        .then(|| life.rng.range(0, life.item().steps.len() as i64 - 1) as usize);
    let ends = boundaries(life, &course);
    let skipped = (life.rng.chance(SKIPPED) && ends.len() > 1)
        .then(|| life.rng.range(0, ends.len() as i64 - 2) as usize);
    let mut suspended = 0;
    let mut extended = 0;
    let steps = life.item().steps.len();
    for (nth, &day) in ends.iter().enumerate() {
        let counted = |day: u32, suspended: u32| {
            life.plan
                .calendar
                .workdays
                .after(accepted_on, day + suspended)
        };
        if let Some(days) = course
            .extension
            .filter(|_| extended == 0 && day > life.item().promise.n)
        {
            let date = counted(life.item().promise.n - 1, suspended);
            extended = days;
            extend(life, date, days);
        }
        let hour = 9.4 + 7.4 * (nth + 1) as f64 / (steps + 1) as f64;
        let done_on = if day == 0 {
            accepted_on
        } else {
            life.plan
                .calendar
                .workdays
                .after(accepted_on, day + suspended)
        };
        if skipped != Some(nth) {
            take_step(life, nth, done_on, hour);
        }
        if cut_short == Some(nth) && nth + 1 < steps {
            life.wait(600, 2_400);
            let reason = *life
                .rng
                .pick(&["申请人自愿撤回", "申请人变更申请内容，另行申报"]);
            life.tell("case.withdrawn", json!({"reason": reason}));
            return;
        }
        if let Some((kind, declared, length)) = course.procedure.filter(|_| nth == 0 && day > 0) {
            suspend(life, kind, declared, length);
            suspended = length;
        }
    }
    life.wait(300, 1_500);
    let told = (course.ends <= life.item().promise.n && life.rng.chance(TOLD_LATE)).then(|| {
        let days = life.item().promise.n + suspended + extended + life.rng.range(1, 2) as u32;
        let date = life.plan.calendar.workdays.after(accepted_on, days);
        date.and_time(NaiveTime::MIN) + TimeDelta::seconds(life.rng.range(34_000, 58_000))
    });
    finish(life, slackness, true, told);
}

/// Draws how long the case takes and what delays it.
fn course(life: &mut Life, slackness: f64) -> Course {
    let item = life.item();
    let (promise, legal) = (item.promise.n, item.legal.n);
    let procedure = item
        .procedure
        .filter(|_| promise >= 6 && life.rng.chance(0.3))
        .map(|kind| {
            let declared = *life.rng.pick(&[5, 8, 10, 15]);
            let length = if life.rng.chance(0.06) {
                declared + life.rng.range(1, 2) as u32
            } else {
                declared - life.rng.range(1, 3) as u32
            };
            (kind, declared, length)
        });
    let longer = |rng: &mut Rng| 1 + (-(1.0 - rng.unit()).ln() * 1.6) as u32;
    if life.rng.chance(LATE * slackness) {
        let over_legal = life.rng.chance(OVER_LEGAL);
        let ends = if over_legal { legal } else { promise } + longer(&mut life.rng);
        // Some are saved by an extension, with a notice to the applicant.
        let extension =
            (!over_legal && life.rng.chance(0.12)).then(|| (ends - promise).clamp(5, 10));
        let slow_step = Some(life.rng.range(0, item.steps.len() as i64 - 1) as usize);
        return Course {
            ends,
            slow_step,
            procedure,
            extension,
        };
    }
    // A case whose procedure overruns its declared length needs those days too.
    let spare = procedure.map_or(0, |(_, declared, length)| length.saturating_sub(declared));
    let share = 0.1 + 0.85 * life.rng.unit().powf(1.3);
    let ends = ((f64::from(promise) * share) as u32).min(promise - spare.min(promise));
    // In time as a whole, but one step took its own time and the next ones made up for it.
    let slow_step = (life.rng.chance(0.012 * slackness) && item.steps.len() > 1).then_some(0);
    let ends = if slow_step.is_some() {
        promise - spare.min(promise)
    } else {
        ends
    };
    Course {
        ends,
        slow_step,
        procedure,
        extension: None,
    }
}

/// The workday on which each step ends, from the limits of the steps: what is more than they allow falls on the slow one.
fn boundaries(life: &Life<'_>, course: &Course) -> Vec<u32> {
    let limits: Vec<u32> = life
        .item()
        .steps
        .iter()
        .map(|step| step.limit.map_or(1, |limit| limit.n))
        .collect();
    let promise = life.item().promise.n;
    let late = course.ends > promise;
    let fair = course.ends.min(promise);
    let sum: u32 = limits.iter().sum();
    let (mut day, mut done) = (0, 0);
    let mut ends = Vec::with_capacity(limits.len());
    for (nth, limit) in limits.iter().enumerate() {
        done += limit;
        let after: u32 = limits[nth..].iter().sum();
        day = match course.slow_step {
            Some(slow) if late && nth >= slow => course.ends,
            Some(slow) if nth == slow => (limit + 1).min(course.ends),
            // Those after a slow step share what it left them.
            Some(slow) if nth > slow => day + (course.ends - day) * limit / after,
            _ => (fair * done / sum).max(day),
        };
        ends.push(day);
    }
    if let Some(last) = ends.last_mut() {
        *last = course.ends;
    }
    ends
}

fn take_step(life: &mut Life, nth: usize, done_on: NaiveDate, hour: f64) {
    let item = life.item();
    let step = &item.steps[nth];
    // What goes up (上报) is decided by the county's unit, at its own window.
    let forwarded = item.kind == HandlingKind::Forwarded && nth + 1 == item.steps.len();
    let hall = if forwarded { COUNTY_HALL } else { life.hall };
    let window = if forwarded {
        life.plan.county.windows_of(COUNTY_HALL, item.unit)[0]
            .no
            .clone()
    } else {
        life.window.clone()
    };
    let handler = life.handler(hall, item.unit);
    let (code, role, offline) = (
        step.code.as_str(),
        step.role.as_deref().unwrap_or("examiner"),
        step.offline,
    );
    let role = if life.rng.chance(OVERREACH) {
        "assistant"
    } else {
        role
    };
    let about = |result: Option<&str>| {
        let mut data = json!({"step": code, "role": role, "handler": handler});
        if offline {
            data["offline"] = true.into();
        }
        if let Some(result) = result {
            data["result"] = result.into();
        }
        data
    };
    life.wait(120, 900);
    life.tell_at(hall, &window, "case.step_started", about(None));
    life.go_on(done_on, hour);
    life.tell_at(hall, &window, "case.step_finished", about(Some("通过")));
}

fn extend(life: &mut Life, date: NaiveDate, days: u32) {
    if date <= life.today() {
        return;
    }
    life.go_on(date, 15.0);
    let notice = format!(
        "延期告知书〔{}〕{:04}号",
        life.today().format("%Y"),
        life.rng.range(1, 9_999)
    );
    life.tell(
        "case.extended",
        json!({"limit": "both", "days": days, "notice": notice}),
    );
}

fn suspend(life: &mut Life, kind: &str, declared: u32, length: u32) {
    life.wait(300, 1_200);
    let notice = format!(
        "特别程序告知书〔{}〕{:04}号",
        life.today().format("%Y"),
        life.rng.range(1, 9_999)
    );
    let approver = life.handler(life.hall, life.item().unit);
    life.tell(
        "case.suspended",
        json!({"kind": kind, "declared_days": declared, "approver": approver, "notice": notice}),
    );
    let back = life.plan.calendar.workdays.after(life.today(), length);
    life.go_on(back, 9.3);
    life.tell("case.resumed", json!({}));
}

/// Decision, delivery and rating. `told`: when the source says so at last, where its word comes late.
fn finish(life: &mut Life, slackness: f64, takes_days: bool, told: Option<NaiveDateTime>) {
    let handler = life.handler(life.hall, life.item().unit);
    if takes_days && life.rng.chance(0.015) {
        let reason =
            *life
                .rng
                .pick(&["不符合法定条件", "申请材料经补正仍不齐全", "现场核查不合格"]);
        let mut data = json!({"handler": handler});
        if !life.rng.chance(UNREASONED) {
            data["reason"] = reason.into();
        }
        life.tell("case.refused", data);
    } else if life.rng.chance(0.0015) {
        life.tell(
            "case.voided",
            json!({"reason": "重复申报", "handler": handler}),
        );
        return;
    } else {
        life.tell(
            "case.completed",
            json!({"result": if takes_days { "准予" } else { "办结" }, "handler": handler}),
        );
    }
    if let Some(told) = told {
        life.tell_late((told - life.now()).num_seconds());
    }
    if takes_days {
        let days = life.rng.range(0, 3) as u32;
        let date = if days == 0 {
            life.today()
        } else {
            life.plan.calendar.workdays.after(life.today(), days)
        };
        life.go_on(date, 14.0);
    } else {
        life.wait(60, 420);
    }
    life.tell("case.delivered", json!({}));
    if life.rng.chance(0.35) {
        rate(life, slackness);
    }
}

fn rate(life: &mut Life, slackness: f64) {
    life.wait(60, 1_500);
    let unhappy = (0.006 * slackness).min(0.05);
    let grade = match life.rng.unit() {
        draw if draw < unhappy * 0.3 => "very_dissatisfied",
        draw if draw < unhappy => "dissatisfied",
        draw if draw < 0.06 => "fairly_satisfied",
        draw if draw < 0.3 => "satisfied",
        _ => "very_satisfied",
    };
    let mut data = json!({"grade": grade});
    match grade {
        "very_dissatisfied" => {
            data["comment"] = (*life.rng.pick(&["等了一上午没人理", "跑了三趟还没办好"])).into()
        }
        "dissatisfied" => {
            data["comment"] = (*life.rng.pick(&["材料要求没有一次说清", "等候时间太长"])).into()
        }
        _ => {}
    }
    life.tell("case.rated", data);
    if grade.ends_with("dissatisfied") {
        make_up(life);
    }
}

/// A bad rating is answered: a call on the next workday, and what went wrong put right within weeks; some are forgotten.
fn make_up(life: &mut Life) {
    let after = |life: &Life, days| life.plan.calendar.workdays.after(life.today(), days);
    if life.rng.chance(0.85) {
        life.go_on(after(life, 1), 10.0);
        life.tell("case.called_back", json!({"text": "已电话致歉并说明情况"}));
    }
    if life.rng.chance(0.9) {
        let days = life.rng.range(2, 12) as u32;
        life.go_on(after(life, days), 15.0);
        life.tell("case.put_right", json!({"text": "已整改并告知评价人"}));
    }
}
