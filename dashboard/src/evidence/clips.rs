//! The recordings of an evidence file, fetched from the ingests that hold them.

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_ingest::recording::index::Span;
use mingjing_ingest::recording::sums::Sum;
use mingjing_ingest::uplink::protocol::{Answer, Ask};
use mingjing_monitor::store::halls::Camera;

use super::Packer;
use super::manifest::{Digester, Listed, Missing, Taken};
use crate::api::recordings::clock;
use crate::app::App;
use crate::media::{FetchError, Found};

/// Recordings in one evidence file at most, all together†.
const MOST: TimeDelta = TimeDelta::hours(6);

/// One recording at most: its checksums must come while somebody waits.
const LONGEST: TimeDelta = TimeDelta::minutes(10);

pub(super) struct Clips<'a> {
    pub app: &'a App,
    pub packer: &'a Packer,
    pub files: Vec<Listed>,
    pub recordings: Vec<Taken>,
    pub missing: Vec<Missing>,
}

impl Clips<'_> {
    /// Takes what is recorded of a camera between two instants, and says why the rest is missing.
    pub async fn take(&mut self, camera: &Camera, from: DateTime<Utc>, to: DateTime<Utc>) {
        if from >= to {
            return;
        }
        let clock = clock(self.app, &camera.id);
        let ask = Ask::Coverage {
            from: clock.theirs(from),
            to: clock.theirs(to),
        };
        let (spans, gaps, until) = match self.fetch(camera, ask).await {
            Ok(Found {
                answer:
                    Answer::Coverage {
                        spans, gaps, until, ..
                    },
                ..
            }) => (spans, gaps, until),
            Ok(_) => return self.miss(camera, from, to, "unknown"),
            Err(FetchError::Unknown) => return self.miss(camera, from, to, "not_yet"),
            Err(_) => return self.miss(camera, from, to, "away"),
        };
        for gap in gaps {
            let reason = serde_json::to_value(gap.reason).unwrap_or_default();
            self.miss(
                camera,
                gap.from,
                gap.to,
                reason.as_str().unwrap_or("unknown"),
            );
        }
        for Span { from, to, .. } in spans {
            let to = until.map_or(to, |until| to.min(until));
            let mut begin = from;
            while begin < to {
                let end = to.min(begin + LONGEST);
                self.clip(camera, begin, end).await;
                begin = end;
            }
        }
    }

    async fn clip(&mut self, camera: &Camera, from: DateTime<Utc>, to: DateTime<Utc>) {
        let length: TimeDelta = self.recordings.iter().map(|it| it.ends - it.begins).sum();
        if length + (to - from) > MOST {
            return self.miss(camera, from, to, "too_long");
        }
        let clock = clock(self.app, &camera.id);
        let (from_there, to_there) = (clock.theirs(from), clock.theirs(to));
        let ask = Ask::Clip {
            from: from_there,
            to: to_there,
            range: None,
        };
        let mut found = match self.fetch(camera, ask).await {
            Ok(found) => found,
            Err(_) => return self.miss(camera, from, to, "away"),
        };
        let Answer::Clip {
            len, begins, ends, ..
        } = found.answer
        else {
            return self.miss(camera, from, to, "unreadable");
        };
        let name = format!(
            "recordings/{}/{}.mp4",
            mingjing_ingest::recording::name::directory(&camera.id),
            begins.format("%Y%m%dT%H%M%S%.3fZ")
        );
        self.packer.begin(name.clone()).await;
        let (mut digester, mut left) = (Digester::default(), len);
        while left > 0
            && let Some(mut bytes) = found.bytes.recv().await
        {
            bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= bytes.len() as u64;
            digester.take(&bytes);
            self.packer.bytes(bytes).await;
        }
        self.files.push(digester.listed(name.clone()));
        if left > 0 {
            // What came is kept, as it came.
            self.miss(camera, from, to, "away");
        }
        let ask = Ask::Sums {
            from: from_there,
            to: to_there,
        };
        let segments: Vec<Sum> = match self.fetch(camera, ask).await {
            Ok(Found {
                answer: Answer::Sums { files },
                ..
            }) => files,
            _ => Vec::new(),
        };
        self.recordings.push(Taken {
            file: name,
            camera: camera.id.clone(),
            camera_name: camera.name.clone(),
            begins,
            ends,
            segments,
        });
    }

    async fn fetch(&self, camera: &Camera, ask: Ask) -> Result<Found, FetchError> {
        self.app.media().fetch(&camera.id, ask).await
    }

    fn miss(&mut self, camera: &Camera, from: DateTime<Utc>, to: DateTime<Utc>, reason: &str) {
        self.missing.push(Missing {
            camera: camera.id.clone(),
            from,
            to,
            reason: reason.to_owned(),
        });
    }
}
