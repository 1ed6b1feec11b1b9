//! Cameras and the windows that they see; addresses and passwords stay in the configuration of the ingest that carries them.
//!
//! JSON: `[{"id","hall","name","windows":["1","2"],"edge":"local"}]`. CSV: `id,hall,name,windows,edge`, windows with `;`
//! between them. Of a camera that is managed on the page, `edge` stays what the page says.

use mingjing_monitor::store::halls::{self, Camera};
use serde::Deserialize;
use sqlx::PgConnection;

use super::{Format, ImportError, Source};
use crate::store::cameras::given;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    hall: String,
    name: String,
    #[serde(default)]
    windows: Vec<String>,
    #[serde(default = "local")]
    edge: String,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    hall: String,
    name: String,
    #[serde(default)]
    windows: String,
    edge: Option<String>,
}

fn local() -> String {
    "local".into()
}

pub(super) async fn write(
    connection: &mut PgConnection,
    file: &Source,
) -> Result<Vec<(&'static str, usize)>, ImportError> {
    let mut cameras: Vec<Camera> = match file.format {
        Format::Json => {
            let entries: Vec<Entry> = file.json()?;
            entries
                .into_iter()
                .map(|entry| Camera {
                    id: entry.id,
                    hall: entry.hall,
                    name: entry.name,
                    windows: entry.windows,
                    edge: entry.edge,
                })
                .collect()
        }
        Format::Csv => file
            .rows::<Row>()?
            .into_iter()
            .map(|(_, row)| row.camera())
            .collect(),
    };
    // Whoever moves one to another ingest gives its password anew, and a file has none.
    let given = given(connection).await?;
    for camera in &mut cameras {
        if let Some(edge) = given.get(&camera.id) {
            camera.edge.clone_from(edge);
        }
    }
    halls::upsert_cameras(connection, &cameras).await?;
    Ok(vec![("cameras", cameras.len())])
}

impl Row {
    fn camera(self) -> Camera {
        let windows = self
            .windows
            .split(';')
            .map(str::trim)
            .filter(|no| !no.is_empty())
            .map(str::to_owned)
            .collect();
        Camera {
            id: self.id,
            hall: self.hall,
            name: self.name,
            windows,
            edge: self
                .edge
                .filter(|edge| !edge.is_empty())
                .unwrap_or_else(local),
        }
    }
}
