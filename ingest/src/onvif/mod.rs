//! Cameras that tell of themselves (ONVIF Core and Media 1): found in the hall's network, and asked which streams they have.
//!
//! Only what the dialog of a new camera needs: a probe (WS-Discovery), then `GetSystemDateAndTime`, `GetCapabilities`, `GetProfiles` and
//! `GetStreamUri`, signed by the WS-Security user name token that every such camera takes. What a camera answers is bytes of a stranger: bounded,
//! and read without entities.

mod discovery;
mod soap;
mod xml;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

pub use discovery::{Found, discover};

use self::soap::{Device, Login};
use self::xml::Node;
use crate::camera::Secret;

/// Every answer must come within this.
const ANSWER: Duration = Duration::from_secs(4);

/// All answers of a camera must.
const ANSWERS: Duration = Duration::from_secs(8);

/// Profiles that are asked for their address at most.
const PROFILES: usize = 12;

/// Which camera is asked, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Address of its device service, `http://host/onvif/device_service`.
    pub service: Url,
    /// User, where the camera asks for one.
    pub username: Option<String>,
    /// Password, where the camera asks for one.
    #[serde(serialize_with = "crate::camera::exposed")]
    pub password: Option<Secret>,
}

/// One of a camera's streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// What the camera calls it.
    pub name: String,
    /// `H264`, `JPEG` …, as the camera says it; one that knows H.265 may call it `H264` here.
    pub codec: Option<String>,
    /// Pixels.
    pub width: Option<u16>,
    /// Pixels.
    pub height: Option<u16>,
    /// Pictures a second at most.
    pub frame_rate: Option<u16>,
    /// `rtsp://…` on the host that was asked, without user and password.
    pub url: Url,
}

/// Why a camera says nothing of itself. Holds no address, user or password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum OnvifError {
    /// Nobody answers there in time.
    #[error("nobody answers there")]
    Unreachable,
    /// User or password is refused.
    #[error("user or password is refused")]
    Refused,
    /// What answers does not speak ONVIF, or not as it should.
    #[error("what answers there does not speak ONVIF")]
    NotOnvif,
    /// It refuses for another reason, in its own words.
    #[error("the camera refuses: {0}")]
    Fault(String),
}

/// Asks a camera for its streams, the largest first. `now` is this machine's time; the camera's own may be another.
///
/// # Errors
/// Why it does not say.
pub async fn profiles(asked: &Asked, now: DateTime<Utc>) -> Result<Vec<Profile>, OnvifError> {
    let answers = tokio::time::timeout(ANSWERS, all_profiles(asked, now)).await;
    answers.unwrap_or(Err(OnvifError::Unreachable))
}

async fn all_profiles(asked: &Asked, now: DateTime<Utc>) -> Result<Vec<Profile>, OnvifError> {
    let service = &asked.service;
    let device = Device::new(service)?;
    let time = device
        .call(service, "<tds:GetSystemDateAndTime/>", None)
        .await;
    let ahead = match &time {
        Ok(answer) => clock(answer).map_or(TimeDelta::zero(), |theirs| theirs - now),
        // Some want to know first who asks.
        Err(OnvifError::Refused | OnvifError::Fault(_)) => TimeDelta::zero(),
        Err(error) => return Err(error.clone()),
    };
    let login = asked.username.as_ref().map(|username| Login {
        username: username.clone(),
        password: asked
            .password
            .as_ref()
            .map_or("", Secret::expose)
            .to_owned(),
        ahead,
    });
    let ask = "<tds:GetCapabilities><tds:Category>Media</tds:Category></tds:GetCapabilities>";
    let capabilities = device.call(service, ask, login.as_ref()).await?;
    let media = capabilities
        .find("Media")
        .and_then(|media| media.find("XAddr"))
        .and_then(|address| here(service, &address.text))
        .ok_or(OnvifError::NotOnvif)?;
    let answer = device
        .call(&media, "<trt:GetProfiles/>", login.as_ref())
        .await?;
    let mut profiles = Vec::new();
    for profile in answer.all("Profiles").into_iter().take(PROFILES) {
        let Some(token) = profile.attribute("token") else {
            continue;
        };
        let ask = format!(
            "<trt:GetStreamUri><trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport>\
             </trt:StreamSetup><trt:ProfileToken>{}</trt:ProfileToken></trt:GetStreamUri>",
            xml::escaped(token)
        );
        let answer = device.call(&media, &ask, login.as_ref()).await?;
        let address = answer.find("Uri").and_then(|uri| here(service, &uri.text));
        if let Some(url) = address.filter(|url| url.scheme() == "rtsp") {
            profiles.push(told(profile, token, url));
        }
    }
    profiles.sort_by_key(|profile| std::cmp::Reverse((profile.width, profile.height)));
    Ok(profiles)
}

fn told(profile: &Node, token: &str, url: Url) -> Profile {
    let video = profile.find("VideoEncoderConfiguration");
    let number = |name: &str| video?.find(name)?.text.trim().parse().ok();
    let name = profile.find("Name").map(|name| name.text.trim());
    Profile {
        name: name
            .filter(|name| !name.is_empty())
            .unwrap_or(token)
            .to_owned(),
        codec: video.and_then(|video| Some(video.find("Encoding")?.text.trim().to_owned())),
        width: number("Width"),
        height: number("Height"),
        frame_rate: number("FrameRateLimit"),
        url,
    }
}

/// An address that the camera names, on the host that was asked: behind a router a camera does not know its own, and user and password go
/// nowhere else. User and password in it are left out.
fn here(asked: &Url, named: &str) -> Option<Url> {
    let mut url: Url = named.trim().parse().ok()?;
    url.set_host(asked.host_str()).ok()?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url)
}

/// What a camera takes for the time (UTC).
fn clock(answer: &Node) -> Option<DateTime<Utc>> {
    let utc = answer.find("UTCDateTime")?;
    let part = |of: &str, name: &str| utc.find(of)?.find(name)?.text.trim().parse::<u32>().ok();
    let year = i32::try_from(part("Date", "Year")?).ok()?;
    let date = chrono::NaiveDate::from_ymd_opt(year, part("Date", "Month")?, part("Date", "Day")?)?;
    let (hour, minute) = (part("Time", "Hour")?, part("Time", "Minute")?);
    Some(
        date.and_hms_opt(hour, minute, part("Time", "Second")?)?
            .and_utc(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_on_the_host_that_was_asked() {
        let asked: Url = "http://10.1.2.3:8000/onvif/device_service".parse().unwrap();
        let url = |named: &str| here(&asked, named).map(|url| url.to_string());
        assert_eq!(
            url("rtsp://admin:geheim@192.168.0.9:554/main?x=1&y=2").unwrap(),
            "rtsp://10.1.2.3:554/main?x=1&y=2"
        );
        assert_eq!(url("nothing"), None);
    }
}
