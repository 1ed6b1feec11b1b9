//! Sockets: who opens them, what goes over them, and when they fall.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use chrono::{TimeDelta, Utc};
use futures::{SinkExt, StreamExt};
use mingjing_dashboard::background;
use mingjing_dashboard::caller::Scope;
use mingjing_dashboard::live::{About, Audience, Read};
use mingjing_dashboard::policy::{Hears, LIVE, MESSAGES, Role, Subject};
use mingjing_ingest::uplink::protocol::{
    CameraDescription, ToConsole, ToIngest, VERSION, sub_stream,
};
use mingjing_monitor::event::CaseEvent;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::world::{Caller, Place, World};
use crate::common::{COUNTY, TOWN_1, TOWN_2};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What is promised: whoever loses the right loses the socket within this.
const AT_ONCE: Duration = Duration::from_secs(5);

async fn open(address: SocketAddr, path: &str, caller: &Caller) -> Result<Socket, StatusCode> {
    let mut request = format!("ws://{address}{path}")
        .into_client_request()
        .unwrap();
    for (name, value) in caller.headers() {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status()),
        Err(error) => panic!("{path}: {error}"),
    }
}

/// What the handshake says; 101 when the socket opens.
pub async fn knock(address: SocketAddr, path: &str, caller: &Caller) -> StatusCode {
    match open(address, path, caller).await {
        Ok(_) => StatusCode::SWITCHING_PROTOCOLS,
        Err(status) => status,
    }
}

