//! Supervision orders, cards by hand and the inbox, over the interface.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::common::{Console, Person, TOWN_1, TOWN_2};

struct World {
    console: Console,
    inspector: Person,
    manager: Person,
    leader: Person,
}

impl World {
    async fn build() -> Self {
        let console = Console::start().await;
        console.overdue("case-1", TOWN_1, "RSJ").await;
        console.account("inspector", "inspector", "C", None).await;
        console
            .account("manager", "hall_manager", TOWN_1, None)
            .await;
        console.account("leader", "leader", "C", None).await;
        let world = Self {
            inspector: console.sign_in("inspector").await,
            manager: console.sign_in("manager").await,
            leader: console.sign_in("leader").await,
            console,
        };
        // Their pages are open.
        for person in [&world.inspector, &world.manager, &world.leader] {
            world.get("/api/v1/orders", person).await;
        }
        world
    }

    async fn get(&self, path: &str, person: &Person) -> Value {
        let (status, answer) = self.console.get(path, person).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    async fn post(&self, path: &str, person: &Person, body: Value) -> (StatusCode, Value) {
        self.console.post_json(path, Some(person), body).await
    }

    async fn card(&self) -> i64 {
        let cards = self.get("/api/v1/cards?case=case-1", &self.inspector).await;
        cards["items"][0]["id"].as_i64().unwrap()
    }

    /// An instruction about the case's card.
    async fn instruct(&self) -> Value {
        let body = json!({"to": "hall_manager", "card": self.card().await, "text": "请于本周内整改，联系人 13812345678"});
        let (status, order) = self.post("/api/v1/orders", &self.leader, body).await;
        assert_eq!(status, StatusCode::OK, "{order}");
        order
    }
}

#[tokio::test]
async fn an_instruction_goes_from_the_leader_to_the_hall_and_back() {
    let world = World::build().await;
    let order = world.instruct().await;
    assert_eq!(order["origin"], "instruction");
    assert_eq!(order["hall"], TOWN_1, "the card says who bears it");
    assert_eq!(order["case"], "case-1");
    assert_eq!(
        order["text_zh"], "请于本周内整改，联系人 138****5678",
        "masked as everywhere"
    );
    assert_eq!(order["about_card"]["case"], "case-1");
    assert_eq!(
        order["actions"],
        json!([]),
        "a leader instructs and does no more"
    );
    let rungs: Vec<&str> = order["ladder"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["rung"].as_str().unwrap())
        .collect();
    assert_eq!(
        rungs,
        ["hall_manager", "unit_head", "inspector", "commission"]
    );

    let id = order["id"].as_i64().unwrap();
    let inbox = world.get("/api/v1/inbox", &world.manager).await;
    assert_eq!(
        inbox["counts"],
        json!({"cards": 1, "orders": 1, "leaves": 0, "over": 0})
    );
    let kinds: Vec<&str> = inbox["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["card", "order"], "the most urgent first");
    let first = world.get("/api/v1/inbox?limit=1", &world.manager).await;
    let path = format!(
        "/api/v1/inbox?limit=1&cursor={}",
        first["next"].as_str().unwrap()
    );
    let second = world.get(&path, &world.manager).await;
    assert_eq!(
        (second["items"][0]["id"].as_i64(), &second["next"]),
        (Some(id), &Value::Null)
    );

    let path = format!("/api/v1/orders/{id}/answer");
    let feedback = json!({"revision": 1, "why": "轮岗交接不到位", "measures": "明确 AB 岗", "objective": false});
    let (status, answered) = world.post(&path, &world.manager, feedback.clone()).await;
    assert_eq!(status, StatusCode::OK, "{answered}");
    assert_eq!(
        (&answered["state"], &answered["measures"]),
        (&json!("answered"), &json!("明确 AB 岗"))
    );
    let (status, _) = world.post(&path, &world.manager, feedback).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let inbox = world.get("/api/v1/inbox", &world.inspector).await;
    assert_eq!(
        inbox["counts"]["orders"], 1,
        "feedback waits for the inspector"
    );

    // Two at once: one wins, the other is told.
    world
        .console
        .account("second", "inspector", "C", None)
        .await;
    let second = world.console.sign_in("second").await;
    let close = format!("/api/v1/orders/{id}/close");
    let back = format!("/api/v1/orders/{id}/return");
    let body = json!({"revision": 2, "why": "已核实"});
    let (one, other) = tokio::join!(
        world.post(&close, &world.inspector, body.clone()),
        world.post(&back, &second, body.clone())
    );
    let mut statuses = [one.0, other.0];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::CONFLICT]);

