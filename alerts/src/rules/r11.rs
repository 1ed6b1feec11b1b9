//! R11 bad ratings (差评): the applicant is called back, and what went wrong is put right, each within its limit.

use mingjing_monitor::case::Moment;
use mingjing_monitor::event::RatingGrade;
use mingjing_monitor::limit::Limit;

use super::facts::{Facts, Sentence, limit_en, limit_zh, local, put_limit};
use super::{Anomaly, Case, Findings, Rule};
use crate::card::Kind;

pub(super) fn find(case: &Case<'_>, found: &mut Findings) {
    let Some(rating) = &case.fold.rating else {
        return;
    };
    let (grade_zh, grade_en) = match rating.grade {
        RatingGrade::Dissatisfied => ("不满意", "dissatisfied"),
        RatingGrade::VeryDissatisfied => ("非常不满意", "very dissatisfied"),
        _ => return,
    };
    let numbers = &case.rules.r11;
    let duties: [(&str, u32, &Option<Moment>, &str, &str); 2] = [
        (
            "call_back",
            numbers.call_back.get(),
            &case.fold.called_back,
            "回访",
            "called back",
        ),
        (
            "put_right",
            numbers.put_right.get(),
            &case.fold.put_right,
            "整改",
            "put right",
        ),
    ];
    for (name, days, done, zh, en) in duties {
        let Some(deadline) = case.workdays_from(rating.at.at, days) else {
            continue;
        };
        let done = done.as_ref().map(|done| done.at);
        found.over(deadline.due, done, || {
            let mut facts = Facts::new();
            put_limit(&mut facts, &deadline);
            let (rated, by) = (
                local(case.calendar, rating.at.at),
                local(case.calendar, deadline.due),
            );
            let limit = Limit::workdays(days);
            let (limit_zh, limit_en) = (limit_zh(limit), limit_en(limit));
            Anomaly {
                grade: numbers.grade,
                facts,
                until: done,
                sentence: Sentence {
                    zh: format!("{rated} 评价「{grade_zh}」，应于 {limit_zh}内（{by} 前）{zh}"),
                    en: format!(
                        "Rated \"{grade_en}\" {rated}: to be {en} within {limit_en}, by {by}"
                    ),
                },
                ..case.anomaly(Rule::R11, Kind::Complaint, name, deadline.due)
            }
        });
    }
}
