//! Sends an edge the cameras that people manage on the pages for it, and notes what became of them there.

use chrono::Utc;
use mingjing_ingest::managed::{ManagedCamera, Refused, Settled};
use mingjing_ingest::uplink::protocol::ToIngest;
use mingjing_monitor::store::StoreError;
use tokio::sync::{mpsc, watch};

use super::{RETRY, opened};
use crate::app::App;
use crate::caller::Caller;
use crate::publish;
use crate::store::cameras;
use crate::uplink::scope;

/// The camera stands in a hall that the edge's token does not speak for: it is not sent.
const OUTSIDE: &str = "outside";
/// Its password does not open with the console's key: it is not sent, and stays at the edge as it was.
const LOCKED: &str = "locked";

/// What an edge said last: the number of what it was sent, and what became of each camera.
pub type Said = Option<(u64, Vec<Settled>)>;

/// What it was sent last.
struct Sent {
    number: u64,
    cameras: Vec<ManagedCamera>,
    unchanged: Vec<String>,
}

/// Sends `edge`, which came as `caller`, its cameras now and whenever one changes, until its connection ends (`outgoing` is closed then).
pub async fn follow(
    app: App,
    edge: String,
    caller: Caller,
    outgoing: mpsc::Sender<ToIngest>,
    mut said: watch::Receiver<Said>,
) {
    let mut changes = app.watch_directory();
    let mut sent: Option<Sent> = None;
    let mut unwritten: Vec<Settled> = Vec::new();
    loop {
        changes.borrow_and_update();
        let mut again = match next(&app, &edge, &caller, sent.as_ref()).await {
            Ok((new, refused)) => {
                unwritten.extend(refused);
                if let Some(new) = new {
                    let message = ToIngest::Manage {
                        number: new.number,
                        cameras: new.cameras.clone(),
                        unchanged: new.unchanged.clone(),
                    };
                    if outgoing.send(message).await.is_err() {
                        return;
                    }
                    sent = Some(new);
                }
                false
            }
            Err(error) => {
                tracing::debug!(edge, %error, "the cameras of an edge could not be read; trying again");
                true
            }
        };
        unwritten.extend(heard(said.borrow_and_update().as_ref(), sent.as_ref()));
        match note(&app, &edge, &unwritten).await {
            Ok(()) => unwritten.clear(),
            Err(error) => {
                tracing::debug!(edge, %error, "what became of an edge's cameras could not be noted; trying again");
                again = true;
            }
        }
        tokio::select! {
            () = outgoing.closed() => return,
            changed = changes.changed() => if changed.is_err() { return },
            changed = said.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(RETRY), if again => {}
        }
    }
}

/// What is to be sent, where that is not what was sent last; and what cannot be.
async fn next(
    app: &App,
    edge: &str,
    caller: &Caller,
    last: Option<&Sent>,
) -> Result<(Option<Sent>, Vec<Settled>), StoreError> {
    let (directory, top) = (app.directory(), scope(app, caller).hall);
    let rows = cameras::managed(app.db()).await?;
    let (mine, outside): (Vec<_>, Vec<_>) = rows
        .iter()
        .filter(|managed| managed.row.edge == edge)
        .partition(|managed| directory.tree().contains(&top, &managed.row.hall));
    let (cameras, locked) = opened(app, mine.into_iter());
    let refused = |id: &str, revision, why: &str, detail| Settled {
        id: id.to_owned(),
        revision,
        refused: Some(Refused {
            why: why.to_owned(),
            detail,
        }),
    };
    let mut not_sent: Vec<_> = outside
        .iter()
        .map(|one| refused(&one.row.id, one.connection.revision, OUTSIDE, None))
        .collect();
    not_sent.extend(
        locked
            .iter()
            .map(|one| refused(&one.id, one.revision, LOCKED, Some(one.why.clone()))),
    );
    let unchanged: Vec<String> = locked.into_iter().map(|one| one.id).collect();
    let same = last.is_some_and(|last| last.cameras == cameras && last.unchanged == unchanged);
    let new = (!same).then(|| Sent {
        number: rand::random(),
        cameras,
        unchanged,
    });
    Ok((new, not_sent))
}

/// What the edge said of what it was sent last, and of nothing else.
fn heard(said: Option<&(u64, Vec<Settled>)>, sent: Option<&Sent>) -> Vec<Settled> {
    let (Some((number, settled)), Some(sent)) = (said, sent) else {
        return Vec::new();
    };
    if *number != sent.number {
        return Vec::new();
    }
    let was_sent = |one: &&Settled| {
        let mut sent = sent.cameras.iter();
        sent.any(|camera| camera.id == one.id && camera.revision == one.revision)
    };
    settled.iter().filter(was_sent).cloned().collect()
}

async fn note(app: &App, edge: &str, settled: &[Settled]) -> Result<(), StoreError> {
    if settled.is_empty() {
        return Ok(());
    }
    // The last word about each.
    let newest =
        |(at, one): &(usize, &Settled)| !settled[at + 1..].iter().any(|later| later.id == one.id);
    let settled: Vec<Settled> = settled
        .iter()
        .enumerate()
        .filter(newest)
        .map(|(_, one)| one.clone())
        .collect();
    if cameras::note_pushes(app.db(), edge, &settled, Utc::now()).await? {
        publish::county_changed(app);
    }
    Ok(())
}
