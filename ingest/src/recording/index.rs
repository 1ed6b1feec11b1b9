//! What is recorded of one camera, and why the rest is not. In memory only: made anew from directory and journal at a start.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::boxes::{self, Key};

/// Files so near each other are one span, unless it was written down that there is a gap: where one ends and the next begins is known no better (capture instants are
/// estimates, see [`crate::fragment::CaptureClock`]).
pub const NEAR: TimeDelta = TimeDelta::milliseconds(1_500);

/// Why there is no recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The camera sent nothing; the detail is its state.
    Offline,
    /// Outside the hours in which it is recorded.
    Schedule,
    /// It was recorded, and removed when its time or its bytes were over.
    Retention,
    /// Pictures were lost on the way, or came faster than they could be written.
    Loss,
    /// The disk was full or did not take what was written.
    Disk,
    /// Nobody recorded: the program did not run.
    Stopped,
    /// Before anything was ever recorded.
    NotYet,
}

/// Time without a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Its begin.
    pub from: DateTime<Utc>,
    /// Its end.
    pub to: DateTime<Utc>,
    /// Why.
    pub reason: Reason,
    /// What the reason alone does not say: the camera's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Time that is recorded, in any number of files that can be played as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Capture instant of the first picture.
    pub from: DateTime<Utc>,
    /// End of the last one.
    pub to: DateTime<Utc>,
    /// Tells streams of different parameters apart: they cannot be played as one file.
    pub parameters: u32,
}

/// Time that retention leaves alone, because somebody said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// Its begin.
    pub from: DateTime<Utc>,
    /// Its end.
    pub to: DateTime<Utc>,
}

/// One file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Capture instant of the first picture.
    pub start: DateTime<Utc>,
    /// Its length in milliseconds.
    pub millis: u32,
    /// Its size.
    pub bytes: u64,
    /// Of its parameters.
    pub parameters: u32,
    /// Whether it is finished.
    pub finished: bool,
}

impl Segment {
    /// Where it ends.
    pub fn end(&self) -> DateTime<Utc> {
        self.start + TimeDelta::milliseconds(self.millis.into())
    }
}

/// From when on nothing is recorded, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Why.
    pub reason: Reason,
    /// The camera's state, where that is why.
    pub detail: Option<String>,
}

/// Key frames of the file that is being written, as far as it can be read.
#[derive(Debug, Clone, Default)]
pub struct Open {
    /// In order.
    pub keys: Vec<Key>,
    /// Bytes that are on the disk.
    pub end: u64,
    /// Decode time of the first picture, in ticks.
    pub lead: u64,
}

/// What is recorded of one camera.
#[derive(Debug, Default)]
pub struct Index {
    segments: BTreeMap<DateTime<Utc>, Segment>,
    marks: BTreeMap<DateTime<Utc>, Mark>,
    /// What retention took, merged, in order.
    removed: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// What must stay, by who says so.
    pins: BTreeMap<String, (DateTime<Utc>, DateTime<Utc>)>,
    /// Of the newest segment, while it is written.
    pub open: Open,
    bytes: u64,
}

impl Index {
    /// Adds a file, or says anew what it holds.
    pub fn put(&mut self, segment: Segment) {
        let old = self.segments.insert(segment.start, segment);
        self.bytes = self.bytes + segment.bytes - old.map_or(0, |old| old.bytes);
    }

    /// Takes a file out.
    pub fn take(&mut self, start: DateTime<Utc>) -> Option<Segment> {
        let taken = self.segments.remove(&start)?;
        self.bytes -= taken.bytes;
        Some(taken)
    }

    /// A file by its start.
    pub fn get(&self, start: DateTime<Utc>) -> Option<Segment> {
        self.segments.get(&start).copied()
    }

    /// Files, oldest first.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments.values()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Nothing is recorded from `at` on.
    pub fn mark(&mut self, at: DateTime<Utc>, mark: Mark) {
        self.marks.insert(at, mark);
    }

    /// The marks, oldest first.
    pub fn marks(&self) -> impl DoubleEndedIterator<Item = (&DateTime<Utc>, &Mark)> {
        self.marks.iter()
    }

