//! A console on the scratch database of a replay, on the log's clock.

use std::net::SocketAddr;

use chrono::Utc;
use mingjing_monitor::store::{StoreError, accounts};

use super::Scratch;
use crate::auth::{password, secret};
use crate::config::Config;

/// Login of the account that a served replay has.
pub const LOGIN: &str = "inspector";

/// Makes an account that sees everything under the hall `root`; gives its password, which is stored nowhere else.
///
/// # Errors
/// The database refuses.
pub async fn inspector(scratch: &Scratch, root: &str) -> Result<String, StoreError> {
    let made = secret::one_time_password();
    let account = accounts::NewAccount {
        login: LOGIN,
        name: "日志重放",
        role: "inspector",
        hall: root,
        unit: None,
        window: None,
        password_hash: &password::hash(&made),
        must_change: false,
    };
    let mut connection = scratch.store.pool().acquire().await?;
    accounts::create(&mut connection, &account, Utc::now()).await?;
    Ok(made)
}

/// The configuration of a console on the scratch database: without the configured one's cameras, and on this machine without
/// its certificate, which is for another name.
pub fn config(configured: &Config, scratch: &Scratch, listen: SocketAddr) -> Config {
    let mut config = configured.clone();
    config.database.url = Some(scratch.url.clone());
    config.database.url_file = None;
    config.server.listen = listen;
    config.cameras.clear();
    // Account and database go with the command, and the password was just printed to whoever gave it.
    config.sign_in.second_factor_roles.clear();
    if listen.ip().is_loopback() {
        config.server.tls = None;
    }
    config
}
