//! A look at a camera before it is saved, from the ingest that shall receive it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mingjing_ingest::camera::{CameraState, SubStream};
use mingjing_ingest::managed::Reach;
use mingjing_ingest::uplink::protocol::Answer;
use serde::Serialize;
use utoipa::ToSchema;

use super::faulty;
use crate::app::App;
use crate::media::{FetchError, Found};
use crate::problem::{Problem, Result};
use crate::views::SubStreamView;

/// A camera shows its first picture within this, or the answer says why not. With what follows the answer comes within 10 s.
const PATIENCE: Duration = Duration::from_secs(9);

/// What a look showed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Looked {
    /// `live`, or the state that the camera would have in service.
    state: &'static str,
    /// What the state alone does not say, in English.
    detail: Option<String>,
    codec: Option<String>,
    width: Option<u16>,
    height: Option<u16>,
    /// How its sub-stream is; null: none was given, or the camera itself gave nothing.
    sub: Option<SubStreamView>,
    /// JPEG, in base64. Null of a live camera: its codec is recorded and not decoded here.
    picture: Option<String>,
}

impl Looked {
    /// A camera that gave nothing.
    fn failed(state: CameraState, detail: Option<String>) -> Self {
        Self {
            state: state.code(),
            detail,
            codec: None,
            width: None,
            height: None,
            sub: None,
            picture: None,
        }
    }

    fn with(mut self, sub: Option<&SubStream>, picture: Option<&Bytes>) -> Self {
        self.sub = sub.map(SubStreamView::of);
        self.picture = picture.map(|jpeg| STANDARD.encode(jpeg));
        self
    }
}

/// From the ingest of this console.
pub(super) async fn here(app: &App, id: &str, reach: &Reach) -> Result<Looked> {
    let carried = app
        .cameras()
        .ok_or_else(|| Problem::unavailable("The ingest of this console does not run."))?;
    let (config, sub) = reach.sessions(id).map_err(Problem::invalid)?;
    let found = carried.look(config, sub, PATIENCE).await.map_err(faulty)?;
    Ok(match found {
        Ok(look) => Looked {
            codec: look.health.codec,
            width: look.health.width,
            height: look.health.height,
            ..Looked::failed(look.health.state, None)
        }
        .with(
            look.health.sub.as_ref(),
            look.picture.as_ref().map(|one| &one.snapshot.jpeg),
        ),
        Err(failure) => Looked::failed(failure.state, failure.detail),
    })
}

/// From an edge, over the uplink.
pub(super) async fn at_edge(app: &App, edge: &str, id: &str, reach: Reach) -> Result<Looked> {
    let mut found = answered(app, edge, app.media().look(edge, id, reach)).await?;
    match found.answer {
        Answer::Looked {
            state,
            detail,
            codec,
            width,
            height,
            sub,
            picture,
        } => {
            let jpeg = match picture {
                true => found.bytes.recv().await,
                false => None,
            };
            let looked = Looked {
                codec,
                width,
                height,
                ..Looked::failed(state, detail)
            };
            Ok(looked.with(sub.as_ref(), jpeg.as_ref()))
        }
        Answer::Unusable { reason } => Err(Problem::invalid(reason)),
        _ => Err(other_answer()),
    }
}

/// What an edge answers that was asked about cameras in its networks.
pub async fn answered(
    app: &App,
    edge: &str,
    asking: impl Future<Output = std::result::Result<Found, FetchError>>,
) -> Result<Found> {
    if !app.edges().is_connected(edge) {
        return Err(away(edge));
    }
    asking.await.map_err(|error| match error {
        FetchError::Silent => {
            Problem::unavailable(format!("The edge {edge} does not answer. Try again later."))
        }
        FetchError::Away | FetchError::Unknown => away(edge),
    })
}

/// An edge that answers something else is not as it should be.
pub fn other_answer() -> Problem {
    Problem::internal("an edge answered what it was not asked")
}

fn away(edge: &str) -> Problem {
    Problem::unavailable(format!(
        "The edge {edge} is not connected: it can be asked when it is back."
    ))
}
