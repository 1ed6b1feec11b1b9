//! The numbers of every rule (domain.md section 4), in one list: what is written here is what a profile may say, what it is
//! called, what it is when the profile says nothing, and what the rules read. A number more is a line more, a rule more is a
//! block more, nowhere else.
//!
//! `deploy/profiles/standard.toml` says the same in a file; a test holds the two together.

use std::collections::BTreeSet;

use mingjing_monitor::case::{ClockRules, LAWFUL_GROUNDS, LimitKind};
use mingjing_monitor::clock::{Mode, NearDue};
use mingjing_monitor::limit::Limit;
use mingjing_monitor::org::Level;
use mingjing_monitor::score::Formula;
use serde::Deserialize;

use super::kind::Field;
use super::value::{
    Count, DayCount, Days, Issuing, Minutes, OverAt, Seconds, Share, Value, Whole, WholeDays,
};
use crate::card::Grade;
use crate::card::Grade::{Notice, RedCard, Warning, YellowCard};

/// Makes of the list the numbers (a struct a part), all of them together ([`RuleSet`]), and what a file and its scopes may say
/// of them (the same, everything optional).
macro_rules! parts {
    ($( $(#[$doc:meta])* $part:ident = $key:literal, $Name:ident {
        $( $(#[$field_doc:meta])* $field:ident [$zh:literal, $en:literal]: $type:ty = $default:expr, )*
    } )*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq)]
            pub struct $Name { $( $(#[$field_doc])* pub $field: $type, )* }

            impl Default for $Name {
                fn default() -> Self {
                    Self { $( $field: $default, )* }
                }
            }
        )*

        /// The numbers of all rules for one kind of case.
        #[derive(Debug, Clone, PartialEq)]
        pub struct RuleSet {
            /// What the case clock goes by, put together from the parts it is spread over.
            pub clock: ClockRules,
            $( $(#[$doc])* pub $part: $Name, )*
        }

        impl Default for RuleSet {
            fn default() -> Self {
                let mut rules = Self { clock: ClockRules::default(), $( $part: $Name::default(), )* };
                rules.wind();
                rules
            }
        }

        /// What a file may say: the same parts and numbers, each of them or none.
        mod given {
            use super::*;

            $(
                #[derive(Debug, Clone, Default, Deserialize)]
                #[serde(default, deny_unknown_fields)]
                pub struct $Name { $( $field: Option<$type>, )* }

                impl $Name {
                    pub fn apply(&self, kept: &mut super::$Name) {
                        $( if let Some(given) = &self.$field { kept.$field.clone_from(given); } )*
                    }
                }
            )*
        }

        /// A profile as it is written.
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct File {
            pub(super) name: Option<String>,
            pub(super) scope: Vec<Scope>,
            pub(super) score: Formula,
            $( #[serde(rename = $key)] $part: given::$Name, )*
        }

        /// Part of a county with numbers of its own.
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct Scope {
            pub(super) level: Option<Level>,
            pub(super) hall: Option<String>,
            pub(super) unit: Option<String>,
            pub(super) item: Option<String>,
            $( #[serde(rename = $key)] $part: given::$Name, )*
        }

        impl File {
            /// Puts what is said for the whole county over `rules`.
            pub(super) fn apply(&self, rules: &mut RuleSet) {
                $( self.$part.apply(&mut rules.$part); )*
                rules.wind();
            }
        }

        impl Scope {
            /// Puts what is said for this part of it over `rules`.
            pub(super) fn apply(&self, rules: &mut RuleSet) {
                $( self.$part.apply(&mut rules.$part); )*
                rules.wind();
            }
        }

        /// What may be written for every number of a rule: its part, its key, its words, and what its type takes.
        pub(super) const FIELDS: &[Field] = &[$( $( Field {
            part: $key,
            key: stringify!($field),
            words: [$zh, $en],
            leaves: <$type as Value>::LEAVES,
        }, )* )*];
    };
}

parts! {
    /// How time is counted.
    counting = "clock", Counting {
        /// How limits in workdays run.
        mode ["计时方式", "Clock mode"]: Mode = Mode::Day,
        /// What limits in workdays are counted as.
        days ["工作日的算法", "Counting of days"]: DayCount = DayCount::Workday,
        /// Grounds on which a special procedure (特别程序) stops the clock.
        lawful ["依法停钟的特别程序", "Grounds that stop the clock"]: BTreeSet<String> = LAWFUL_GROUNDS.map(String::from).into(),
        /// The longest extension, in workdays.
        max_extension ["最多延期", "Longest extension"]: WholeDays = Whole(10),
        /// The legal limit of a joint item that has none of its own, in workdays.
        joint_limit ["联办件法定时限", "Legal limit of joint items"]: WholeDays = Whole(45),
        /// The longest extension of a joint item, in workdays.
        joint_extension ["联办件延期", "Extension of joint items"]: WholeDays = Whole(15),
        /// Applied for again within so many workdays of its withdrawal, a case goes on with its old clock.
        reapplied ["撤回后重新申请沿用原计时", "Applied for again, old clock goes on"]: WholeDays = Whole(10),
    }

    /// Who sends cards out (domain.md section 5). What only a camera saw waits for a person in any case.
    issue = "issue", Issue {
        /// Yellow cards.
        yellow_card ["黄牌签发", "Yellow cards are issued"]: Issuing = Issuing::Auto,
        /// Red cards.
        red_card ["红牌签发", "Red cards are issued"]: Issuing = Issuing::Auto,
    }

    /// Near due: a warning when what remains is at most the smaller of the two.
    r1 = "R1", R1 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// So many workdays.
        workdays ["剩余不超过", "Left at most"]: Days = Days(2.0),
        /// This share of the limit.
        share ["剩余不超过时限的", "Left at most, of the limit"]: Share = Share::of(0.3),
    }

    /// Over.
    r2 = "R2", R2 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// When it gives a yellow card.
        yellow ["黄牌", "Yellow card"]: OverAt = OverAt::whole(LimitKind::Promise),
        /// When it gives a red card.
        red ["红牌", "Red card"]: OverAt = OverAt::whole(LimitKind::Legal),
    }

    /// A step over its limit.
    r3 = "R3", R3 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// What it gives.
        grade ["环节超时发", "A step over its limit"]: Grade = YellowCard,
    }

    /// Procedure.
    r4 = "R4", R4 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// For a step skipped, reordered or repeated, and for an offline step without return.
        grade ["环节缺、乱、重，线下环节未返回", "Step skipped, reordered, repeated, not returned"]: Grade = YellowCard,
        /// For a suspension that is not lawful.
        suspension ["特别程序不合法或手续不全", "Suspension unlawful or incomplete"]: Grade = YellowCard,
        /// For a step done by someone without its role (越权).
        overreach ["越权办理", "Overreach"]: Grade = RedCard,
        /// For a case that never passed through acceptance.
        not_accepted ["未经受理", "Never accepted"]: Grade = RedCard,
    }

    /// Refusal or rejection without reason.
    r5 = "R5", R5 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// What it gives.
        grade ["无理由退件", "Refusal without reason"]: Grade = YellowCard,
    }

    /// Fees.
    r6 = "R6", R6 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// For a charge that is not the standard, and for relief without reason.
        amount ["收费不符标准或无理由减免", "Not the standard, or relief without reason"]: Grade = RedCard,
        /// For what is paid before acceptance.
        early ["受理前收费", "Paid before acceptance"]: Grade = YellowCard,
    }

    /// Data: sources that are silent, times that cannot be.
    r7 = "R7", R7 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// For a source that is silent.
        silent ["来源静默", "Silent source"]: Grade = Notice,
        /// Told over so many workdays after it happened, a time is backdated.
        backdated ["倒填超过", "Backdated by over"]: Days = Days(1.0),
        /// So many minutes ahead of our clock, a time lies in the future.
        ahead_minutes ["早于我方时钟", "Ahead of our clock"]: Minutes = Whole(10),
        /// For times backdated or in the future.
        grade ["倒填或未来时间", "Backdated or in the future"]: Grade = YellowCard,
    }

    /// Voided, returned, withdrawn and suspended cases: too many of a unit's in a month.
    r8 = "R8", R8 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// Over this share of the cases.
        share ["当月占比超过", "Share of a month over"]: Share = Share::of(0.1),
        /// Of at least so many.
        least ["至少办件数", "Of at least"]: Count = Whole(10),
        /// What it gives.
        grade ["发", "Gives"]: Grade = Notice,
    }

    /// Presence at the windows.
    r9 = "R9", R9 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// A notice after so many minutes.
        notice_minutes ["空岗多久提醒", "Notice after"]: Minutes = Whole(10),
        /// A yellow card after so many minutes.
        yellow_minutes ["空岗多久黄牌", "Yellow card after"]: Minutes = Whole(30),
        /// The so-many-th yellow card of a month is red.
        red_from ["当月第几张黄牌起为红牌", "Red from the nth of a month"]: Count = Whole(3),
        /// Pauses a window may take in a day, in minutes.
        pause_minutes ["每日可暂停", "Pauses a day"]: Minutes = Whole(30),
    }

    /// Complaints.
    r10 = "R10", R10 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// Accepted within so many workdays.
        accept ["受理", "Accept in"]: WholeDays = Whole(3),
        /// Finished within so many workdays.
        finish ["办结", "Finish in"]: WholeDays = Whole(10),
        /// The longest extension, once, in workdays.
        extension ["延期", "Extension"]: WholeDays = Whole(10),
        /// When one of them is near.
        near ["临期发", "Near due"]: Grade = Warning,
        /// When one of them is over.
        grade ["超期发", "Over"]: Grade = YellowCard,
    }

    /// Bad ratings.
    r11 = "R11", R11 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// Called back within so many workdays.
        call_back ["回访", "Call back in"]: WholeDays = Whole(1),
        /// Put right within so many workdays.
        put_right ["整改", "Put right in"]: WholeDays = Whole(15),
        /// When one of them is over.
        grade ["超期发", "Over"]: Grade = YellowCard,
    }

    /// Answers to orders, in workdays.
    r12 = "R12", R12 {
        /// Whether what stays unanswered goes up: next grade, then up the ladder.
        on ["启用", "On"]: bool = true,
        /// To a correction order with a yellow card.
        yellow ["黄牌答复", "Answer a yellow card in"]: WholeDays = Whole(3),
        /// To a correction order with a red card.
        red ["红牌答复", "Answer a red card in"]: WholeDays = Whole(1),
        /// To a supervision order.
        supervision ["督办单答复", "Answer a supervision order in"]: WholeDays = Whole(5),
        /// An appeal may be made so long.
        appeal ["申诉期", "Appeal within"]: WholeDays = Whole(5),
        /// And is decided within so many.
        decide ["申诉裁定", "Decide an appeal in"]: WholeDays = Whole(5),
    }

    /// Special procedures.
    r13 = "R13", R13 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// A warning so many workdays before the declared end.
        near ["届满前预警", "Warning before the end"]: WholeDays = Whole(2),
        /// A red card so many workdays past it; a yellow one from the end on.
        red_after ["超期多久红牌", "Red card past the end by"]: WholeDays = Whole(1),
    }

    /// Cameras offline, frozen, black or covered in opening hours.
    r14 = "R14", R14 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// A notice after so many seconds.
        notice_seconds ["异常多久提醒", "Notice after"]: Seconds = Whole(60),
        /// A yellow card after so many minutes.
        yellow_minutes ["异常多久黄牌", "Yellow card after"]: Minutes = Whole(30),
    }

    /// Before acceptance and after the decision.
    r15 = "R15", R15 {
        /// Whether the rule is on.
        on ["启用", "On"]: bool = true,
        /// Channels by which an application comes in online.
        online_channels ["网上渠道", "Online channels"]: BTreeSet<String> = ["app", "mini_program", "portal", "web", "wechat"].map(String::from).into(),
        /// Accepted, or refused, within so many workdays when it came in online.
        online ["网上申请受理", "Accept online applications in"]: WholeDays = Whole(2),
        /// Within so many when it came in otherwise.
        other ["其他渠道受理", "Accept others in"]: WholeDays = Whole(5),
        /// A supplement notice goes out within so many workdays: then the application counts as accepted on the day it was received.
        supplement ["补正告知", "Supplement notice in"]: WholeDays = Whole(5),
        /// For what is late.
        late ["逾期受理发", "Late acceptance"]: Grade = Warning,
        /// Late by over so many workdays: a yellow card.
        yellow_after ["逾期多久黄牌", "Yellow card when late by over"]: WholeDays = Whole(3),
        /// Late by over so many workdays: a red card.
        red_after ["逾期多久红牌", "Red card when late by over"]: WholeDays = Whole(5),
        /// For an immediate item that is unfinished at closing time.
        immediate ["即办件当日未办结", "Immediate item unfinished"]: Grade = YellowCard,
        /// The result is delivered within so many workdays of the decision.
        delivery ["送达", "Deliver in"]: WholeDays = Whole(10),
        /// For a delivery that is late.
        delivery_grade ["逾期送达发", "Late delivery"]: Grade = YellowCard,
    }
}