    /// Retention took this; neighbours become one.
    pub fn removed(&mut self, from: DateTime<Utc>, to: DateTime<Utc>) {
        let at = self.removed.partition_point(|(begin, _)| *begin < from);
        self.removed.insert(at, (from, to));
        let mut merged: Vec<(DateTime<Utc>, DateTime<Utc>)> =
            Vec::with_capacity(self.removed.len());
        for (from, to) in self.removed.drain(..) {
            match merged.last_mut() {
                Some(last) if from - last.1 <= NEAR => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        self.removed = merged;
    }

    /// What retention took, in order.
    pub fn all_removed(&self) -> &[(DateTime<Utc>, DateTime<Utc>)] {
        &self.removed
    }

    /// Keeps what is recorded between two instants, because of `owner`, until [`Index::unpin`].
    pub fn pin(&mut self, owner: String, from: DateTime<Utc>, to: DateTime<Utc>) {
        self.pins.insert(owner, (from, to));
    }

    /// Lets go of what `owner` kept.
    pub fn unpin(&mut self, owner: &str) -> bool {
        self.pins.remove(owner).is_some()
    }

    /// Who keeps what.
    pub fn pins(&self) -> &BTreeMap<String, (DateTime<Utc>, DateTime<Utc>)> {
        &self.pins
    }

    /// What is kept between two instants, in order, whoever says so.
    pub fn pinned_within(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Pinned> {
        let within = self.pins.values().map(|&(begin, end)| Pinned {
            from: begin.max(from),
            to: end.min(to),
        });
        let mut pinned: Vec<Pinned> = within.filter(|it| it.from < it.to).collect();
        pinned.sort_unstable_by_key(|it| it.from);
        pinned.dedup_by(|next, last| {
            let meets = next.from <= last.to;
            if meets {
                last.to = last.to.max(next.to);
            }
            meets
        });
        pinned
    }

    /// Tells whether somebody keeps a file.
    fn pinned(&self) -> impl Fn(&Segment) -> bool + use<> {
        let mut pins: Vec<_> = self.pins.values().copied().collect();
        pins.sort_unstable();
        // From each on, the latest end so far: enough to find one that reaches into a segment.
        let mut latest = DateTime::<Utc>::MIN_UTC;
        for (_, to) in &mut pins {
            latest = latest.max(*to);
            *to = latest;
        }
        move |segment| {
            let before = pins.partition_point(|(from, _)| *from < segment.end());
            before > 0 && pins[before - 1].1 > segment.start
        }
    }

    /// The oldest file that may go.
    pub fn oldest(&self) -> Option<Segment> {
        let pinned = self.pinned();
        self.segments
            .values()
            .find(|it| it.finished && !pinned(it))
            .copied()
    }

    /// Files that share time with [from, to), oldest first; one that only repeats time (the clock was set back) is left out.
    pub fn covering(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Segment> {
        let before = self
            .segments
            .range(..from)
            .next_back()
            .map(|(_, segment)| segment);
        let within = self
            .segments
            .range(from..to.max(from))
            .map(|(_, segment)| segment);
        let mut found: Vec<Segment> = Vec::new();
        for segment in before.into_iter().chain(within) {
            let repeats = found.last().is_some_and(|last| segment.end() <= last.end());
            if segment.end() > from && !repeats {
                found.push(*segment);
            }
        }
        found
    }

    /// What is recorded between two instants, and why the rest is not. Nothing is said of the time after `now`.
    pub fn spans(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> (Vec<Span>, Vec<Gap>) {
        let to = to.min(now);
        let mut spans: Vec<Span> = Vec::new();
        let mut gaps = Vec::new();
        // The end of what is spoken for.
        let mut end = from;
        for segment in self.covering(from, to) {
            let (begin, stop) = (segment.start.max(from), segment.end().min(to));
            let near = begin - end <= NEAR && !self.is_marked(end, begin);
            match spans.last_mut() {
                Some(last) if near && last.parameters == segment.parameters => {
                    last.to = last.to.max(stop)
                }
                _ => {
                    if !near {
                        self.explain(end, begin, &mut gaps);
                    }
                    spans.push(Span {
                        from: begin,
                        to: stop,
                        parameters: segment.parameters,
                    });
                }
            }
            end = end.max(stop);
        }
        // What comes just now is not missing yet.
        let newest = self.segments.values().next_back();
        let in_time = newest.is_some_and(|newest| !newest.finished && end >= newest.end());
        if to - end > NEAR && !(in_time && to - end <= NEAR * 5) {
            self.explain(end, to, &mut gaps);
        }
        (spans, gaps)
    }

    /// Up to when groups of pictures are whole: the end of the newest file or, while it is written, its newest key frame.
    pub fn until(&self) -> Option<DateTime<Utc>> {
        let newest = self.segments.values().next_back()?;
        match self.open.keys.last() {
            Some(key) if !newest.finished => Some(newest.start + boxes::time(key.decode)),
            _ => Some(newest.end()),
        }
    }

    /// Whether it is known that there is a gap between two instants, however short.
    pub(super) fn is_marked(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        // Marks are told to the microsecond, ends of files to the millisecond.
        let millisecond = TimeDelta::milliseconds(1);
        from + millisecond < to && self.marks.range(from - millisecond..to).next().is_some()
    }

    /// Divides time without a recording by why there is none.
    fn explain(&self, from: DateTime<Utc>, to: DateTime<Utc>, gaps: &mut Vec<Gap>) {
        let (mut at, known) = (from, gaps.len());
        for (begin, end) in &self.removed {
            if *end <= at || *begin >= to {
                continue;
            }
            if *begin - at > NEAR {
                self.explain_marks(at, *begin, gaps);
            }
            let (begin, end) = ((*begin).max(at), (*end).min(to));
            gaps.push(Gap {
                from: begin,
                to: end,
                reason: Reason::Retention,
                detail: None,
            });
            at = end;
        }
        if to - at > NEAR || (gaps.len() == known && to > at) {
            self.explain_marks(at, to, gaps);
        }
    }

    fn explain_marks(&self, from: DateTime<Utc>, to: DateTime<Utc>, gaps: &mut Vec<Gap>) {
        // Marks that are older than the last recording before explain an older gap.
        let recorded = self.segments.range(..from).next_back();
        let recorded = recorded.map(|(start, segment)| (segment.end(), *start));
        let removed = self.removed.iter().rev().find(|(begin, _)| *begin < from);
        let last = recorded.max(removed.map(|(begin, end)| (*end, *begin)));
        let begins = last.map_or(DateTime::<Utc>::MIN_UTC, |(end, start)| {
            (end - NEAR).max(start).min(from)
        });
        let in_force = self
            .marks
            .range(begins..=(from + NEAR).min(to))
            .next_back()
            .map(|(_, mark)| mark.clone());
        let unmarked = if last.is_none() {
            Reason::NotYet
        } else {
            Reason::Stopped
        };
        let mut mark = in_force.unwrap_or(Mark {
            reason: unmarked,
            detail: None,
        });
        let mut at = from;
        for (next, other) in self.marks.range((from + NEAR).min(to)..to) {
            if *next > at && *other != mark {
                gaps.push(Gap {
                    from: at,
                    to: *next,
                    reason: mark.reason,
                    detail: mark.detail,
                });
                at = *next;
                mark = other.clone();
            }
        }
        gaps.push(Gap {
            from: at,
            to,
            reason: mark.reason,
            detail: mark.detail,
        });
    }

    /// What must go so that this camera keeps at most `days` and `max_bytes`, oldest first. What is pinned stays and does not
    /// count; nor does the file that is being written.
    pub fn due(&self, now: DateTime<Utc>, days: u32, max_bytes: u64) -> Vec<Segment> {
        let limit = now - TimeDelta::days(days.into());
        let pinned = self.pinned();
        let free = |segment: &&Segment| segment.finished && !pinned(segment);
        let mut kept: u64 = self
            .segments
            .values()
            .filter(free)
            .map(|segment| segment.bytes)
            .sum();
        let oldest = self.segments.values().filter(free);
        let goes = oldest.take_while(|segment| {
            let goes = segment.end() <= limit || kept > max_bytes;
            kept -= if goes { segment.bytes } else { 0 };
            goes
        });
        goes.copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_305_600 + second, 0).unwrap()
    }

    fn file(index: &mut Index, from: i64, to: i64) {
        index.put(Segment {
            start: at(from),
            millis: ((to - from) * 1_000) as u32,
            bytes: 100,
            parameters: 1,
            finished: true,
        });
    }

    fn mark(index: &mut Index, second: i64, reason: Reason) {
        index.mark(
            at(second),
            Mark {
                reason,
                detail: None,
            },
        );
    }

    /// `(from, to)` of spans and `(from, to, reason)` of gaps, in seconds.
    type Told = (Vec<(i64, i64)>, Vec<(i64, i64, Reason)>);

    fn told(index: &Index, from: i64, to: i64, now: i64) -> Told {
        let (spans, gaps) = index.spans(at(from), at(to), at(now));
        let seconds = |instant: DateTime<Utc>| (instant - at(0)).num_seconds();
        (
            spans
                .iter()
                .map(|span| (seconds(span.from), seconds(span.to)))
                .collect(),
            gaps.iter()
                .map(|gap| (seconds(gap.from), seconds(gap.to), gap.reason))
                .collect(),
        )
    }

    #[test]
    fn every_second_is_recorded_or_explained() {
        use Reason::*;
        let mut index = Index::default();
        for minute in [60, 120, 300, 600, 720] {
            file(&mut index, minute, minute + 60);
        }
        mark(&mut index, 180, Offline);
        mark(&mut index, 240, Schedule);
        mark(&mut index, 780, Disk);
        let (spans, gaps) = told(&index, 0, 2_000, 1_000);
        assert_eq!(spans, [(60, 180), (300, 360), (600, 660), (720, 780)]);
        assert_eq!(
            gaps,
            [
                (0, 60, NotYet),
                (180, 240, Offline),
                (240, 300, Schedule),
                // Killed: nobody could say so.
                (360, 600, Stopped),
                (660, 720, Stopped),
                (780, 1_000, Disk),
            ]
        );
        // Inside of a span, and inside of a gap.
        assert_eq!(told(&index, 70, 80, 1_000), (vec![(70, 80)], vec![]));
        assert_eq!(
            told(&index, 250, 260, 1_000),
            (vec![], vec![(250, 260, Schedule)])
        );
    }

    #[test]
    fn what_retention_took_is_said_and_merged() {
        use Reason::*;
        let mut index = Index::default();
        for minute in 0..5 {
            file(&mut index, 60 * minute, 60 * minute + 60);
        }
        index.pin("card:1".into(), at(70), at(80));
        index.pin("card:2".into(), at(75), at(90));
        index.pin("order:3".into(), at(3_000), at(3_010));
        let pinned = |from, to| Pinned {
            from: at(from),
            to: at(to),
        };
        assert_eq!(index.pinned_within(at(0), at(300)), [pinned(70, 90)]);
        assert_eq!(
            index.pinned_within(at(80), at(3_005)),
            [pinned(80, 90), pinned(3_000, 3_005)]
        );
        assert!(index.unpin("card:2") && index.unpin("order:3"));
        let due = index.due(at(1_000), 30, 250);
        assert_eq!(
            due.iter().map(|it| it.start).collect::<Vec<_>>(),
            [at(0), at(120)]
        );
        for segment in due {
            index.take(segment.start);
            index.removed(segment.start, segment.end());
        }
        assert_eq!(index.bytes(), 300);
        let (spans, gaps) = told(&index, -60, 300, 1_000);
        assert_eq!(spans, [(60, 120), (180, 300)]);
        assert_eq!(
            gaps,
            [(-60, 0, NotYet), (0, 60, Retention), (120, 180, Retention)]
        );
        assert!(index.due(at(1_000), 30, 250).is_empty());
        // By days, all but what is pinned.
        assert_eq!(index.due(at(2 * 86_400), 1, 250).len(), 2);
        assert!(index.unpin("card:1"));
        assert_eq!(index.due(at(2 * 86_400), 1, 250).len(), 3);
        index.removed(at(60), at(120));
        assert_eq!(index.all_removed(), [(at(0), at(180))]);
    }

    #[test]
    fn other_parameters_are_another_span_and_repeated_time_is_left_out() {
        let mut index = Index::default();
        file(&mut index, 0, 60);
        index.put(Segment {
            start: at(60),
            millis: 60_000,
            bytes: 1,
            parameters: 2,
            finished: true,
        });
        // The clock was set back by 50 s.
        index.put(Segment {
            start: at(70),
            millis: 40_000,
            bytes: 1,
            parameters: 2,
            finished: true,
        });
        assert_eq!(
            told(&index, 0, 120, 120),
            (vec![(0, 60), (60, 120)], vec![])
        );
        assert_eq!(index.covering(at(0), at(130)).len(), 2);
    }

    #[test]
    fn the_last_seconds_of_a_file_being_written_are_not_missing() {
        let mut index = Index::default();
        index.put(Segment {
            start: at(0),
            millis: 10_000,
            bytes: 1,
            parameters: 1,
            finished: false,
        });
        assert_eq!(told(&index, 0, 60, 13), (vec![(0, 10)], vec![]));
        assert_eq!(told(&index, 0, 60, 30).1, [(10, 30, Reason::Stopped)]);
    }
}