/// Waits until the console closes the socket; the code, and how long it took.
async fn fall(mut socket: Socket) -> (Option<u16>, Duration) {
    let begun = Instant::now();
    let closed = async {
        while let Some(message) = socket.next().await {
            match message {
                Ok(Message::Close(frame)) => return frame.map(|frame| u16::from(frame.code)),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
        None
    };
    let code = tokio::time::timeout(AT_ONCE, closed)
        .await
        .expect("the socket falls within five seconds");
    (code, begun.elapsed())
}

/// Waits for a message of this kind.
async fn hear(socket: &mut Socket, kind: &str) -> Value {
    let heard = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = message {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["type"] == kind {
                    return message;
                }
            }
        }
        panic!("the socket closed before {kind}");
    };
    tokio::time::timeout(Duration::from_secs(30), heard)
        .await
        .expect("it is said in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_fall_when_an_account_loses_its_right() {
    let world = World::build().await;
    let address = world.console.listen().await;
    let sysadmin = Caller::Person(
        Role::Sysadmin,
        world.person_at(Role::Sysadmin, COUNTY, "sys").await,
    );
    let secadmin = Caller::Person(
        Role::Secadmin,
        world.person_at(Role::Secadmin, COUNTY, "sec").await,
    );
    let camera = format!("/api/v1/cameras/{}/live", Place::Inside.camera());
    for (n, (by, action, body)) in [
        (&sysadmin, "disable", Value::Null),
        (&sysadmin, "reset-password", Value::Null),
        (&sysadmin, "end-sessions", Value::Null),
        (&secadmin, "role", json!({"role": "leader", "hall": TOWN_1})),
        (&secadmin, "role", json!({"role": "unassigned"})),
    ]
    .into_iter()
    .enumerate()
    {
        let login = format!("manager-{n}");
        let person = world.person_at(Role::HallManager, TOWN_1, &login).await;
        let person = Caller::Person(Role::HallManager, person);
        let live = open(address, LIVE, &person).await.unwrap();
        let video = open(address, &camera, &person).await.unwrap();
        let path = format!("/api/v1/accounts/{}/{action}", world.account(&login).await);
        let (status, answer) = world.json(Method::POST, &path, by, body).await;
        assert_eq!(status, StatusCode::OK, "{action}: {answer}");
        for socket in [live, video] {
            let (code, took) = fall(socket).await;
            assert_eq!(code, Some(4401), "{action}");
            println!("{action}: fell after {took:?}");
        }
        let (status, _) = world
            .call(Method::GET, "/api/v1/session", &person, None)
            .await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_fall_at_the_end_of_their_session_s_time() {
    let world = World::build().await;
    let address = world.console.listen().await;
    let person = world.person(Role::HallManager).await;
    let end = Utc::now() + TimeDelta::seconds(3);
    sqlx::query("UPDATE session SET expires = $2 WHERE hash = $1")
        .bind(person.hash())
        .bind(end)
        .execute(world.console.app.db())
        .await
        .unwrap();
    let person = Caller::Person(Role::HallManager, person);
    let camera = format!("/api/v1/cameras/{}/live", Place::Inside.camera());
    let live = open(address, LIVE, &person).await.unwrap();
    let video = open(address, &camera, &person).await.unwrap();
    for socket in [live, video] {
        assert_eq!(fall(socket).await.0, Some(4401));
        let late = Utc::now() - end;
        assert!(
            late >= TimeDelta::zero() && late < TimeDelta::seconds(5),
            "{late}"
        );
        println!("fell {late} after the end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_fall_when_a_token_is_revoked_changed_or_runs_out() {
    let world = World::build().await;
    let address = world.console.listen().await;
    tokio::spawn(background::expire_tokens(world.console.app.clone()));
    let sysadmin = Caller::Person(
        Role::Sysadmin,
        world.person_at(Role::Sysadmin, COUNTY, "sys").await,
    );
    let secadmin = Caller::Person(
        Role::Secadmin,
        world.person_at(Role::Secadmin, COUNTY, "sec").await,
    );
    world.console.app.reload_tokens().await.unwrap();

    let (id, secret) = world.token(Role::Reader, TOWN_1, "reader").await;
    let reader = open(address, LIVE, &Caller::Program(Role::Reader, secret))
        .await
        .unwrap();
    let path = format!("/api/v1/tokens/{id}");
    let (status, _) = world.call(Method::DELETE, &path, &sysadmin, None).await;
    assert_eq!(status, StatusCode::OK);
    println!("revoked reader: {:?}", fall(reader).await);

    let (id, secret) = world.token(Role::Edge, TOWN_1, "edge").await;
    let (events, media) = edge(address, secret, "town-edge").await;
    let body = json!({"role": "edge", "hall": TOWN_2});
    let path = format!("/api/v1/tokens/{id}/role");
    let (status, _) = world.json(Method::POST, &path, &secadmin, body).await;
    assert_eq!(status, StatusCode::OK);
    for socket in [events, media] {
        let (code, took) = fall(socket).await;
        assert_eq!(code, Some(4401));
        println!("edge over other halls: {took:?}");
    }

    let soon = Utc::now() + TimeDelta::seconds(2);
    let (_, secret) = world
        .token_until(Role::Edge, TOWN_1, "short", Some(soon))
        .await;
    // Whoever makes one by the interface tells the console; here it is told by hand.
    world.console.app.access_changed();
    let (events, media) = edge(address, secret.clone(), "other-edge").await;
    for socket in [events, media] {
        assert_eq!(fall(socket).await.0, Some(4401));
        assert!(Utc::now() >= soon);
    }
    let status = knock(
        address,
        "/uplink/v1/events",
        &Caller::Program(Role::Edge, secret),
    )
    .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

/// Both sockets of an ingest, past their greeting.
async fn edge(address: SocketAddr, secret: String, name: &str) -> (Socket, Socket) {
    let caller = Caller::Program(Role::Edge, secret);
    let mut events = open(address, "/uplink/v1/events", &caller).await.unwrap();
    say(&mut events, &hello(name, Vec::new())).await;
    hear(&mut events, "welcome").await;
    let mut media = open(address, "/uplink/v1/media", &caller).await.unwrap();
    let greeting = json!({"type": "hello", "version": VERSION, "edge": name});
    media
        .send(Message::text(greeting.to_string()))
        .await
        .unwrap();
    (events, media)
}

fn hello(edge: &str, cameras: Vec<CameraDescription>) -> ToConsole {
    ToConsole::Hello {
        version: VERSION,
        edge: edge.into(),
        program: "test".into(),
        now: Utc::now(),
        cameras,
        keeps: false,
    }
}

async fn say(socket: &mut Socket, message: &ToConsole) {
    let text = serde_json::to_string(message).unwrap();
    socket.send(Message::text(text)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_brings_nothing_of_other_halls_and_takes_no_camera_of_theirs() {
    let world = World::build().await;
    let address = world.console.listen().await;
    world.console.app.reload_tokens().await.unwrap();
    let (_, secret) = world.token(Role::Edge, TOWN_1, "edge").await;
    let caller = Caller::Program(Role::Edge, secret);
    let describe = |id: &str, hall: &str| CameraDescription {
        id: id.into(),
        name: id.into(),
        hall: hall.into(),
        windows: Vec::new(),
        sub: false,
        managed: false,
    };
    let outside = Place::Outside.camera();
    let cameras = vec![
        describe("mine", TOWN_1),
        describe("foreign", TOWN_2),
        // A known camera of another town, claimed for this one.
        describe(&outside, TOWN_1),
        // And its sub-stream.
        describe(&sub_stream(&outside), TOWN_1),
    ];
    let mut socket = open(address, "/uplink/v1/events", &caller).await.unwrap();
    say(&mut socket, &hello("town-edge", cameras)).await;
    let welcome = hear(&mut socket, "welcome").await;
    serde_json::from_value::<ToIngest>(welcome).unwrap();

    let read = |place: Place| {
        let mut event = world.console.event(
            "accepted",
            "case.accepted",
            &format!("new-{}", place.word()),
            place.hall(),
            "RSJ",
            json!({}),
        );
        event["id"] = json!(format!("edge-{}", place.word()));
        CaseEvent::from_cloudevent(&event, Utc::now(), chrono_tz::Asia::Shanghai).unwrap()
    };
    let batch = ToConsole::Batch {
        number: 1,
        initial_load: false,
        spooled: false,
        token: None,
        events: [Place::Inside, Place::Below, Place::Above, Place::Outside]
            .map(read)
            .to_vec(),
    };
    say(&mut socket, &batch).await;
    let ack = hear(&mut socket, "ack").await;
    assert_eq!(ack["outcome"]["accepted"], 2, "{ack}");
    let refused: Vec<u64> = ack["outcome"]["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rejection| rejection["index"].as_u64().unwrap())
        .collect();
    assert_eq!(refused, [2, 3]);
    // The acknowledgement comes after the cameras were looked at.
    let directory = world.console.app.directory();
    assert_eq!(directory.camera("mine").unwrap().hall, TOWN_1);
    assert!(directory.camera("foreign").is_none());
    assert_eq!(directory.camera(&outside).unwrap().hall, TOWN_2);
    assert!(directory.camera(&sub_stream(&outside)).is_none());

    // Nor does it pass for the edge of another town's cameras.
    let mut posing = open(address, "/uplink/v1/events", &caller).await.unwrap();
    say(&mut posing, &hello("local", Vec::new())).await;
    assert_eq!(fall(posing).await.0, Some(4400));
}

#[tokio::test]
async fn every_live_message_reaches_whom_the_table_says_and_nobody_else() {
    let world = World::build().await;
    let (live, directory) = (world.console.app.live(), world.console.app.directory());
    let kinds = MESSAGES
        .iter()
        .filter(|message| message.socket == LIVE)
        .filter(|message| message.subject != Subject::Nothing);
    for message in kinds {
        for place in Place::ALL {
            for role in Role::ALL {
                let audience = Audience {
                    scope: Scope {
                        hall: TOWN_1.into(),
                        unit: (role == Role::UnitHead).then(|| "RSJ".into()),
                        window: (role == Role::Clerk).then(|| "1".into()),
                    },
                    hears: Hears::of(role),
                };
                let ring = live.ring(&audience);
                let before = ring.newest();
                say_live(&world, message.kind, message.subject, place);
                let heard = match ring.after(before, 10) {
                    Read::Messages(messages) => {
                        let text = format!("\"type\":\"{}\"", message.kind);
                        messages.iter().any(|message| message.contains(&text))
                    }
                    Read::Gap => panic!("a gap"),
                };
                let narrow = matches!(role, Role::UnitHead | Role::Clerk);
                // Counts and sources are told by hall.
                let by_unit = !matches!(
                    message.kind,
                    "overview.changed" | "ranking.changed" | "source.changed"
                );
                let covered = match place {
                    Place::Inside | Place::Below => true,
                    Place::Beside => !(narrow && by_unit),
                    Place::Above | Place::Outside => false,
                };
                let expected = message.access.admits(role) && covered;
                assert_eq!(heard, expected, "{} {role:?} {place:?}", message.kind);
            }
        }
    }
    assert!(directory.tree().contains(COUNTY, TOWN_1));
}

fn say_live(world: &World, kind: &str, subject: Subject, place: Place) {
    let (live, directory) = (world.console.app.live(), world.console.app.directory());
    let hall = place.hall().to_owned();
    if matches!(kind, "overview.changed" | "ranking.changed") {
        live.counts_changed(&hall);
        return live.tick(&directory);
    }
    let camera = place.camera();
    let halls = [hall.clone()];
    let (unit, window) = if place == Place::Beside {
        ("GAJ", "2")
    } else {
        ("RSJ", "1")
    };
    let about = match subject {
        Subject::Camera => About::Camera(&camera),
        Subject::Halls if kind == "source.changed" => About::Source(&halls),
        _ => About::Supervision {
            hall: &hall,
            unit: Some(unit),
            window: Some(window),
        },
    };
    live.publish(&directory, about, kind, &json!({}));
}
