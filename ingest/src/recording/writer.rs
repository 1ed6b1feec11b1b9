//! Writes one camera's pictures into files: from key frame to key frame, about a minute each. Knows no tasks and no clock.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::archive::{Archive, make_day, millis};
use super::boxes::{AudioHead, Head, Key, Start};
use super::index::{Mark, Open, Reason, Segment};
use super::journal::Line;
use super::name;
use crate::fragment::TIMESCALE;
use crate::fragment::audio::LEAD;
use crate::media::{Fragment, InitSegment};

/// About how long a file is.
const FILE: i64 = 60_000;

/// A file's begin is known better by so much: it is named anew.
const BETTER: TimeDelta = TimeDelta::milliseconds(50);

/// Decode times leave each other by more ticks: pictures are missing.
const MISSING: u64 = TIMESCALE as u64;

/// What there is to write.
#[derive(Debug, Clone)]
pub enum Step {
    /// A picture.
    Picture(Arc<InitSegment>, Fragment),
    /// No pictures from here on, or, where none were written, from this instant on.
    Gap(DateTime<Utc>, Mark),
}

/// Writes what comes of one camera.
#[derive(Debug)]
pub struct Writer {
    archive: Arc<Archive>,
    /// When in a minute files are cut, in milliseconds: each camera at another time.
    phase: i64,
    open: Option<OpenFile>,
    /// The reason last written down, until something is recorded again.
    told: Option<Mark>,
    /// A file was finished since it was last asked.
    finished: bool,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    /// As it is on the disk.
    segment: Segment,
    /// When it begins, as far as is known by now.
    start: Start,
    init: Arc<InitSegment>,
    /// Decode time of the first picture on the camera's time line.
    base: u64,
    /// Decode time of the first picture in the file, in ticks.
    lead: u64,
    /// Sound from here on is in it, in ticks of its track: a file that goes on where another ended takes what that one could not wait for.
    heard_from: u64,
    /// Expected of the next picture, on the camera's time line.
    next_decode: u64,
    next_sequence: u64,
    keys: Vec<Key>,
    /// Not on the disk yet.
    buffer: Vec<u8>,
    /// The first key frame from here on begins the next file.
    cut: DateTime<Utc>,
}

impl OpenFile {
    /// Where the last picture ends.
    fn end(&self) -> DateTime<Utc> {
        self.segment.start + TimeDelta::milliseconds(millis(self.next_decode - self.base).into())
    }
}

impl Writer {
    /// For the camera of `archive`; `phase` spreads cameras over the minute.
    pub fn new(archive: Arc<Archive>, phase: i64) -> Self {
        Self {
            archive,
            phase: phase.rem_euclid(FILE),
            open: None,
            told: Some(Mark {
                reason: Reason::Stopped,
                detail: None,
            }),
            finished: false,
        }
    }

    /// Writes; what it was given is in the kernel's hands when this returns, and so outlives this process.
    ///
    /// # Errors
    /// When the disk does not take it. What was written before stays, as a file of its own.
    pub fn write(&mut self, steps: Vec<Step>) -> io::Result<()> {
        let written = steps.into_iter().try_for_each(|step| self.step(step));
        let flushed = written.and_then(|()| self.flush());
        if flushed.is_err() {
            self.give_up();
        }
        flushed
    }

    /// Whether a file is being written.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Capture instant up to which everything is on the disk.
    pub fn until(&self) -> Option<DateTime<Utc>> {
        self.archive
            .read(|index| index.segments().next_back().map(Segment::end))
    }

    fn step(&mut self, step: Step) -> io::Result<()> {
        match step {
            Step::Picture(init, fragment) => self.picture(&init, &fragment),
            Step::Gap(at, mark) => self.gap(at, mark),
        }
    }

    fn gap(&mut self, at: DateTime<Utc>, mark: Mark) -> io::Result<()> {
        let ended = self.told.is_none().then(|| self.until()).flatten();
        let at = self
            .open
            .as_ref()
            .map(OpenFile::end)
            .or(ended)
            .unwrap_or(at);
        self.close()?;
        if self.told.as_ref() != Some(&mark) {
            let Mark { reason, detail } = mark.clone();
            self.archive.note(Line::Gap { at, reason, detail }, false)?;
            self.told = Some(mark);
        }
        Ok(())
    }

