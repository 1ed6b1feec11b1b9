//! The edges that cameras can be given to, and how far each has come with what it was given.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use mingjing_ingest::managed::NOT_KEPT;
use mingjing_monitor::store::halls::Camera;
use mingjing_monitor::store::sources;
use serde::Serialize;
use utoipa::ToSchema;

use super::WriteCamera;
use crate::app::App;
use crate::problem::{Problem, Result};
use crate::store::cameras::{self, Managed, Push};
use crate::uplink::edges::LOCAL;

/// An edge that was connected once.
#[derive(Debug, Serialize, ToSchema)]
pub struct EdgeView {
    name: String,
    state: EdgeState,
    /// Whose cameras it may be given: those of this hall and all below it, as the token said that it last came with. Null: it never took any.
    hall: Option<String>,
}

/// Whether an edge takes cameras now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EdgeState {
    /// It takes them.
    Ready,
    /// It is not connected: it takes them when it is back.
    Away,
}

/// How far an edge has come with a camera as it is kept here.
#[derive(Debug, Serialize, ToSchema)]
pub struct PushView {
    state: PushState,
    /// Of `refused`: `in_file` (a camera of this id stands in the edge's own file), `invalid`, `outside` (the edge's token does not speak
    /// for its hall) or `locked` (its password does not open). Of `applied`: null, or `not_kept` (the edge could not write it down).
    why: Option<String>,
    /// What the code alone does not say, in English.
    detail: Option<String>,
    /// When the edge said so.
    at: Option<DateTime<Utc>>,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PushState {
    /// It is in force there.
    Applied,
    /// It is on its way.
    Sent,
    /// The edge is away, and gets it when it is back.
    Waiting,
    /// It is not in force.
    Refused,
}

impl EdgeState {
    fn of(app: &App, edge: &str) -> Self {
        match app.edges().is_connected(edge) {
            true => Self::Ready,
            false => Self::Away,
        }
    }
}

impl PushView {
    /// Of a camera that is given to an edge.
    pub(super) fn of(app: &App, managed: &Managed, pushes: &[Push]) -> Option<Self> {
        let (row, revision) = (&managed.row, managed.connection.revision);
        if row.edge == LOCAL {
            return None;
        }
        let of_it = |push: &&Push| {
            push.camera == row.id && push.edge == row.edge && push.revision == revision
        };
        let plain = |state, why: Option<&str>| Self {
            state,
            why: why.map(str::to_owned),
            detail: None,
            at: None,
        };
        Some(match pushes.iter().find(of_it) {
            Some(push) => Self {
                state: match push.refused.as_deref() {
                    None | Some(NOT_KEPT) => PushState::Applied,
                    Some(_) => PushState::Refused,
                },
                why: push.refused.clone(),
                detail: push.detail.clone(),
                at: Some(push.at),
            },
            None => match EdgeState::of(app, &row.edge) {
                EdgeState::Ready => plain(PushState::Sent, None),
                EdgeState::Away => plain(PushState::Waiting, None),
            },
        })
    }
}

/// Every edge that was connected once, by name.
pub(super) async fn known(app: &App) -> Result<Vec<EdgeView>> {
    let mut connection = app.db().acquire().await?;
    let mut names: BTreeSet<String> = sources::edges(&mut connection).await?.into_iter().collect();
    drop(connection);
    names.extend(app.edges().names());
    names.remove(LOCAL);
    let mut halls: BTreeMap<String, String> = cameras::edges(app.db()).await?.into_iter().collect();
    let view = |name: String| EdgeView {
        state: EdgeState::of(app, &name),
        hall: halls.remove(&name),
        name,
    };
    Ok(names.into_iter().map(view).collect())
}

/// The ingest that shall receive a camera, once it can.
///
/// # Errors
/// An edge that nobody knows, or whose token does not speak for the camera's hall.
pub(super) async fn checked(
    app: &App,
    write: &WriteCamera,
    before: Option<&Camera>,
) -> Result<String> {
    let as_it_was = before.map_or(LOCAL, |before| &before.edge);
    let edge = write.edge.as_deref().unwrap_or(as_it_was);
    if edge == LOCAL {
        return Ok(edge.to_owned());
    }
    let known = known(app).await?;
    let Some(view) = known.iter().find(|view| view.name == edge) else {
        return Err(Problem::invalid(format!(
            "edge: no edge {edge:?} was ever connected; give local, or the name of one that was"
        )));
    };
    let directory = app.directory();
    match &view.hall {
        Some(hall) if !directory.tree().contains(hall, &write.hall) => {
            Err(Problem::invalid(format!(
                "edge: the token of {edge} speaks for {} and what lies below it, not for the camera's hall",
                directory.hall_name(hall)
            )))
        }
        _ => Ok(edge.to_owned()),
    }
}