    for kind in ["order.issued", "order.changed"] {
        let told = |message: &Value| message["type"] == kind && message["data"]["id"] == id;
        world.console.wait_for_message(&world.manager, told).await;
    }
    let card = world
        .get(
            &format!("/api/v1/cards/{}", world.card().await),
            &world.inspector,
        )
        .await;
    assert_eq!(card["orders"][0]["id"], id);
    let audited: Vec<String> =
        sqlx::query_scalar("SELECT action FROM audit WHERE subject_kind = 'order' ORDER BY seq")
            .fetch_all(world.console.app.db())
            .await
            .unwrap();
    assert_eq!(audited, ["order.issued", "order.changed", "order.changed"]);
}

#[tokio::test]
async fn what_lies_outside_is_neither_seen_nor_written_about() {
    let world = World::build().await;
    let order = world.instruct().await["id"].clone();
    world
        .console
        .account("stranger", "hall_manager", TOWN_2, None)
        .await;
    let stranger = world.console.sign_in("stranger").await;
    let (status, _) = world
        .console
        .get(&format!("/api/v1/orders/{order}"), &stranger)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        world.get("/api/v1/orders", &stranger).await["items"],
        json!([])
    );
    let heard = world.console.heard(&stranger).await.join("\n");
    assert!(!heard.contains("order."), "{heard}");
    world
        .console
        .account("town", "inspector", TOWN_2, None)
        .await;
    let town = world.console.sign_in("town").await;
    for about in [
        json!({"case": "case-1"}),
        json!({"card": world.card().await}),
        json!({"hall": TOWN_1}),
    ] {
        let mut body = json!({"to": "hall_manager", "text": "x", "grade": "notice", "kind": "conduct", "sentence": "x", "why": "x"});
        body.as_object_mut()
            .unwrap()
            .extend(about.as_object().unwrap().clone());
        for path in ["/api/v1/orders", "/api/v1/cards"] {
            let (status, answer) = world.post(path, &town, body.clone()).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path} {about}: {answer}");
        }
    }
    let nowhere = json!({"to": "hall_manager", "text": "x"});
    let (status, _) = world
        .post("/api/v1/orders", &world.inspector, nowhere)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_inspector_writes_a_card_from_a_picture() {
    let world = World::build().await;
    let body = json!({
        "grade": "yellow_card", "kind": "conduct", "complaint": "TS-2026-17", "hall": TOWN_1, "unit": "RSJ", "window": "1",
        "sentence": "窗口人员擅离岗位", "why": "视频巡查发现",
    });
    let (status, card) = world
        .post("/api/v1/cards", &world.inspector, body.clone())
        .await;
    assert_eq!(status, StatusCode::OK, "{card}");
    assert_eq!(
        (&card["rule"], &card["state"]),
        (&json!("manual"), &json!("issued"))
    );
    assert_eq!(card["facts"]["complaint"], "TS-2026-17");
    assert!(card["answer_due"].is_string() && card["appeal_until"].is_string());
    let mut warning = body;
    warning["grade"] = json!("warning");
    let (status, _) = world.post("/api/v1/cards", &world.inspector, warning).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let path = format!("/api/v1/cards/{}/appeal", card["id"]);
    let appeal = json!({"revision": card["revision"], "why": "因停电", "ground": "force_majeure"});
    let (status, appealed) = world.post(&path, &world.manager, appeal).await;
    assert_eq!(status, StatusCode::OK, "{appealed}");
    assert_eq!(appealed["history"][1]["ground"], "force_majeure");
    assert!(appealed["decide_due"].is_string());
    let inbox = world.get("/api/v1/inbox", &world.inspector).await;
    assert_eq!(inbox["items"][0]["due"], appealed["decide_due"]);
}

