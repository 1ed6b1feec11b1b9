//! Supervision orders at the demo's desks, so that the board shows each state: the inspector writes some about cards of the last
//! days, the leader instructs, the hall gives feedback, some of it is returned, some closed; of three appeals one is granted.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Desk, Staff, is_card, neglected};
use crate::demo::rng::Rng;

/// Orders that the inspector begins with.
const BEGIN: usize = 9;

const ASKED: [&str; 5] = [
    "同一窗口一周内两次超时，请查明原因并报送整改措施",
    "请核查该事项材料流转环节，明确责任人和完成时限",
    "请说明未按承诺时限办结的原因，并提交台账",
    "群众多次催办，请于限期内办结并回访申请人",
    "请对照服务承诺自查同类办件，结果一并反馈",
];
const FOUND: [&str; 4] = [
    "经核查，材料在科室之间流转用时过长",
    "经核查，经办人休假期间未落实 AB 岗",
    "经核查，系统升级期间两日无法录入",
    "经核查，现场踏勘受降雨影响推迟",
];
const MEASURES: [&str; 4] = [
    "建立流转登记，每日下班前清点在办件",
    "明确 AB 岗并公示，已约谈经办人",
    "与技术部门约定升级窗口避开办公时间",
    "踏勘改为预约制，车辆人员提前一日确认",
];
const INSTRUCTED: [&str; 2] = [
    "请政务服务中心牵头，三日内报送整改情况",
    "此类问题要举一反三，请各窗口对照自查",
];
const APPEALS: [(&str, Option<&str>); 3] = [
    (
        "当日线路检修停电，系统无法录入，有供电公司通知为证",
        Some("force_majeure"),
    ),
    ("申请人未按通知时间补正材料，责任不在窗口", None),
    (
        "申请人提交的证明系伪造，核验占用了时间",
        Some("false_materials"),
    ),
];
/// Why the inspector sends an order up, one rung after the other.
const CLIMBS: [&str; 3] = [
    "事关群众切身利益，请单位负责人督办",
    "单位负责人出差，由监察员直接跟办",
    "问题反复出现，提请纪检部门督办",
];
const RETURNED: &str = "措施不具体，请补充完成时限和责任人";
const CLOSED: &str = "整改到位，已回访核实，办结";

impl Desk {
    async fn orders(&self, state: &str) -> Vec<Value> {
        let path = format!("/api/v1/orders?limit=100&state={state}");
        let answer = self.call(Method::GET, &path, None).await;
        let items =
            answer.and_then(|mut answer| answer["items"].as_array_mut().map(std::mem::take));
        items.unwrap_or_default()
    }

    /// The order after it; somebody else may have been faster, which is no matter.
    async fn do_to_order(&self, order: &Value, action: &str, mut body: Value) -> Option<Value> {
        body["revision"] = order["revision"].clone();
        let path = format!("/api/v1/orders/{}/{action}", order["id"]);
        self.call(Method::POST, &path, Some(&body)).await
    }

    /// Sends an order up so many rungs.
    async fn send_up(&self, order: &Value, rungs: usize) {
        let mut order = order.clone();
        for why in CLIMBS.iter().take(rungs) {
            let climbed = self.do_to_order(&order, "escalate", json!({"why": why}));
            let Some(climbed) = climbed.await else { return };
            order = climbed;
        }
    }

    async fn feed_back(&self, order: &Value, rng: &mut Rng) {
        let n = usize::try_from(order["id"].as_u64().unwrap_or_default()).unwrap_or_default()
            % FOUND.len();
        let body = json!({"why": FOUND[n], "measures": MEASURES[n], "objective": n >= 2 && rng.chance(0.8)});
        self.do_to_order(order, "answer", body).await;
    }
}

/// Who has to do with orders.
pub(super) struct People<'a> {
    pub manager: &'a Desk,
    pub inspector: &'a Desk,
    pub leader: &'a Desk,
}

