use mingjing_alerts::store::figures::{Cards, Over};
use mingjing_monitor::score::Points;

use super::*;
use crate::bulletin::testing;

fn zh(said: &[Words]) -> Vec<&str> {
    said.iter().map(|words| words.zh.as_str()).collect()
}

fn before(change: impl FnOnce(&mut Numbers)) -> Figures {
    let mut figures = testing::figures();
    let mut before = figures.now;
    change(&mut before);
    figures.before = Some(before);
    figures
}

#[test]
fn a_month_is_compared_with_the_one_before() {
    let figures = before(|before| {
        before.accepted = 1_200;
        before.completed = 1_198;
        before.met = 1_170;
        before.over.decided = 5;
    });
    assert_eq!(
        zh(&cases(&figures)),
        [
            "受理1,234件，比上月增加34件；办结1,198件，与上月持平。",
            "应办结1,190件，按时办结1,180件，按时率99.2%，比上月提高0.9个百分点。",
            "办结超法定时限3件，比上月减少2件。",
            "月末仍有1件超过法定时限未办结。",
        ]
    );
    assert_eq!(
        cases(&figures)[2].en,
        "Ended past the legal limit: 3, 2 fewer than the month before."
    );
}

#[test]
fn nothing_is_said_that_no_figure_carries() {
    let mut figures = testing::figures();
    figures.before = None;
    let said = cases(&figures);
    assert!(
        said.iter().all(|words| !words.zh.contains("上月")),
        "{said:?}"
    );
    figures.now = Numbers::default();
    assert_eq!(zh(&cases(&figures)), ["本月没有受理、办结和到期的办件。"]);
    assert_eq!(zh(&cards(&figures)), ["本月没有发出预警和红黄牌。"]);
    assert_eq!(
        zh(&satisfaction(&figures)),
        ["本月没有收到投诉和咨询。", "本月没有评价。"]
    );
    assert_eq!(zh(&orders(&figures)), ["本月没有督办事项。"]);
    assert!(corrections(&figures).is_empty());
}

#[test]
fn what_no_longer_happens_is_told_too() {
    let mut figures = before(|before| {
        before.over = Over {
            decided: 5,
            open: 0,
        }
    });
    figures.now.over = Over::default();
    assert_eq!(
        zh(&cases(&figures))[2],
        "没有办结超法定时限的办件，上月5件。"
    );
}

#[test]
fn what_came_of_red_cards_is_told() {
    let mut figures = testing::figures();
    figures.before = None;
    figures.now.cards = Cards {
        yellow: 7,
        red: 3,
        answered: 9,
        taken_back: 1,
        red_closed: 2,
        red_followed: 1,
    };
    assert_eq!(
        zh(&cards(&figures))[1..],
        [
            "红黄牌已反馈9张，反馈率90.0%。",
            "经申诉或凭证撤回、撤销1张，不计入成绩。",
            "责任追究：红牌已办结2张，尚未办结1张；由红牌发出督办单的1张。",
        ]
    );
}

#[test]
fn a_town_reads_its_own_place_and_the_county_the_first_and_the_last() {
    let mut figures = testing::figures();
    assert_eq!(
        zh(&rankings(&figures)),
        ["乡镇中心3个参加排名，东河镇以98.5分居首，西岭乡以71分居末。"]
    );
    figures.of.town = true;
    figures.of.hall = "T02".into();
    assert_eq!(
        zh(&rankings(&figures)),
        ["本中心得90分，在3个乡镇中心中列第2，比上月上升1位。"]
    );
    figures.of.town = false;
    figures.rankings[0].lines[1].score = Some(Points::hundredths(9_850));
    figures.rankings[0].lines[1].rank = Some(1);
    assert_eq!(
        zh(&rankings(&figures)),
        ["乡镇中心3个参加排名，东河镇、南山镇以98.5分并列首位，西岭乡以71分居末。"]
    );
}

#[test]
fn thousands_stand_apart() {
    let of = [0, 7, 999, 1_000, 1_234_567, -1_234].map(thousands);
    assert_eq!(of, ["0", "7", "999", "1,000", "1,234,567", "-1,234"]);
}
