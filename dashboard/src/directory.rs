//! The county as the console knows it without asking: halls, windows, units, cameras, names. Loaded from the database and
//! replaced whole when something is imported.

use std::collections::{BTreeMap, HashMap, HashSet};

use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::org::{Hall, Tree, Unit, Window};
use mingjing_monitor::store::county::County;
use mingjing_monitor::store::halls::Camera;
use mingjing_monitor::store::{StoreError, accounts, county, halls, items};
use sqlx::PgPool;

use crate::caller::Scope;
use crate::problem::{Problem, Result};
use crate::store::{self, Seen};

/// Halls, windows, units, cameras and names at one moment.
#[derive(Debug, Default)]
pub struct Directory {
    county: Option<County>,
    calendar: Option<Calendar>,
    tree: Tree,
    windows: HashMap<String, Vec<Window>>,
    units: BTreeMap<String, Unit>,
    cameras: BTreeMap<String, Camera>,
    /// Ids of the cameras that people manage on the pages.
    managed: HashSet<String>,
    /// Names of items in their newest version.
    items: HashMap<String, String>,
    /// Names of the persons in charge: by role, and hall or unit.
    charge: HashMap<(String, String), String>,
}

impl Directory {
    /// Only halls, for tests of what goes to whom.
    #[cfg(test)]
    pub fn of_halls(halls: Vec<Hall>) -> Self {
        Self {
            tree: Tree::new(halls).expect("the halls of a test are a tree"),
            ..Self::default()
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn load(db: &PgPool) -> Result<Self, StoreError> {
        let county = county::county(db).await?;
        let calendar = match &county {
            Some(_) => Some(county::calendar(db).await?),
            None => None,
        };
        let tree = halls::tree(db).await?;
        let mut windows: HashMap<String, Vec<Window>> = HashMap::new();
        let mut cameras = BTreeMap::new();
        for root in tree.halls().iter().filter(|hall| hall.parent.is_none()) {
            for window in halls::windows(db, &root.code).await? {
                windows.entry(window.hall.clone()).or_default().push(window);
            }
            cameras.extend(
                halls::cameras(db, &root.code)
                    .await?
                    .into_iter()
                    .map(|camera| (camera.id.clone(), camera)),
            );
        }
        let managed = store::cameras::ids(db).await?.into_iter().collect();
        // Versions come in rising order: the newest name stays.
        let items = items::versions(db, None)
            .await?
            .into_iter()
            .map(|item| (item.code, item.name))
            .collect();
        let units = halls::units(db)
            .await?
            .into_iter()
            .map(|unit| (unit.code.clone(), unit))
            .collect();
        let mut charge = HashMap::new();
        for account in accounts::list(db)
            .await?
            .into_iter()
            .filter(|account| !account.disabled)
        {
            let of = account.unit.unwrap_or(account.hall);
            charge.entry((account.role, of)).or_insert(account.name);
        }
        Ok(Self {
            county,
            calendar,
            tree,
            windows,
            units,
            cameras,
            managed,
            items,
            charge,
        })
    }

    /// The county, once it has been set up.
    pub fn county(&self) -> Option<&County> {
        self.county.as_ref()
    }

    /// The county's calendar, once it has been set up.
    pub fn calendar(&self) -> Option<&Calendar> {
        self.calendar.as_ref()
    }

    /// The county's time zone.
    pub fn zone(&self) -> chrono_tz::Tz {
        self.county
            .as_ref()
            .map_or(chrono_tz::Asia::Shanghai, County::zone)
    }

    /// The halls.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Code of the hall at the root.
    pub fn root(&self) -> String {
        self.tree
            .halls()
            .first()
            .map(|hall| hall.code.clone())
            .unwrap_or_default()
    }

    /// A hall.
    pub fn hall(&self, code: &str) -> Option<&Hall> {
        self.tree.get(code)
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

    /// Name of an item, or its code where it is not known.
    pub fn item_name(&self, code: &str) -> String {
        self.items
            .get(code)
            .cloned()
            .unwrap_or_else(|| code.to_owned())
    }

    /// Names of all items, by code.
    pub fn items(&self) -> impl Iterator<Item = (&str, &str)> {
        self.items
            .iter()
            .map(|(code, name)| (code.as_str(), name.as_str()))
    }

    /// Whether a hall is one of a scope's: of the subtree, and for a clerk the one hall that the window stands in.
    pub fn covers(&self, scope: &Scope, hall: &str) -> bool {
        if scope.window.is_some() {
            return hall == scope.hall;
        }
        self.tree.contains(&scope.hall, hall)
    }

    /// Whether a hall stands over a scope's: what it publishes is for them too.
    pub fn is_over(&self, scope: &Scope, hall: &str) -> bool {
        self.tree.contains(hall, &scope.hall)
    }

    /// Whether something of this hall, unit and window may be seen.
    pub fn sees(
        &self,
        scope: &Scope,
        hall: &str,
        unit: Option<&str>,
        window: Option<&str>,
    ) -> bool {
        self.covers(scope, hall)
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
        let top = hall.filter(|hall| !hall.is_empty()).unwrap_or(&scope.hall);
        if !self.covers(scope, top) {
            return Err(Problem::not_found("hall"));
        }
        Ok(Seen {
            hall: top.to_owned(),
            unit: scope.unit.clone(),
            window: scope.window.clone(),
        })
    }

    /// The halls of a scope, parents first.
    pub fn halls(&self, scope: &Scope) -> &[Hall] {
        let halls = self.tree.subtree(&scope.hall);
        let shown = if scope.window.is_some() {
            1
        } else {
            halls.len()
        };
        halls.get(..shown).unwrap_or_default()
    }

    /// The windows of a hall that a scope sees.
    pub fn windows<'a>(
        &'a self,
        scope: &'a Scope,
        hall: &str,
    ) -> impl Iterator<Item = &'a Window> + 'a {
        let windows = self.windows.get(hall).map_or(&[][..], Vec::as_slice);
        windows.iter().filter(|window| {
            self.sees(
                scope,
                &window.hall,
                window.unit.as_deref(),
                Some(&window.no),
            )
        })
    }

    /// Every window of a hall.
    pub fn windows_of(&self, hall: &str) -> &[Window] {
        self.windows.get(hall).map_or(&[], Vec::as_slice)
    }

    /// A window.
    pub fn window(&self, hall: &str, no: &str) -> Option<&Window> {
        self.windows
            .get(hall)?
            .iter()
            .find(|window| window.no == no)
    }

    /// Who holds a card: the person in charge where there is one, else the hall, unit or county.
    pub fn holder_name(&self, role: &str, hall: &str, unit: Option<&str>) -> String {
        let name = |of: &str| self.charge.get(&(role.to_owned(), of.to_owned())).cloned();
        match role {
            "hall_manager" => name(hall).unwrap_or_else(|| self.hall_name(hall)),
            "unit_head" => unit
                .map(|unit| name(unit).unwrap_or_else(|| self.unit_name(unit)))
                .unwrap_or_default(),
            _ => self
                .county
                .as_ref()
                .map(|county| county.name.clone())
                .unwrap_or_default(),
        }
    }

    /// Every unit.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.units.values()
    }

    /// A camera.
    pub fn camera(&self, id: &str) -> Option<&Camera> {
        self.cameras.get(id)
    }

    /// Of a camera that people manage on the pages: the ingest that it is given to.
    pub fn given_to(&self, camera: &str) -> Option<&str> {
        let managed = self.managed.contains(camera);
        let camera = self.cameras.get(camera).filter(|_| managed)?;
        Some(&camera.edge)
    }

    /// Every camera.
    pub fn cameras(&self) -> impl Iterator<Item = &Camera> {
        self.cameras.values()
    }

    /// Whether a scope sees a camera: a unit's head or a clerk only one that covers a window of theirs.
    pub fn sees_camera(&self, scope: &Scope, camera: &Camera) -> bool {
        if !self.covers(scope, &camera.hall) {
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
        let covers =
            |camera: &&Camera| camera.hall == hall && camera.windows.iter().any(|no| no == window);
        self.cameras
            .values()
            .filter(covers)
            .map(|camera| camera.id.clone())
            .collect()
    }
}