impl People<'_> {
    /// Puts orders on the board, unless there are some.
    pub(super) async fn begin(&self, staff: &Staff, rng: &mut Rng) {
        let all = "issued,received,answered,returned,escalated,closed,cancelled";
        if !self.inspector.orders(all).await.is_empty() {
            return;
        }
        let cards = self
            .inspector
            .cards("state=issued,received,answered", 300)
            .await;
        let mine: Vec<&Value> = cards
            .iter()
            .filter(|card| is_card(card) && !staff.leaves(card))
            .collect();
        self.write(&mine, rng).await;
        self.answer(rng).await;
        self.decide().await;
        self.appeal(&mine).await;
    }

    /// The inspector writes orders about cards, the leader instructs, and a card is written about a hall.
    async fn write(&self, mine: &[&Value], rng: &mut Rng) {
        let step = (mine.len() / (BEGIN + INSTRUCTED.len())).max(1);
        for (nth, card) in mine
            .iter()
            .step_by(step)
            .take(BEGIN + INSTRUCTED.len())
            .enumerate()
        {
            let to = if card["unit"].is_string() && rng.chance(0.2) {
                "unit_head"
            } else {
                "hall_manager"
            };
            let (desk, text) = match INSTRUCTED.get(nth) {
                Some(text) => (self.leader, *text),
                None => (self.inspector, *rng.pick(&ASKED)),
            };
            let body = json!({"to": to, "card": card["id"], "text": text});
            let _ = desk.call(Method::POST, "/api/v1/orders", Some(&body)).await;
        }
        if let Some(card) = mine.last() {
            let body = json!({
                "grade": "yellow_card", "kind": "conduct", "hall": card["hall"], "unit": card["unit"], "window": card["window"],
                "sentence": "巡查时窗口人员离岗，未摆放暂停服务牌", "why": "现场巡查发现，已当场告知",
            });
            let _ = self
                .inspector
                .call(Method::POST, "/api/v1/cards", Some(&body))
                .await;
        }
    }

    /// The hall signs for some and answers some; the rest wait.
    async fn answer(&self, rng: &mut Rng) {
        for (nth, order) in self.manager.orders("issued").await.iter().enumerate() {
            match nth % 5 {
                0 | 3 => self.manager.feed_back(order, rng).await,
                1 => {
                    self.manager.do_to_order(order, "receive", json!({})).await;
                }
                _ => {}
            }
        }
    }

    /// The inspector returns some feedback, closes some, and sends two orders up: one to the next rung, one to the top.
    async fn decide(&self) {
        for (nth, order) in self.inspector.orders("answered").await.iter().enumerate() {
            let (action, why) = match nth % 3 {
                0 => ("return", RETURNED),
                1 => ("close", CLOSED),
                _ => continue,
            };
            self.inspector
                .do_to_order(order, action, json!({"why": why}))
                .await;
        }
        let issued = self.inspector.orders("issued").await;
        for (order, rungs) in issued.iter().zip([1, CLIMBS.len()]) {
            self.inspector.send_up(order, rungs).await;
        }
    }

    /// Three appeals: one is granted, one refused, one waits.
    async fn appeal(&self, cards: &[&Value]) {
        let open = cards
            .iter()
            .filter(|card| card["state"] != "answered")
            .rev();
        for (nth, card) in open.take(APPEALS.len()).enumerate() {
            let path = format!("/api/v1/cards/{}", card["id"]);
            let (why, ground) = APPEALS[nth];
            let body = json!({"revision": card["revision"], "ground": ground, "why": why});
            let appealed = self
                .manager
                .call(Method::POST, &format!("{path}/appeal"), Some(&body))
                .await;
            let Some(appealed) = appealed else { continue };
            let (action, body) = match nth {
                0 => (
                    "revoke",
                    json!({"revision": appealed["revision"], "ground": ground, "why": "停电属实，予以撤牌"}),
                ),
                1 => (
                    "return",
                    json!({"revision": appealed["revision"], "why": "延误发生在补正之前，理由不成立，请按期反馈"}),
                ),
                _ => continue,
            };
            let _ = self
                .inspector
                .call(Method::POST, &format!("{path}/{action}"), Some(&body))
                .await;
        }
    }

    /// One look at the board: some orders are signed for, answered or closed.
    pub(super) async fn round(&self, rng: &mut Rng) {
        let issued = self.manager.orders("issued").await;
        let mut heeded = issued.iter().filter(|order| !neglected(order));
        if let Some(order) = heeded.find(|_| rng.chance(0.02)) {
            self.manager.do_to_order(order, "receive", json!({})).await;
        }
        let waiting = self.manager.orders("received,returned").await;
        if let Some(order) = waiting.first().filter(|_| rng.chance(0.02)) {
            self.manager.feed_back(order, rng).await;
        }
        let answered = self.inspector.orders("answered").await;
        if let Some(order) = answered.last().filter(|_| rng.chance(0.015)) {
            self.inspector
                .do_to_order(order, "close", json!({"why": CLOSED}))
                .await;
        }
    }
}
