//! Files that people attach: what is taken in, how it goes out, and to whom.

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use mingjing_dashboard::attachments::MAX_BYTES;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::common::{Console, Person, TOWN_1, TOWN_2};

const PDF: &[u8] = b"%PDF-1.7\n1 0 obj\n";

struct World {
    console: Console,
    manager: Person,
    card: i64,
}

impl World {
    async fn build() -> Self {
        let console = Console::start().await;
        console.overdue("case-1", TOWN_1, "RSJ").await;
        console
            .account("manager", "hall_manager", TOWN_1, None)
            .await;
        let manager = console.sign_in("manager").await;
        let card = sqlx::query_scalar(
            "SELECT id FROM card WHERE case_no = 'case-1' AND grade = 'yellow_card'",
        )
        .fetch_one(console.app.db())
        .await
        .unwrap();
        Self {
            console,
            manager,
            card,
        }
    }

    async fn person(&self, login: &str, role: &str, hall: &str) -> Person {
        self.console.account(login, role, hall, None).await;
        self.console.sign_in(login).await
    }

    async fn raw(
        &self,
        method: Method,
        path: &str,
        person: &Person,
        body: Body,
    ) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in person.headers() {
            request = request.header(name, value);
        }
        let mut request = request.body(body).unwrap();
        let peer = std::net::SocketAddr::from(([10, 0, 0, 9], 4000));
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = self.console.service.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
        (parts.status, parts.headers, bytes.to_vec())
    }

    async fn bring(&self, person: &Person, name: &str, bytes: &[u8]) -> (StatusCode, Value) {
        let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let path = format!("/api/v1/attachments?name={name}");
        let body = Body::from(bytes.to_vec());
        let (status, _, answer) = self.raw(Method::POST, &path, person, body).await;
        (status, serde_json::from_slice(&answer).unwrap_or_default())
    }

    async fn reply(&self, files: &[i64]) -> (StatusCode, Value) {
        let revision: i32 = sqlx::query_scalar("SELECT revision FROM card WHERE id = $1")
            .bind(self.card)
            .fetch_one(self.console.app.db())
            .await
            .unwrap();
        let path = format!("/api/v1/cards/{}/reply", self.card);
        let body = json!({"revision": revision, "why": "见附件", "attachments": files});
        self.console
            .post_json(&path, Some(&self.manager), body)
            .await
    }

    async fn audited(&self, action: &str) -> Vec<(Option<String>, Option<String>)> {
        sqlx::query_as("SELECT login, after FROM audit WHERE action = $1 ORDER BY seq")
            .bind(action)
            .fetch_all(self.console.app.db())
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_file_goes_with_a_reply_and_is_only_ever_saved() {
    let world = World::build().await;
    let (status, file) = world
        .bring(&world.manager, "../../现场 照片.pdf", PDF)
        .await;
    assert_eq!(status, StatusCode::OK, "{file}");
    assert_eq!(file["name"], "现场 照片.pdf");
    let id = file["id"].as_i64().unwrap();
    let path = format!("/api/v1/cards/{}/attachments/{id}", world.card);
    let nothing = || Body::empty();
    let (status, ..) = world
        .raw(Method::GET, &path, &world.manager, nothing())
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it goes with nothing yet");

    let (status, detail) = world.reply(&[id]).await;
    assert_eq!(status, StatusCode::OK, "{detail}");
    let last = detail["history"].as_array().unwrap().last().unwrap();
    assert_eq!(last["attachments"][0]["name"], "现场 照片.pdf");

    let inspector = world.person("inspector", "inspector", "C").await;
    let (status, headers, bytes) = world.raw(Method::GET, &path, &inspector, nothing()).await;
    assert_eq!((status, bytes.as_slice()), (StatusCode::OK, PDF));
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!(header("content-type"), "application/pdf");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(
        header("content-security-policy"),
        "sandbox; default-src 'none'"
    );
    assert_eq!(header("cache-control"), "no-store");
    assert!(
        header("content-disposition")
            .starts_with("attachment; filename=\"__ __.pdf\"; filename*=UTF-8''%E7%8E%B0")
    );

    let stranger = world.person("stranger", "hall_manager", TOWN_2).await;
    let (status, ..) = world.raw(Method::GET, &path, &stranger, nothing()).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "the card lies outside");
    let other = format!("/api/v1/cards/{}/attachments/{}", world.card, id + 1);
    let (status, ..) = world.raw(Method::GET, &other, &inspector, nothing()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let up = format!(
        "/api/v1/cards/{}/attachments/..%2f..%2fsecret.key",
        world.card
    );
    let (status, ..) = world.raw(Method::GET, &up, &inspector, nothing()).await;
    assert_eq!(
        status,
        StatusCode::BAD_REQUEST,
        "a file has a number and no path"
    );

    let brought = world.audited("attachment.brought").await;
    assert_eq!(brought[0].0.as_deref(), Some("manager"));
    assert!(brought[0].1.as_ref().unwrap().contains("sha256"));
    let taken = world.audited("attachment.taken").await;
    assert_eq!(taken.len(), 1, "who was refused took nothing");
    assert_eq!(taken[0].0.as_deref(), Some("inspector"));
    for table in ["attachment", "attachment_file"] {
        let sql = format!("DELETE FROM {table}");
        let gone = sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(world.console.owner())
            .await;
        assert!(
            gone.unwrap_err().to_string().contains("append-only"),
            "{table}"
        );
    }
}

#[tokio::test]
async fn only_the_bringer_attaches_a_file_and_only_once() {
    let world = World::build().await;
    let colleague = world.person("colleague", "hall_manager", TOWN_1).await;
    let (_, theirs) = world.bring(&colleague, "a.txt", b"theirs").await;
    let (status, problem) = world.reply(&[theirs["id"].as_i64().unwrap()]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    let state: String = sqlx::query_scalar("SELECT state FROM card WHERE id = $1")
        .bind(world.card)
        .fetch_one(world.console.app.db())
        .await
        .unwrap();
    assert_eq!(state, "issued", "nothing of the reply stands");
    let many: Vec<i64> = (1..=11).collect();
    assert_eq!(world.reply(&many).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (_, mine) = world.bring(&world.manager, "a.txt", b"mine").await;
    let mine = mine["id"].as_i64().unwrap();
    assert_eq!(world.reply(&[mine, mine]).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_what_it_says_or_too_much_is_refused_on_record() {
    let world = World::build().await;
    let script = b"<!DOCTYPE html><script>alert(1)</script>";
    for (name, bytes) in [
        ("photo.jpg", PDF),
        ("page.html", script.as_slice()),
        ("note.txt", script.as_slice()),
        ("tool.exe", b"MZ\x90\x00"),
        ("picture.svg", b"<svg/>"),
        ("text.docx", b"PK\x03\x04rubbish"),
        ("empty.txt", b""),
        ("..", b"text"),
        ("no-ending", b"text"),
    ] {
        let (status, problem) = world.bring(&world.manager, name, bytes).await;
        assert_eq!(
            status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name}: {problem}"
        );
        assert_eq!(problem["type"], "/problems/unfit-file", "{name}");
    }
    // A PNG of 60,000 × 60,000 pixels in a few bytes.
    let mut bomb = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR".to_vec();
    bomb.extend([60_000_u32.to_be_bytes(), 60_000_u32.to_be_bytes()].concat());
    bomb.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    let (status, _) = world.bring(&world.manager, "bomb.png", &bomb).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut long = vec![b'a'; MAX_BYTES];
    assert_eq!(
        world.bring(&world.manager, "most.txt", &long).await.0,
        StatusCode::OK
    );
    long.push(b'a');
    let (status, problem) = world.bring(&world.manager, "more.txt", &long).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{problem}");
    assert_eq!(problem["type"], "/problems/too-large");
    let clerk = world.person("reader", "clerk", TOWN_1).await;
    assert_eq!(
        world.bring(&clerk, "a.txt", b"a").await.0,
        StatusCode::FORBIDDEN
    );
    let refused = world.audited("access.denied").await;
    let words: String = refused.into_iter().filter_map(|line| line.1).collect();
    for why in ["unfit-file", "too-large", "forbidden"] {
        assert!(words.contains(why), "{why}: {words}");
    }
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM attachment_file")
        .fetch_one(world.console.app.db())
        .await
        .unwrap();
    assert_eq!(kept, 1);
}
