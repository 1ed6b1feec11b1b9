//! The recordings of an evidence file, fetched from the ingests that hold them.

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_ingest::recording::sums::Sum;
use mingjing_ingest::uplink::protocol::{Answer, Ask};
use mingjing_monitor::store::halls::Camera;

use super::Packer;
use super::manifest::{Digester, Listed, Missing, Taken};
use crate::app::App;
use crate::media::{FetchError, Found};
use crate::recordings::{self, Covered, Held, RecordingsError};

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
        let found = recordings::coverage(self.app, &camera.id, from, to).await;
        let Covered {
            spans, gaps, until, ..
        } = match found {
            Ok(found) => found,
            Err(RecordingsError::Fetch(FetchError::Unknown)) => {
                return self.miss(camera, from, to, "not_yet");
            }
            Err(RecordingsError::Fetch(_)) => return self.miss(camera, from, to, "away"),
            Err(RecordingsError::Store(_)) => return self.miss(camera, from, to, "unknown"),
        };
        for gap in gaps {
            self.miss(camera, gap.from, gap.to, &gap.reason);
        }
        for Held { from, to, edge, .. } in spans {
            let to = until.map_or(to, |until| to.min(until));
            let mut begin = from;
            while begin < to {
                let end = to.min(begin + LONGEST);
                self.clip(camera, &edge, begin, end).await;
                begin = end;
            }
        }
    }

    async fn clip(&mut self, camera: &Camera, edge: &str, from: DateTime<Utc>, to: DateTime<Utc>) {
        let length: TimeDelta = self.recordings.iter().map(|it| it.ends - it.begins).sum();
        if length + (to - from) > MOST {
            return self.miss(camera, from, to, "too_long");
        }
        let clip = recordings::held(self.app, &camera.id, edge, |clock| Ask::Clip {
            from: clock.theirs(from),
            to: clock.theirs(to),
            range: None,
        });
        let mut found = match clip.await {
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
        let sums = recordings::held(self.app, &camera.id, edge, |clock| Ask::Sums {
            from: clock.theirs(from),
            to: clock.theirs(to),
        });
        let segments: Vec<Sum> = match sums.await {
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

    fn miss(&mut self, camera: &Camera, from: DateTime<Utc>, to: DateTime<Utc>, reason: &str) {
        self.missing.push(Missing {
            camera: camera.id.clone(),
            from,
            to,
            reason: reason.to_owned(),
        });
    }
}
