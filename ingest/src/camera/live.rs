//! From one camera to any number of viewers: in the ingest from the camera's session, in the console from the uplink.
//!
//! A ring holds the newest group of pictures (and two seconds before it), so that a viewer starts at once on a key
//! frame. Viewers read it at their own pace, each by the number of the fragment that it wants next: the camera never
//! waits for a viewer, and memory does not grow with viewers. One who falls behind jumps to the newest key frame.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::CameraState;
use crate::media::{Fragment, InitSegment, Message};

/// A viewer further behind than this, with a newer key frame waiting, jumps to it.
const LAG: Duration = Duration::from_secs(2);

/// Bytes held for one camera at most. A group of pictures larger than this (over 16 s of 4 Mb/s) is not held whole: who
/// comes then waits for the next key frame.
const MAX_BYTES: usize = 8 << 20;

/// Fragments held for one camera at most.
const MAX_FRAGMENTS: usize = 2_000;

/// The sending side, held by whoever receives the camera.
#[derive(Clone, Debug)]
pub struct LiveHub {
    ring: Arc<Mutex<Ring>>,
    /// Counts changes of the ring.
    changed: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Default)]
struct Ring {
    held: VecDeque<Held>,
    bytes: usize,
    /// Number that the next fragment gets.
    next: u64,
    /// Number of the newest key frame that is still held.
    newest_key: Option<u64>,
    /// Fragments that were left out before the next one, upstream of here.
    gap: u64,
    offline: Option<Offline>,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offline {
    since: DateTime<Utc>,
    state: CameraState,
}

#[derive(Debug)]
struct Held {
    fragment: Fragment,
    init: Arc<InitSegment>,
    arrived: Instant,
    /// Fragments that were left out right before this one, upstream of here.
    gap: u64,
}

impl Default for LiveHub {
    fn default() -> Self {
        Self {
            ring: Arc::default(),
            changed: Arc::new(watch::Sender::new(0)),
        }
    }
}

impl LiveHub {
    /// The number that the next fragment must carry.
    pub fn next_sequence(&self) -> u64 {
        self.ring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next
    }

    /// Hands a fragment to all viewers. Its number is [`LiveHub::next_sequence`].
    pub fn publish(&self, init: &Arc<InitSegment>, fragment: Fragment) {
        let held = Held {
            fragment,
            init: Arc::clone(init),
            arrived: Instant::now(),
            gap: 0,
        };
        self.with_ring(|ring| ring.push(held));
    }

    /// Says that fragments were left out before the next one is published; those who watch are told.
    pub fn left_out(&self, frames: u64) {
        self.with_ring(|ring| ring.gap += frames);
    }

    /// Forgets what is held, when the source pauses because nobody watches: who comes later must not start in the past.
    pub fn clear(&self) {
        self.with_ring(Ring::clear);
    }

    /// Ends all viewers.
    pub fn close(&self) {
        self.with_ring(|ring| ring.closed = true);
    }

    /// Whether the camera was taken out of service.
    pub fn is_closed(&self) -> bool {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.closed
    }

    /// Tells all viewers that nothing comes for now.
    pub fn offline(&self, since: DateTime<Utc>, state: CameraState) {
        self.with_ring(|ring| {
            ring.offline = Some(Offline { since, state });
            // What was live is not: a viewer who comes now must not see an old picture move.
            ring.clear();
        });
    }

    /// A new viewer.
    pub fn subscribe(&self) -> LiveStream {
        LiveStream {
            ring: Arc::clone(&self.ring),
            changed: self.changed.subscribe(),
            next: None,
            init: None,
            offline: None,
            told_gap: None,
        }
    }

    fn with_ring(&self, change: impl FnOnce(&mut Ring)) {
        change(&mut self.ring.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|count| *count += 1);
    }
}

impl Ring {
    fn push(&mut self, mut held: Held) {
        self.offline = None;
        held.gap = std::mem::take(&mut self.gap);
        self.next = held.fragment.sequence + 1;
        self.bytes += held.fragment.len();
        if held.fragment.key {
            self.newest_key = Some(held.fragment.sequence);
        }
        let now = held.arrived;
        self.held.push_back(held);
        while self.bytes > MAX_BYTES || self.held.len() > MAX_FRAGMENTS || self.front_is_old(now) {
            self.pop_front();
        }
    }

    /// Whether the oldest fragment belongs to an earlier group of pictures and nobody in time still needs it.
    fn front_is_old(&self, now: Instant) -> bool {
        let Some((front, key)) = self.held.front().zip(self.newest_key) else {
            return false;
        };
        front.fragment.sequence < key && now.duration_since(front.arrived) > LAG
    }

