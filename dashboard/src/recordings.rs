//! Where the recordings of a camera lie: at the ingest that carries it, and at those that carried it before. What each says of a time is put
//! together here; where one of them is away, the time in which it carried the camera is a gap that says so.

use chrono::{DateTime, Utc};
use futures::future::join_all;
use mingjing_ingest::recording::index::{Gap, Pinned, Span};
use mingjing_ingest::uplink::protocol::{Answer, Ask};
use mingjing_monitor::store::StoreError;

use crate::app::App;
use crate::media::{FetchError, Found};
use crate::store::homes::{self, Home};

/// Ingests that are asked about one camera at most, the newest of them.
const ASKED: usize = 8;

/// Why nothing is known of recordings.
#[derive(Debug, thiserror::Error)]
pub enum RecordingsError {
    /// The ingest that holds them cannot be asked.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The database cannot be asked which ingest that is.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Time that is recorded, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Begin.
    pub from: DateTime<Utc>,
    /// End.
    pub to: DateTime<Utc>,
    /// Spans in which it differs are not in one MP4.
    pub parameters: String,
    /// The ingest that holds it.
    pub edge: String,
}

/// Time that is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Begin.
    pub from: DateTime<Utc>,
    /// End.
    pub to: DateTime<Utc>,
    /// Code of the reason: that of a [`Gap`], or `away`.
    pub reason: String,
    /// The camera's state, or the ingest that is away.
    pub detail: Option<String>,
}

/// What is recorded between two instants, and why the rest is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covered {
    /// In order.
    pub spans: Vec<Held>,
    /// In order.
    pub gaps: Vec<Missing>,
    /// What retention leaves alone.
    pub pinned: Vec<Pinned>,
    /// Up to when a clip can reach now.
    pub until: Option<DateTime<Utc>>,
    /// When the first picture of a clip of this time was taken.
    pub begins: Option<DateTime<Utc>>,
}

/// What one ingest says.
#[derive(Debug, Clone, Default)]
struct Told {
    spans: Vec<Span>,
    gaps: Vec<Gap>,
    pinned: Vec<Pinned>,
    until: Option<DateTime<Utc>>,
    begins: Option<DateTime<Utc>>,
}

type Window = (DateTime<Utc>, DateTime<Utc>);
/// Begin and end, where it has them.
type Stay = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// An ingest that carries a camera or carried it: in which times.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    edge: String,
    times: Vec<Stay>,
}

