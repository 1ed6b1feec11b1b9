//! Messages out of the demo: a robot of a group chat on a port of this machine, which answers as DingTalk's do and now and then
//! fails, and what a sysadmin and a leader set up at the console to reach it, through the interface that the pages use.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State as Shared;
use axum::routing::post;
use axum::{Json, Router};
use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::people::{Credentials, Desk};
use super::state::State;
use crate::auth::secret;

/// What the channel is called.
const CHANNEL: &str = "督查值班群（钉钉机器人）";
/// Every so many messages the robot is busy: they are tried again.
const BUSY: u64 = 7;
/// Every so many it refuses: they are not sent.
const REFUSED: u64 = 23;
/// How long the planned work on a camera lasts.
const WORK: TimeDelta = TimeDelta::hours(3);

/// The robot.
#[derive(Debug)]
pub struct Robot {
    /// Where it listens.
    pub address: SocketAddr,
    listener: TcpListener,
}

impl Robot {
    /// Takes the port of the last start, or another where that is taken.
    ///
    /// # Errors
    /// When there is no port, or the port cannot be kept.
    pub async fn bind(state: &State) -> io::Result<Self> {
        let port: u16 = state.load("robot-port.json").unwrap_or(0);
        let on = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = match on(port).await {
            Err(_) if port != 0 => on(0).await?,
            bound => bound?,
        };
        let address = listener.local_addr()?;
        state.save("robot-port.json", &address.port())?;
        Ok(Self { address, listener })
    }

    /// Answers until `stopping`.
    pub async fn serve(self, stopping: CancellationToken) {
        let counted = Arc::new(AtomicU64::new(0));
        let app = Router::new()
            .route("/robot/send", post(answer))
            .with_state(counted);
        let served = axum::serve(self.listener, app)
            .with_graceful_shutdown(async move { stopping.cancelled().await });
        if let Err(error) = served.await {
            tracing::warn!(%error, "the demo's robot has ended");
        }
    }
}

/// What DingTalk's robots say: 200, and in the body whether the message was taken.
async fn answer(
    Shared(counted): Shared<Arc<AtomicU64>>,
    Json(message): Json<Value>,
) -> Json<Value> {
    let nth = counted.fetch_add(1, Ordering::Relaxed) + 1;
    tracing::debug!(nth, kind = %message["msgtype"], "the demo's robot has a message");
    Json(said(nth))
}

fn said(nth: u64) -> Value {
    match nth {
        nth if nth % REFUSED == 0 => json!({"errcode": 430_102, "errmsg": "含有不合适的文本"}),
        nth if nth % BUSY == 0 => json!({"errcode": -1, "errmsg": "系统繁忙"}),
        _ => json!({"errcode": 0, "errmsg": "ok"}),
    }
}

/// Who sets it up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Address of the console.
    pub base: String,
    /// The sysadmin.
    pub sysadmin: Credentials,
    /// The leader who subscribes.
    pub leader: Credentials,
    /// Where the robot listens.
    pub robot: SocketAddr,
    /// The camera that is worked on.
    pub camera: Option<String>,
}

impl Setup {
    /// Plans the work on the camera, and makes the channel and a subscription to it where they are missing.
    ///
    /// # Errors
    /// When one of the two cannot sign in.
    pub async fn make(&self) -> Result<(), String> {
        let sysadmin = Desk::open(&self.base, &self.sysadmin).await?;
        let leader = Desk::open(&self.base, &self.leader).await?;
        // The county lives without either.
        if let Some(camera) = &self.camera {
            work_on(&sysadmin, camera).await;
        }
        if let Some(channel) = self.channel(&sysadmin).await {
            subscribe(&leader, &channel).await;
        }
        Ok(())
    }

    /// The number of the channel; made, or changed where the robot has moved.
    async fn channel(&self, sysadmin: &Desk) -> Option<Value> {
        let path = "/api/v1/channels";
        let settings = json!({"url": format!("http://{}/robot/send", self.robot)});
        let all = sysadmin.call(Method::GET, path, None).await?;
        let known = all["items"]
            .as_array()?
            .iter()
            .find(|one| one["name"] == CHANNEL);
        if let Some(known) = known
            && known["settings"]["url"] == settings["url"]
        {
            return Some(known["id"].clone());
        }
        let mut body = json!({
            "name": CHANNEL, "kind": "dingtalk", "enabled": true, "settings": settings,
            "secrets": {"token": secret::random(), "secret": secret::random()},
        });
        let Some(known) = known else {
            let made = sysadmin.call(Method::POST, path, Some(&body)).await?;
            return Some(made["id"].clone());
        };
        body["revision"] = known["revision"].clone();
        let path = format!("{path}/{}", known["id"]);
        sysadmin.call(Method::PUT, &path, Some(&body)).await?;
        Some(known["id"].clone())
    }
}

async fn subscribe(leader: &Desk, channel: &Value) -> Option<()> {
    let path = "/api/v1/account/subscriptions";
    let own = leader.call(Method::GET, path, None).await?;
    let has = own["items"]
        .as_array()?
        .iter()
        .any(|one| one["channel"] == *channel);
    if !has {
        let body = json!({"channel": channel, "grades": ["yellow_card", "red_card"]});
        leader.call(Method::POST, path, Some(&body)).await?;
    }
    Some(())
}

async fn work_on(sysadmin: &Desk, camera: &str) -> Option<()> {
    let path = "/api/v1/maintenance";
    let all = sysadmin.call(Method::GET, path, None).await?;
    let planned = all["items"]
        .as_array()?
        .iter()
        .any(|one| one["subject"] == camera && one["state"] != "past");
    if !planned {
        let now = Utc::now();
        let body = json!({
            "thing": "camera", "subject": camera, "starts": now, "ends": now + WORK, "why": "清洁镜头并校准画面角度",
        });
        sysadmin.call(Method::POST, path, Some(&body)).await?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_messages_are_taken_and_each_failure_comes_now_and_then() {
        let codes: Vec<i64> = (1..=200)
            .filter_map(|nth| said(nth)["errcode"].as_i64())
            .collect();
        let count = |code| codes.iter().filter(|one| **one == code).count();
        assert_eq!((count(430_102), count(-1)), (8, 27));
        assert_eq!(count(0), 200 - 8 - 27);
    }

    #[tokio::test]
    async fn the_robot_keeps_its_port_and_takes_another_where_it_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::open(&directory.path().join("demo")).unwrap();
        let first = Robot::bind(&state).await.unwrap();
        let second = Robot::bind(&state).await.unwrap();
        assert_ne!(first.address, second.address);
        let kept = second.address;
        drop(second);
        assert_eq!(Robot::bind(&state).await.unwrap().address, kept);
    }
}
