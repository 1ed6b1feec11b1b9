//! Cameras that tell of themselves: found in the networks of this console's ingest or of an edge, and asked which streams they have. Nothing is
//! kept.

use axum::extract::State;
use chrono::Utc;
use mingjing_ingest::camera::Secret;
use mingjing_ingest::onvif::{self, Asked, OnvifError};
use mingjing_ingest::uplink::protocol::Answer;
use mingjing_monitor::audit::Action;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use utoipa::ToSchema;

use super::camera_settings::looks::{answered, other_answer};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::problem::{Json, Problem, Result};
use crate::uplink::edges::LOCAL;

/// Longest address, user or password, in bytes.
const MOST: usize = 500;

/// Where to look.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Discover {
    /// Name of the edge whose networks are meant; null: those of this console's ingest.
    edge: Option<String>,
}

/// Cameras that answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Discovered {
    items: Vec<DiscoveredCamera>,
}

/// A camera that answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiscoveredCamera {
    /// Address of its device service.
    service: String,
    /// What it calls itself.
    name: Option<String>,
    /// What it is, as it says.
    hardware: Option<String>,
}

/// Whom to ask.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AskCamera {
    /// Name of the edge in whose networks it is; null: in those of this console's ingest.
    edge: Option<String>,
    /// Address of its device service, `http://host/onvif/device_service`.
    service: String,
    username: Option<String>,
    password: Option<String>,
}

/// What a camera told.
#[derive(Debug, Serialize, ToSchema)]
pub struct Told {
    /// Why it told nothing: `unreachable`, `refused` (user or password), `not_onvif` or `fault`; null: it told.
    refusal: Option<&'static str>,
    /// Its own words of a `fault`.
    detail: Option<String>,
    /// Its streams, the largest first.
    items: Vec<CameraProfile>,
}

/// One of a camera's streams.
#[derive(Debug, Serialize, ToSchema)]
pub struct CameraProfile {
    name: String,
    /// As the camera says it.
    codec: Option<String>,
    width: Option<u16>,
    height: Option<u16>,
    /// Pictures a second at most.
    frame_rate: Option<u16>,
    /// `rtsp://…` on the host that was asked.
    url: String,
}

/// Looks for cameras in the networks of this console's ingest or of an edge, for three seconds.
#[utoipa::path(
    post, path = "/api/v1/camera-discoveries", tag = "cameras", operation_id = "discover_cameras", request_body = Discover,
    responses((status = 200, body = Discovered), (status = 503, body = Problem))
)]
pub async fn discover(
    State(app): State<App>,
    trail: Trail,
    Json(at): Json<Discover>,
) -> Result<Json<Discovered>> {
    let edge = at.edge.as_deref().unwrap_or(LOCAL);
    let record = Record::of(Action::CameraTested)
        .on("camera", "discovery")
        .after(json!({"step": "discover", "edge": edge}));
    trail.record(app.db(), record).await?;
    let found = match edge {
        LOCAL => {
            runs(&app)?;
            onvif::discover().await
        }
        edge => match answered(&app, edge, app.media().discover(edge))
            .await?
            .answer
        {
            Answer::Discovered { cameras } => cameras,
            _ => return Err(other_answer()),
        },
    };
    let camera = |found: onvif::Found| DiscoveredCamera {
        service: found.service.to_string(),
        name: found.name,
        hardware: found.hardware,
    };
    let items = found.into_iter().map(camera).collect();
    Ok(Json(Discovered { items }))
}

/// Asks a camera for its streams.
#[utoipa::path(
    post, path = "/api/v1/camera-profiles", tag = "cameras", operation_id = "ask_camera_profiles", request_body = AskCamera,
    responses((status = 200, body = Told), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub async fn profiles(
    State(app): State<App>,
    trail: Trail,
    Json(ask): Json<AskCamera>,
) -> Result<Json<Told>> {
    let edge = ask.edge.as_deref().unwrap_or(LOCAL);
    let parts = [
        Some(&ask.service),
        ask.username.as_ref(),
        ask.password.as_ref(),
    ];
    if parts.into_iter().flatten().any(|part| part.len() > MOST) {
        return Err(Problem::invalid(format!("give at most {MOST} bytes each")));
    }
    let service: Url = ask
        .service
        .trim()
        .parse()
        .map_err(|_| Problem::invalid("service: give http://host/onvif/device_service"))?;
    if !service.username().is_empty() || service.password().is_some() {
        return Err(Problem::invalid(
            "service: take user and password out of the address and give them apart",
        ));
    }
    let record = Record::of(Action::CameraTested)
        .on("camera", "discovery")
        .after(json!({"step": "profiles", "host": service.host_str(), "edge": edge}));
    trail.record(app.db(), record).await?;
    let asked = Asked {
        service,
        username: ask.username.filter(|user| !user.is_empty()),
        password: ask.password.map(Secret::new),
    };
    let told = match edge {
        LOCAL => {
            runs(&app)?;
            onvif::profiles(&asked, Utc::now()).await
        }
        edge => match answered(&app, edge, app.media().profiles(edge, asked))
            .await?
            .answer
        {
            Answer::Profiles { told } => told,
            _ => return Err(other_answer()),
        },
    };
    Ok(Json(match told {
        Ok(profiles) => Told {
            refusal: None,
            detail: None,
            items: profiles.into_iter().map(CameraProfile::of).collect(),
        },
        Err(error) => Told {
            refusal: Some(match &error {
                OnvifError::Unreachable => "unreachable",
                OnvifError::Refused => "refused",
                OnvifError::NotOnvif => "not_onvif",
                OnvifError::Fault(_) => "fault",
            }),
            detail: match error {
                OnvifError::Fault(words) => Some(words),
                _ => None,
            },
            items: Vec::new(),
        },
    }))
}

impl CameraProfile {
    fn of(profile: onvif::Profile) -> Self {
        Self {
            name: profile.name,
            codec: profile.codec,
            width: profile.width,
            height: profile.height,
            frame_rate: profile.frame_rate,
            url: profile.url.to_string(),
        }
    }
}

/// It is the ingest that stands in the cameras' network.
fn runs(app: &App) -> Result<()> {
    app.cameras()
        .map(drop)
        .ok_or_else(|| Problem::unavailable("The ingest of this console does not run."))
}
