//! The county as the console knows it without asking: halls, windows, units, cameras, names. Loaded from the database and
//! replaced whole when something is imported.

use std::collections::{BTreeMap, HashMap};

use sqlx::PgPool;

use crate::caller::Scope;
use crate::problem::{Problem, Result};
use crate::store::{Seen, org};

/// Halls, windows, units, cameras and names at one moment.
#[derive(Debug, Default)]
pub struct Directory {
    county: Option<org::County>,
    halls: Vec<org::HallRow>,
    hall_at: HashMap<String, usize>,
    windows: HashMap<String, Vec<org::WindowRow>>,
    units: BTreeMap<String, org::UnitRow>,
    cameras: BTreeMap<String, org::CameraRow>,
    items: HashMap<String, String>,
}

impl Directory {
    /// Reads it.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn load(db: &PgPool) -> sqlx::Result<Self> {
        let halls = org::halls(db).await?;
        let mut windows: HashMap<String, Vec<org::WindowRow>> = HashMap::new();
        for window in org::windows(db).await? {
            windows.entry(window.hall.clone()).or_default().push(window);
        }
        Ok(Self {
            county: org::county(db).await?,
            hall_at: halls
                .iter()
                .enumerate()
                .map(|(i, hall)| (hall.code.clone(), i))
                .collect(),
            halls,
            windows,
            units: org::units(db)
                .await?
                .into_iter()
                .map(|unit| (unit.code.clone(), unit))
                .collect(),
            cameras: org::cameras(db)
                .await?
                .into_iter()
                .map(|camera| (camera.id.clone(), camera))
                .collect(),
            items: org::item_names(db).await?.into_iter().collect(),
        })
    }

    /// The county, once it has been set up.
    pub fn county(&self) -> Option<&org::County> {
        self.county.as_ref()
    }

    /// The county's time zone.
    pub fn zone(&self) -> chrono_tz::Tz {
        self.county
            .as_ref()
            .and_then(|county| county.time_zone.parse().ok())
            .unwrap_or(chrono_tz::Asia::Shanghai)
    }

    /// Code of the hall at the root.
    pub fn root(&self) -> String {
        self.halls
            .first()
            .map(|hall| hall.code.clone())
            .unwrap_or_default()
    }

    /// A hall.
    pub fn hall(&self, code: &str) -> Option<&org::HallRow> {
        self.hall_at.get(code).map(|&i| &self.halls[i])
    }

    /// Name of a hall, or its code where it is not known.
    pub fn hall_name(&self, code: &str) -> String {
        self.hall(code)
            .map_or_else(|| code.to_owned(), |hall| hall.name.clone())
    }

    /// Name of a unit, or its code where it is not known.
    pub fn unit_name(&self, code: &str) -> String {
        self.units
            .get(code)
            .map_or_else(|| code.to_owned(), |unit| unit.name.clone())
    }

    /// A unit.
    pub fn unit(&self, code: &str) -> Option<&org::UnitRow> {
        self.units.get(code)
    }

    /// Name of an item, or its code where it is not known.
    pub fn item_name(&self, code: &str) -> String {
        self.items
            .get(code)
            .cloned()
            .unwrap_or_else(|| code.to_owned())
    }

    /// Whether hall `code` is `top` or stands below it. An unknown hall is in nobody's subtree but the root's.
    pub fn contains(&self, top: &str, code: &str) -> bool {
        match self.hall(code) {
            Some(hall) => hall.path.iter().any(|above| above == top),
            None => top == self.root(),
        }
    }

    /// Codes of `top` and everything below it.
    pub fn subtree(&self, top: &str) -> Vec<String> {
        self.halls
            .iter()
            .filter(|hall| hall.path.iter().any(|above| above == top))
            .map(|hall| hall.code.clone())
            .collect()
    }

    /// Whether something of this hall, unit and window may be seen.
    pub fn sees(
        &self,
        scope: &Scope,
        hall: &str,
        unit: Option<&str>,
        window: Option<&str>,
    ) -> bool {
        self.contains(&scope.hall, hall)
            && scope.unit.as_deref().is_none_or(|only| unit == Some(only))
            && scope
                .window
                .as_deref()
                .is_none_or(|only| window == Some(only))
    }

    /// What a query may return: the scope, narrowed to the subtree of `hall` where the request asks for one.
    ///
    /// # Errors
    /// `not-found` when `hall` is outside the scope: it does not exist for this caller.
    pub fn seen(&self, scope: &Scope, hall: Option<&str>) -> Result<Seen> {
        let top = match hall {
            Some(hall) if self.hall(hall).is_none() || !self.contains(&scope.hall, hall) => {
                return Err(Problem::not_found("hall"));
            }
            Some(hall) => hall,
            None => &scope.hall,
        };
        let halls = (top != self.root()).then(|| self.subtree(top));
        Ok(Seen {
            halls,
            unit: scope.unit.clone(),
            window: scope.window.clone(),
        })
    }

    /// The halls of a scope, parents first.
    pub fn halls<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = &'a org::HallRow> + 'a {
        self.halls
            .iter()
            .filter(|hall| hall.path.contains(&scope.hall))
    }

    /// The windows of a hall that a scope sees.
    pub fn windows<'a>(
        &'a self,
        scope: &'a Scope,
        hall: &str,
    ) -> impl Iterator<Item = &'a org::WindowRow> + 'a {
        let windows = self.windows.get(hall).map_or(&[][..], Vec::as_slice);
        windows
            .iter()
            .filter(|window| self.sees(scope, &window.hall, Some(&window.unit), Some(&window.no)))
    }

    /// Every unit.
    pub fn units(&self) -> impl Iterator<Item = &org::UnitRow> {
        self.units.values()
    }

    /// A camera.
    pub fn camera(&self, id: &str) -> Option<&org::CameraRow> {
        self.cameras.get(id)
    }

    /// Every camera.
    pub fn cameras(&self) -> impl Iterator<Item = &org::CameraRow> {
        self.cameras.values()
    }

    /// Whether a scope sees a camera: a unit's head or a clerk only one that covers a window of theirs.
    pub fn sees_camera(&self, scope: &Scope, camera: &org::CameraRow) -> bool {
        if !self.contains(&scope.hall, &camera.hall) {
            return false;
        }
        let narrow = scope.unit.is_some() || scope.window.is_some();
        !narrow
            || self
                .windows(scope, &camera.hall)
                .any(|window| camera.windows.contains(&window.no))
    }

    /// Ids of the cameras that cover a window.
    pub fn cameras_of(&self, hall: &str, window: &str) -> Vec<String> {
        let covers = |camera: &&org::CameraRow| {
            camera.hall == hall && camera.windows.iter().any(|no| no == window)
        };
        self.cameras
            .values()
            .filter(covers)
            .map(|camera| camera.id.clone())
            .collect()
    }
}