impl Holder {
    /// The times in which it carried the camera, as far as they lie between two instants.
    fn within(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> impl Iterator<Item = Window> {
        let times = self.times.iter().map(move |(since, until)| {
            let begin = since.map_or(from, |since| since.max(from));
            (begin, until.map_or(to, |until| until.min(to)))
        });
        times.filter(|(begin, end)| begin < end)
    }

    /// Whether it carried the camera then.
    fn carried(&self, at: DateTime<Utc>) -> bool {
        let mut times = self.times.iter();
        times.any(|(since, until)| {
            since.is_none_or(|since| since <= at) && until.is_none_or(|until| at < until)
        })
    }
}

/// Each ingest once, the newest first.
fn holders(homes: Vec<Home>) -> Vec<Holder> {
    let mut holders: Vec<Holder> = Vec::new();
    for home in homes {
        let time = (home.since, home.until);
        match holders.iter_mut().find(|one| one.edge == home.edge) {
            Some(known) => known.times.push(time),
            None => holders.push(Holder {
                edge: home.edge,
                times: vec![time],
            }),
        }
    }
    holders.truncate(ASKED);
    holders
}

/// What is recorded of a camera between two instants, wherever it lies.
///
/// # Errors
/// When nothing can be known: of all that carried the camera then, none can be asked.
pub async fn coverage(
    app: &App,
    camera: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Covered, RecordingsError> {
    let holders = holders(homes::of(app.db(), camera).await?);
    let asked = holders.iter().enumerate().map(async |(nth, holder)| {
        let clock = app.edges().clock(&holder.edge);
        let ask = Ask::Coverage {
            from: clock.theirs(from),
            to: clock.theirs(to),
        };
        let found = fetch(app, camera, nth, holder, ask).await?;
        Ok(match found.answer {
            Answer::Coverage {
                spans,
                gaps,
                pinned,
                until,
                begins,
            } => Told {
                spans,
                gaps,
                pinned,
                until,
                begins,
            },
            _ => Told::default(),
        })
    });
    let told: Vec<Result<Told, FetchError>> = join_all(asked).await;
    let mut then = holders.iter().zip(&told).filter_map(|(holder, told)| {
        let carried = holder.within(from, to).next().is_some();
        carried.then_some(told.as_ref().err().copied())
    });
    // Who does not answer may hold it all; one who does answers for his own time.
    match then.next() {
        None => Err(FetchError::Unknown.into()),
        Some(Some(error)) if then.all(|other| other.is_some()) => Err(error.into()),
        _ => Ok(merged(&holders, told, from, to)),
    }
}

/// Asks the ingest that holds the recordings of an instant: the one that carried the camera then or, where that has none, another.
///
/// # Errors
/// When it cannot be asked, and no other has anything.
pub async fn at(
    app: &App,
    camera: &str,
    at: DateTime<Utc>,
    ask: impl Fn(crate::uplink::ClockOffset) -> Ask,
) -> Result<Found, RecordingsError> {
    let holders = holders(homes::of(app.db(), camera).await?);
    let mut order: Vec<(usize, &Holder)> = holders.iter().enumerate().collect();
    order.sort_by_key(|(_, holder)| !holder.carried(at));
    let mut failed = None;
    let mut nothing = None;
    for (nth, holder) in order {
        let ask = ask(app.edges().clock(&holder.edge));
        match fetch(app, camera, nth, holder, ask).await {
            Ok(found) if matches!(found.answer, Answer::Nothing) => nothing = Some(found),
            Ok(found) => return Ok(found),
            // Of one that did not carry the camera then nothing is missed.
            Err(error) if holder.carried(at) => failed = Some(error),
            Err(_) => {}
        }
    }
    match (failed, nothing) {
        (Some(error), _) => Err(error.into()),
        (None, Some(nothing)) => Ok(nothing),
        (None, None) => Err(FetchError::Unknown.into()),
    }
}

/// Asks one ingest.
async fn fetch(
    app: &App,
    camera: &str,
    nth: usize,
    holder: &Holder,
    ask: Ask,
) -> Result<Found, FetchError> {
    match nth {
        // The one that carries it now, as it says itself.
        0 => app.media().fetch(camera, ask).await,
        _ => app.media().fetch_at(&holder.edge, camera, ask).await,
    }
}

/// Asks the ingest that holds a span.
///
/// # Errors
/// When it cannot be asked.
pub async fn held(
    app: &App,
    camera: &str,
    edge: &str,
    ask: impl FnOnce(crate::uplink::ClockOffset) -> Ask,
) -> Result<Found, FetchError> {
    let ask = ask(app.edges().clock(edge));
    app.media().fetch_at(edge, camera, ask).await
}

/// What all of them say, the newest first: what one has is taken from it, the rest from those before it.
fn merged(
    holders: &[Holder],
    told: Vec<Result<Told, FetchError>>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Covered {
    let mut covered = Covered::default();
    let mut begins = Vec::new();
    let mut taken: Vec<Window> = Vec::new();
    for (nth, (holder, told)) in holders.iter().zip(&told).enumerate() {
        let Ok(told) = told else { continue };
        let own = |parameters: u32| match nth {
            0 => format!("{parameters:08x}"),
            _ => format!("{parameters:08x}@{}", holder.edge),
        };
        for span in &told.spans {
            for (from, to) in without((span.from, span.to), &taken) {
                covered.spans.push(Held {
                    from,
                    to,
                    parameters: own(span.parameters),
                    edge: holder.edge.clone(),
                });
            }
        }
        taken.extend(told.spans.iter().map(|span| (span.from, span.to)));
        covered.pinned.extend(told.pinned.iter().copied());
        // Only of the newest something is being written.
        covered.until = covered.until.or(told.until);
        begins.push((&holder.edge, told.begins));
    }
    covered.spans.sort_by_key(|span| span.from);
    covered.pinned.sort_by_key(|pinned| pinned.from);
    if let Some(first) = covered.spans.first() {
        let of_it = begins.iter().find(|(edge, _)| **edge == first.edge);
        covered.begins = of_it.and_then(|(_, begins)| *begins);
    }
    for (holder, told) in holders.iter().zip(told) {
        for window in holder.within(from, to) {
            let gaps = match &told {
                Ok(told) => told
                    .gaps
                    .iter()
                    .filter_map(|gap| clipped(gap, window))
                    .collect(),
                Err(_) => vec![Missing {
                    from: window.0,
                    to: window.1,
                    reason: "away".into(),
                    detail: Some(holder.edge.clone()),
                }],
            };
            for gap in gaps {
                let rest = without((gap.from, gap.to), &taken);
                let rest = rest.into_iter().map(|(from, to)| Missing {
                    from,
                    to,
                    ..gap.clone()
                });
                covered.gaps.extend(rest);
            }
        }
    }
    covered.gaps.sort_by_key(|gap| gap.from);
    covered
}

/// The part of a gap that lies in a time.
fn clipped(gap: &Gap, (from, to): Window) -> Option<Missing> {
    let (from, to) = (gap.from.max(from), gap.to.min(to));
    let reason = serde_json::to_value(gap.reason).ok()?;
    (from < to).then(|| Missing {
        from,
        to,
        reason: reason.as_str().unwrap_or("unknown").to_owned(),
        detail: gap.detail.clone(),
    })
}

/// What of a time lies in none of others.
fn without(time: Window, others: &[Window]) -> Vec<Window> {
    let mut rest = vec![time];
    for (begin, end) in others {
        rest = rest
            .into_iter()
            .flat_map(|(from, to)| [(from, to.min(*begin)), (from.max(*end), to)])
            .filter(|(from, to)| from < to)
            .collect();
    }
    rest
}

#[cfg(test)]
mod tests {
    use mingjing_ingest::recording::index::Reason;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_305_600 + 60 * minute, 0).unwrap()
    }

    /// A camera that T1 carried until minute 30, then T2.
    fn moved() -> Vec<Holder> {
        let home = |edge: &str, since: Option<i64>, until: Option<i64>| Home {
            edge: edge.into(),
            since: since.map(at),
            until: until.map(at),
        };
        holders(vec![home("T2", Some(30), None), home("T1", None, Some(30))])
    }

    fn told(spans: &[(i64, i64)], gaps: &[(i64, i64, Reason)]) -> Told {
        let span = |(from, to): &(i64, i64)| Span {
            from: at(*from),
            to: at(*to),
            parameters: 7,
        };
        let gap = |(from, to, reason): &(i64, i64, Reason)| Gap {
            from: at(*from),
            to: at(*to),
            reason: *reason,
            detail: None,
        };
        Told {
            spans: spans.iter().map(span).collect(),
            gaps: gaps.iter().map(gap).collect(),
            until: spans.last().map(|(_, to)| at(*to)),
            begins: spans.first().map(|(from, _)| at(*from)),
            ..Told::default()
        }
    }

    fn seen(covered: &Covered) -> [Vec<(i64, i64, String)>; 2] {
        let minute = |instant: DateTime<Utc>| (instant - at(0)).num_minutes();
        let spans = covered.spans.iter();
        let gaps = covered.gaps.iter();
        [
            spans
                .map(|it| (minute(it.from), minute(it.to), it.parameters.clone()))
                .collect(),
            gaps.map(|it| (minute(it.from), minute(it.to), it.reason.clone()))
                .collect(),
        ]
    }

    #[test]
    fn what_lies_at_two_ingests_is_one_time_line() {
        // The old one went on for three minutes: it was away when the camera was moved.
        let new = told(&[(31, 60)], &[(0, 31, Reason::NotYet)]);
        let old = told(
            &[(5, 33)],
            &[(0, 5, Reason::Offline), (33, 60, Reason::Stopped)],
        );
        let covered = merged(&moved(), vec![Ok(new), Ok(old)], at(0), at(60));
        let [spans, gaps] = seen(&covered);
        assert_eq!(
            spans,
            [(5, 31, "00000007@T1".into()), (31, 60, "00000007".into())]
        );
        assert_eq!(gaps, [(0, 5, "offline".into())]);
        assert_eq!((covered.begins, covered.until), (Some(at(5)), Some(at(60))));
    }

    #[test]
    fn one_that_is_away_is_the_reason_for_its_own_time_alone() {
        let new = told(&[(31, 60)], &[(0, 31, Reason::NotYet)]);
        let covered = merged(
            &moved(),
            vec![Ok(new), Err(FetchError::Away)],
            at(0),
            at(60),
        );
        let [spans, gaps] = seen(&covered);
        assert_eq!(spans, [(31, 60, "00000007".into())]);
        assert_eq!(gaps, [(0, 30, "away".into()), (30, 31, "not_yet".into())]);
        assert_eq!(covered.gaps[0].detail.as_deref(), Some("T1"));
        assert_eq!(covered.begins, Some(at(31)));
    }

    #[test]
    fn a_camera_that_came_back_has_two_times_at_one_ingest() {
        let mut homes = vec![Home {
            edge: "T1".into(),
            since: Some(at(50)),
            until: None,
        }];
        homes.push(Home {
            edge: "T2".into(),
            since: Some(at(30)),
            until: Some(at(50)),
        });
        homes.push(Home {
            edge: "T1".into(),
            since: None,
            until: Some(at(30)),
        });
        let holders = holders(homes);
        assert_eq!(holders.len(), 2);
        assert!(holders[0].carried(at(10)) && holders[0].carried(at(55)));
        assert!(!holders[0].carried(at(40)) && holders[1].carried(at(40)));
        let windows: Vec<Window> = holders[0].within(at(20), at(60)).collect();
        assert_eq!(windows, [(at(50), at(60)), (at(20), at(30))]);
    }
}