    fn picture(&mut self, init: &Arc<InitSegment>, fragment: &Fragment) -> io::Result<()> {
        let Some(head) = Head::read(&fragment.bytes) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a fragment that is none of ours",
            ));
        };
        let mut goes_on = false;
        if let Some(open) = &mut self.open {
            let missing = fragment.sequence != open.next_sequence
                || head.decode.abs_diff(open.next_decode) > MISSING;
            // A clock that was set says so with the second picture after it.
            let over = open.start.clock_set || fragment.captured_at >= open.cut;
            if missing {
                self.gap(
                    fragment.captured_at,
                    Mark {
                        reason: Reason::Loss,
                        detail: None,
                    },
                )?;
            } else {
                // It was heard before this picture was taken, or soon after.
                open.append_audio(&fragment.audio);
                if fragment.key && (over || **init != *open.init) {
                    goes_on = true;
                    self.close()?;
                }
            }
        }
        if self.open.is_none() {
            if !fragment.key {
                return Ok(());
            }
            self.begin(init, fragment, head, goes_on)?;
        }
        if let Some(open) = &mut self.open {
            open.append(fragment, head);
        }
        Ok(())
    }

    fn begin(
        &mut self,
        init: &Arc<InitSegment>,
        fragment: &Fragment,
        head: Head,
        goes_on: bool,
    ) -> io::Result<()> {
        let start = self.archive.unused(fragment.captured_at);
        let segment = Segment {
            start,
            millis: 0,
            bytes: 0,
            parameters: name::parameters(init.recorded()),
            finished: false,
        };
        let path = self.archive.path(&segment);
        make_day(&path)?;
        let file = OpenOptions::new()
            .write(true)
            .read(true)
            .create_new(true)
            .open(&path)?;
        let minute = (start.timestamp_millis() - self.phase).div_euclid(FILE) + 1;
        let cut = DateTime::from_timestamp_millis(minute * FILE + self.phase);
        self.open = Some(OpenFile {
            file,
            segment,
            start: Start::of(&head),
            init: Arc::clone(init),
            base: head.decode,
            lead: match init.with_audio {
                Some(_) => LEAD.unsigned_abs(),
                None => 0,
            },
            heard_from: match goes_on {
                true => head.decode,
                false => head.decode + LEAD.unsigned_abs(),
            },
            next_decode: head.decode,
            next_sequence: fragment.sequence,
            keys: Vec::new(),
            buffer: init.recorded().to_vec(),
            cut: cut.unwrap_or(start),
        });
        self.told = None;
        Ok(())
    }

    /// Hands what is buffered to the kernel, and says that it can be read.
    fn flush(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        if open.buffer.is_empty() {
            return Ok(());
        }
        open.file.write_all(&open.buffer)?;
        metrics::counter!("mingjing_recorded_bytes_total").increment(open.buffer.len() as u64);
        open.segment.bytes += open.buffer.len() as u64;
        open.segment.millis = millis(open.next_decode - open.base);
        if open.segment.start - open.start.at > BETTER {
            self.archive.rename(&mut open.segment, open.start.at)?;
        }
        open.buffer.clear();
        // A picture of many megabytes shall not hold its memory for good.
        open.buffer.shrink_to(1 << 20);
        self.archive.change(|index| {
            index.put(open.segment);
            index.open = Open {
                keys: open.keys.clone(),
                end: open.segment.bytes,
                lead: open.lead,
            };
        });
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.flush()?;
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        self.archive
            .finish(&open.file, open.segment, &open.keys, open.lead)?;
        self.finished = true;
        Ok(())
    }

    /// After an error: what was written before it is kept, cut where it is whole.
    fn give_up(&mut self) {
        let Some(open) = self.open.take() else { return };
        let keys: Vec<Key> = open
            .keys
            .into_iter()
            .filter(|key| key.offset < open.segment.bytes)
            .collect();
        let path = self.archive.path(&open.segment);
        if keys.is_empty() {
            let _ = std::fs::remove_file(path);
        } else if let Err(error) = self
            .archive
            .finish(&open.file, open.segment, &keys, open.lead)
        {
            tracing::warn!(file = %path.display(), %error, "a recording could not be finished; it is adopted at the next start");
        }
    }

    /// Removes what is over, if a file was finished since the last time.
    ///
    /// # Errors
    /// As [`Archive::enforce`].
    pub fn enforce(&mut self, now: DateTime<Utc>, days: u32, max_bytes: u64) -> io::Result<()> {
        if std::mem::take(&mut self.finished) {
            self.archive.enforce(now, days, max_bytes)?;
        }
        Ok(())
    }
}

impl OpenFile {
    /// Sound that was heard before the next picture.
    fn append_audio(&mut self, audio: &[u8]) {
        let mut rest = audio;
        while self.init.with_audio.is_some()
            && let Some(head) = AudioHead::read(rest)
            && let Some((piece, after)) = rest.split_at_checked(head.len as usize)
        {
            if head.decode >= self.heard_from {
                let begin = self.buffer.len();
                self.buffer.extend_from_slice(piece);
                let back = i64::try_from(self.base).unwrap_or(i64::MAX);
                head.shift(&mut self.buffer[begin..], -back);
            }
            rest = after;
        }
    }

    fn append(&mut self, fragment: &Fragment, head: Head) {
        let begin = self.buffer.len();
        if head.key {
            self.keys.push(Key {
                decode: head.decode - self.base,
                offset: self.segment.bytes + begin as u64,
            });
        }
        self.buffer.extend_from_slice(&fragment.bytes);
        let back = i64::try_from(self.base).unwrap_or(i64::MAX);
        head.shift(&mut self.buffer[begin..], self.lead as i64 - back);
        self.start.hear(&head);
        self.next_decode = head.decode + head.duration;
        self.next_sequence = fragment.sequence + 1;
    }
}
