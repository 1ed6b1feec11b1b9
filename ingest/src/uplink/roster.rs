//! The cameras that run now, as both sockets see them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::protocol::CameraDescription;
use crate::camera::CameraHandle;

/// A camera that runs.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    /// What the console is told of it.
    pub(crate) description: CameraDescription,
    /// Its session.
    pub(crate) handle: CameraHandle,
    /// Rises when the same id gets another session.
    pub(crate) generation: u64,
}

/// Cameras by id.
pub(crate) type RosterView = Arc<BTreeMap<String, Running>>;

/// The cameras, changed at run time.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    running: watch::Sender<RosterView>,
}

impl Roster {
    /// Adds or replaces; gives back what was replaced.
    pub(crate) fn put(
        &self,
        description: CameraDescription,
        handle: CameraHandle,
    ) -> Option<Running> {
        let mut old = None;
        self.running.send_modify(|view| {
            let cameras = Arc::make_mut(view);
            old = cameras.remove(&description.id);
            let generation = old.as_ref().map_or(0, |old| old.generation + 1);
            cameras.insert(
                description.id.clone(),
                Running {
                    description,
                    handle,
                    generation,
                },
            );
        });
        old
    }

    /// Says something else of a camera whose session stays.
    pub(crate) fn describe(&self, description: CameraDescription) {
        self.running.send_modify(|view| {
            if let Some(running) = Arc::make_mut(view).get_mut(&description.id) {
                running.description = description;
            }
        });
    }

    /// Takes one out.
    pub(crate) fn take(&self, id: &str) -> Option<Running> {
        let mut old = None;
        self.running
            .send_modify(|view| old = Arc::make_mut(view).remove(id));
        old
    }

    /// The cameras, as they change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<RosterView> {
        self.running.subscribe()
    }

    /// The cameras now.
    pub(crate) fn now(&self) -> RosterView {
        self.running.borrow().clone()
    }
}

/// What the console is told of them.
pub(crate) fn descriptions(view: &RosterView) -> Vec<CameraDescription> {
    view.values()
        .map(|running| running.description.clone())
        .collect()
}