/// The inbox asks by SQL what the tables of states say: both must name the same holder for every state, grade and rung.
#[tokio::test]
async fn the_inbox_holds_what_the_tables_say() {
    use mingjing_alerts::card::{self, Grade};
    use mingjing_alerts::order::{self, Rung};
    let console = Console::start().await;
    let owner = console.owner();
    for state in card::State::ALL {
        for grade in ["notice", "warning", "yellow_card", "red_card"] {
            sqlx::query(
                "INSERT INTO card (cause_key, cause, rule, kind, grade, state, hall, due_at, created_at, profile_version, facts,
                     sentence_zh, sentence_en)
                 VALUES ($1, '', 'R2', 'timeliness', $2, $3, 'C', now(), now(), 1, '{}', '', '')",
            )
            .bind(format!("{}:{grade}", state.as_str()))
            .bind(grade)
            .bind(state.as_str())
            .execute(owner)
            .await
            .unwrap();
        }
    }
    for state in order::State::ALL {
        for rung in Rung::ALL {
            sqlx::query(
                "INSERT INTO supervision_order (origin, state, rung, addressee, hall, text_zh, text_en, issued_at, issued_by,
                     issued_role, due_at, answer_due, profile_version, closed_at)
                 VALUES ('inspector', $1, $2, 'hall_manager', 'C', '', '', now(), '', 'inspector', now(), now(), 1,
                     CASE WHEN $3 THEN now() END)",
            )
            .bind(state.as_str())
            .bind(rung.as_str())
            .bind(state.is_over())
            .execute(owner)
            .await
            .unwrap();
        }
    }
    for role in ["hall_manager", "unit_head", "inspector", "commission"] {
        // A unit's head sees no window of another unit: the role is what is asked about here, so nobody's scope is narrowed.
        console.account(role, role, "C", None).await;
        let person = console.sign_in(role).await;
        let (status, inbox) = console.get("/api/v1/inbox?limit=500", &person).await;
        assert_eq!(status, StatusCode::OK);
        let told = |kind: &str| {
            let mut found: Vec<String> = inbox["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|item| item["kind"] == kind)
                .map(|item| {
                    format!(
                        "{} {}",
                        item["state"].as_str().unwrap(),
                        item["grade"].as_str().unwrap_or_default()
                    )
                })
                .collect();
            found.sort();
            found
        };
        let mut cards = Vec::new();
        for state in card::State::ALL {
            for grade in [
                Grade::Notice,
                Grade::Warning,
                Grade::YellowCard,
                Grade::RedCard,
            ] {
                // What asks for no answer is signed for in bulk, and is no task.
                let task = grade.is_card() || *state != card::State::Issued;
                if task
                    && state
                        .holder(grade)
                        .is_some_and(|holder| holder.as_str() == role)
                {
                    cards.push(format!("{} {}", state.as_str(), grade.as_str()));
                }
            }
        }
        cards.sort();
        assert_eq!(told("card"), cards, "{role}");
        let mut orders = Vec::new();
        for state in order::State::ALL {
            for rung in Rung::ALL {
                if state
                    .holder(*rung)
                    .is_some_and(|holder| holder.as_str() == role)
                {
                    orders.push(format!("{} ", state.as_str()));
                }
            }
        }
        orders.sort();
        assert_eq!(told("order"), orders, "{role}");
    }
}
