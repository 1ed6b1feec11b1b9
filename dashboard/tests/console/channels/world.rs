//! A county whose console sends, and words for its channels and their log.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use mingjing_dashboard::config::Config;
use mingjing_dashboard::sender;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::common::{COUNTY, Console, Person};

const PATIENCE: Duration = Duration::from_secs(40);

pub struct World {
    pub console: Console,
    pub sysadmin: Person,
    pub inspector: Person,
    sending: Option<JoinHandle<()>>,
}

impl World {
    pub async fn build() -> Self {
        Self::build_with(|_| {}).await
    }

    pub async fn build_with(change: impl FnOnce(&mut Config)) -> Self {
        let console = Console::start_with(|config| {
            config.channels.inside = vec!["127.0.0.1".to_owned().try_into().unwrap()];
            config.channels.console_url = Some("https://console.example".into());
            change(config);
        })
        .await;
        console.end_trial_run().await;
        console.account("sysadmin", "sysadmin", COUNTY, None).await;
        console
            .account("inspector", "inspector", COUNTY, None)
            .await;
        let sysadmin = console.sign_in("sysadmin").await;
        let inspector = console.sign_in("inspector").await;
        let mut world = Self {
            console,
            sysadmin,
            inspector,
            sending: None,
        };
        world.send();
        world
    }

    /// Starts to send.
    pub fn send(&mut self) {
        self.sending = Some(tokio::spawn(sender::run(self.console.app.clone())));
    }

    /// As `kill -9`: nothing is finished, nothing is written.
    pub async fn kill_sender(&mut self) {
        let sending = self.sending.take().unwrap();
        sending.abort();
        let _ = sending.await;
    }

    pub async fn put(&self, path: &str, person: &Person, body: Value) -> (StatusCode, Value) {
        self.console
            .call(Method::PUT, path, Some(person), Some(body.to_string()))
            .await
    }

    /// Makes a channel that is on; its id.
    pub async fn channel(&self, kind: &str, settings: Value, secrets: Value) -> i64 {
        let body = json!({"name": kind, "kind": kind, "settings": settings, "secrets": secrets, "enabled": true});
        let (status, made) = self
            .console
            .post_json("/api/v1/channels", Some(&self.sysadmin), body)
            .await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["id"].as_i64().unwrap()
    }

    /// The inspector wants to hear of yellow and red cards over it.
    pub async fn subscribe(&self, channel: i64, more: Value) -> i64 {
        let mut body = json!({"channel": channel, "grades": ["yellow_card", "red_card"]});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let path = "/api/v1/account/subscriptions";
        let (status, made) = self
            .console
            .post_json(path, Some(&self.inspector), body)
            .await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["id"].as_i64().unwrap()
    }

    /// The log as the inspector reads it, oldest first.
    pub async fn log(&self) -> Vec<Value> {
        let (status, list) = self
            .console
            .get("/api/v1/deliveries?limit=500", &self.inspector)
            .await;
        assert_eq!(status, StatusCode::OK, "{list}");
        let mut rows = list["items"].as_array().unwrap().clone();
        rows.reverse();
        rows
    }

    /// Waits until the log is as wanted.
    pub async fn until(&self, what: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log().await;
            if wanted(&log) {
                return log;
            }
            assert!(Instant::now() < deadline, "{what}: {log:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What waits after a failure need not wait: as if its time had come.
    pub async fn time_comes(&self) {
        let db = self.console.owner();
        sqlx::query("UPDATE delivery SET next_at = now() WHERE state = 'retrying'")
            .execute(db)
            .await
            .unwrap();
        sqlx::query("UPDATE channel SET retry_at = NULL")
            .execute(db)
            .await
            .unwrap();
    }
}

/// How many messages stand in this state.
pub fn count(log: &[Value], state: &str) -> usize {
    log.iter().filter(|row| row["state"] == state).count()
}