impl RuleSet {
    /// Workdays in which a card of this grade is to be answered; `None` for what asks for no answer.
    pub fn answer_within(&self, grade: Grade) -> Option<u32> {
        match grade {
            Grade::YellowCard => Some(self.r12.yellow.get()),
            Grade::RedCard => Some(self.r12.red.get()),
            Grade::Notice | Grade::Warning => None,
        }
    }

    /// Whether a card of this grade goes out only when an inspector issues it. Notices and warnings clear by themselves.
    pub fn waits_for_issue(&self, grade: Grade) -> bool {
        match grade {
            Grade::YellowCard => self.issue.yellow_card == Issuing::ByHand,
            Grade::RedCard => self.issue.red_card == Issuing::ByHand,
            Grade::Notice | Grade::Warning => false,
        }
    }

    /// Gives the case clock the numbers that it goes by.
    fn wind(&mut self) {
        let counting = &self.counting;
        self.clock = ClockRules {
            mode: counting.mode,
            lawful: counting.lawful.clone(),
            max_extension: counting.max_extension.get(),
            joint_limit: Some(counting.joint_limit.get()).filter(|&n| n > 0).map(
                |n| match counting.days {
                    DayCount::Workday => Limit::workdays(n),
                    DayCount::Calendar => Limit::days(n),
                },
            ),
            joint_extension: counting.joint_extension.get(),
            reapplied: counting.reapplied.get(),
            supplement: self.r15.supplement.get(),
            near: NearDue {
                workdays: self.r1.workdays.get(),
                share: self.r1.share.get(),
            },
            special_near: self.r13.near.get(),
            special_red: self.r13.red_after.get(),
        };
    }
}