    fn pop_front(&mut self) {
        if let Some(old) = self.held.pop_front() {
            self.bytes -= old.fragment.len();
            if self.newest_key == Some(old.fragment.sequence) {
                self.newest_key = None;
            }
        }
    }

    fn clear(&mut self) {
        self.held.clear();
        self.bytes = 0;
        self.newest_key = None;
    }

    fn get(&self, sequence: u64) -> Option<&Held> {
        let first = self.held.front()?.fragment.sequence;
        self.held
            .get(usize::try_from(sequence.checked_sub(first)?).ok()?)
    }
}

/// One viewer's view of a camera.
#[derive(Debug)]
pub struct LiveStream {
    ring: Arc<Mutex<Ring>>,
    changed: watch::Receiver<u64>,
    /// Number of the fragment to send next; none until a key frame has been found.
    next: Option<u64>,
    /// Parameters that the viewer knows.
    init: Option<Arc<InitSegment>>,
    /// The last bad news that the viewer knows.
    offline: Option<Offline>,
    /// The fragment before which the viewer was last told of a gap.
    told_gap: Option<u64>,
}

impl LiveStream {
    /// The next message; `None` once the camera is taken out of service. May be dropped while it waits and called again.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            self.changed.borrow_and_update();
            if let Some(message) = self.take() {
                return Some(message);
            }
            if self.is_closed() {
                return None;
            }
            self.changed.changed().await.ok()?;
        }
    }

    fn is_closed(&self) -> bool {
        self.ring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed
    }

    /// What there is to say now without waiting.
    fn take(&mut self) -> Option<Message> {
        let ring = Arc::clone(&self.ring);
        let ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(offline) = ring.offline {
            if self.offline == Some(offline) {
                return None;
            }
            self.offline = Some(offline);
            // The first picture after this is a key frame with new parameters.
            self.next = None;
            self.init = None;
            return Some(Message::Offline {
                since: offline.since,
                state: offline.state,
            });
        }
        self.offline = None;
        let wanted = match self.next {
            Some(next) => self.resume(&ring, next)?,
            None => ring.newest_key?,
        };
        if let Some(next) = self.next.filter(|next| *next < wanted) {
            self.next = Some(wanted);
            return Some(Message::Dropped {
                frames: wanted - next,
            });
        }
        let held = ring.get(wanted)?;
        let newcomer = self.next.replace(wanted).is_none();
        if held.gap > 0 && self.told_gap.replace(wanted) != Some(wanted) && !newcomer {
            return Some(Message::Dropped { frames: held.gap });
        }
        if self.init.as_ref() != Some(&held.init) {
            self.init = Some(Arc::clone(&held.init));
            return Some(Message::Init(Arc::clone(&held.init)));
        }
        self.next = Some(wanted + 1);
        Some(Message::Fragment(held.fragment.clone()))
    }

    /// Where a viewer goes on who wants `next`: there, at the newest key frame when too far behind, or nowhere yet.
    fn resume(&self, ring: &Ring, next: u64) -> Option<u64> {
        let Some(held) = ring.get(next) else {
            // Not there yet, or no longer there.
            return if next >= ring.next {
                None
            } else {
                ring.newest_key
            };
        };
        match ring.newest_key {
            Some(key) if key > next && held.arrived.elapsed() > LAG => Some(key),
            _ => Some(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn init(codec: &str) -> Arc<InitSegment> {
        Arc::new(InitSegment {
            codec: codec.into(),
            width: 16,
            height: 16,
            segment: Bytes::from_static(b"moov"),
            with_audio: None,
        })
    }

    fn send(hub: &LiveHub, init: &Arc<InitSegment>, key: bool, len: usize) {
        let sequence = hub.next_sequence();
        let bytes = Bytes::from(vec![0; len]);
        hub.publish(
            init,
            Fragment {
                bytes,
                audio: Bytes::new(),
                key,
                captured_at: DateTime::UNIX_EPOCH,
                sequence,
            },
        );
    }

    /// Everything that a viewer would get now.
    fn drain(viewer: &mut LiveStream) -> Vec<String> {
        std::iter::from_fn(|| viewer.take())
            .map(|message| match message {
                Message::Init(init) => format!("init {}", init.codec),
                Message::Fragment(f) => {
                    format!("{}{}", if f.key { "key " } else { "" }, f.sequence)
                }
                Message::Dropped { frames } => format!("dropped {frames}"),
                Message::Offline { state, .. } => state.code().to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_viewer_starts_with_the_newest_group_of_pictures() {
        let (hub, a) = (LiveHub::default(), init("a"));
        for key in [true, false, true, false] {
            send(&hub, &a, key, 10);
        }
        let mut viewer = hub.subscribe();
        assert_eq!(drain(&mut viewer), ["init a", "key 2", "3"]);
        send(&hub, &a, false, 10);
        assert_eq!(drain(&mut viewer), ["4"]);
        assert!(drain(&mut viewer).is_empty());
    }

    #[test]
    fn new_parameters_come_before_their_first_fragment() {
        let (hub, a, b) = (LiveHub::default(), init("a"), init("b"));
        let mut viewer = hub.subscribe();
        send(&hub, &a, true, 10);
        send(&hub, &a, false, 10);
        assert_eq!(drain(&mut viewer), ["init a", "key 0", "1"]);
        send(&hub, &b, true, 10);
        assert_eq!(drain(&mut viewer), ["init b", "key 2"]);
    }

    #[test]
    fn one_who_lags_jumps_to_a_key_frame_and_is_told() {
        let (hub, a) = (LiveHub::default(), init("a"));
        send(&hub, &a, true, 10);
        let mut viewer = hub.subscribe();
        assert_eq!(drain(&mut viewer), ["init a", "key 0"]);
        for _ in 0..3 {
            send(&hub, &a, false, MAX_BYTES / 4);
        }
        send(&hub, &a, true, MAX_BYTES / 4);
        send(&hub, &a, false, MAX_BYTES / 4);
        assert_eq!(drain(&mut viewer), ["dropped 3", "key 4", "5"]);
    }

    #[test]
    fn a_gap_upstream_is_told_once_to_those_who_watch() {
        let (hub, a) = (LiveHub::default(), init("a"));
        send(&hub, &a, true, 10);
        let mut viewer = hub.subscribe();
        assert_eq!(drain(&mut viewer), ["init a", "key 0"]);
        hub.left_out(4);
        send(&hub, &a, true, 10);
        assert_eq!(drain(&mut viewer), ["dropped 4", "key 1"]);
        assert_eq!(drain(&mut hub.subscribe()), ["init a", "key 1"]);
    }

    #[test]
    fn what_was_cleared_is_not_shown_to_who_comes_later() {
        let (hub, a) = (LiveHub::default(), init("a"));
        send(&hub, &a, true, 10);
        hub.clear();
        let mut viewer = hub.subscribe();
        assert!(drain(&mut viewer).is_empty());
        send(&hub, &a, true, 10);
        assert_eq!(drain(&mut viewer), ["init a", "key 1"]);
    }

    #[test]
    fn a_group_too_large_to_hold_makes_newcomers_wait_and_nobody_else() {
        let (hub, a) = (LiveHub::default(), init("a"));
        let mut present = hub.subscribe();
        send(&hub, &a, true, MAX_BYTES / 2);
        drain(&mut present);
        for sequence in 1..5 {
            send(&hub, &a, false, MAX_BYTES / 2);
            assert_eq!(drain(&mut present), [sequence.to_string()]);
        }
        let mut late = hub.subscribe();
        assert!(drain(&mut late).is_empty());
        send(&hub, &a, true, 10);
        assert_eq!(drain(&mut late), ["init a", "key 5"]);
        assert!(hub.ring.lock().unwrap().bytes <= MAX_BYTES);
    }

    #[test]
    fn bad_news_is_told_once_and_the_stream_goes_on_after_it() {
        let (hub, a) = (LiveHub::default(), init("a"));
        let mut viewer = hub.subscribe();
        send(&hub, &a, true, 10);
        drain(&mut viewer);
        hub.offline(DateTime::UNIX_EPOCH, CameraState::Silent);
        assert_eq!(drain(&mut viewer), ["silent"]);
        assert_eq!(drain(&mut hub.subscribe()), ["silent"]);
        hub.offline(DateTime::UNIX_EPOCH, CameraState::OfflineRefused);
        assert_eq!(drain(&mut viewer), ["offline_refused"]);
        send(&hub, &a, true, 10);
        send(&hub, &a, false, 10);
        assert_eq!(drain(&mut viewer), ["init a", "key 1", "2"]);
    }

    #[tokio::test]
    async fn a_viewer_waits_and_ends_with_the_camera() {
        let (hub, a) = (LiveHub::default(), init("a"));
        let mut viewer = hub.subscribe();
        let waiting = tokio::spawn(async move {
            (
                viewer.next().await,
                viewer.next().await,
                viewer.next().await,
            )
        });
        send(&hub, &a, true, 10);
        hub.close();
        let (first, second, end) = waiting.await.unwrap();
        assert!(matches!(first, Some(Message::Init(_))));
        assert!(matches!(second, Some(Message::Fragment(_))));
        assert_eq!(end, None);
    }
}
