//! The sound of a session, where the camera's setting says that it is kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use retina::Timestamp;
use retina::client::{Described, Session, Stream};
use retina::codec::{AudioFrame, ParametersRef};
use retina::rtcp::ReceivedCompoundPacket;
use serde::{Deserialize, Serialize};

use super::session::{codec_name, scaled, ticks};
use crate::fragment::audio::{AudioTrack, AudioUnit, Report};

/// Sound that does not come for so long is silent: a player would wait for what its file promises.
const SILENCE: Duration = Duration::from_secs(5);

/// How the sound of a camera goes that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioHealth {
    /// What it does.
    pub state: AudioState,
    /// Its codec, as people call it.
    pub codec: Option<String>,
}

/// What the sound does. The camera's pictures go on in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudioState {
    /// It comes, and is recorded with the pictures.
    Kept,
    /// The camera offers it and sends none.
    Silent,
    /// The camera offers none.
    NotOffered,
    /// It has a codec that recordings do not hold.
    Unsupported,
    /// The camera offers it and refuses to send it.
    Refused,
}

impl AudioState {
    /// The stable code, as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Silent => "silent",
            Self::NotOffered => "not_offered",
            Self::Unsupported => "unsupported",
            Self::Refused => "refused",
        }
    }
}

impl AudioHealth {
    pub(super) fn new(state: AudioState, codec: Option<String>) -> Self {
        Self { state, codec }
    }
}

/// The stream of a session that its sound comes in.
#[derive(Debug)]
pub(super) struct Sound {
    pub(super) stream: usize,
    pub(super) track: Arc<AudioTrack>,
    /// When the last of it came.
    heard: Instant,
}

impl Sound {
    /// The first stream that a recording can hold, or why there is none.
    pub(super) fn choose(session: &Session<Described>) -> Result<Self, AudioHealth> {
        let is_sound = |(_, stream): &(usize, &Stream)| stream.media() == "audio";
        let streams = session.streams().iter().enumerate().filter(is_sound);
        let track = |(at, stream): (usize, &Stream)| match stream.parameters() {
            Some(ParametersRef::Audio(parameters)) => {
                Some((at, AudioTrack::of(stream.encoding_name(), parameters)?))
            }
            _ => None,
        };
        if let Some((stream, found)) = streams.clone().find_map(track) {
            return Ok(Self {
                stream,
                track: Arc::new(found),
                heard: Instant::now(),
            });
        }
        Err(match streams.map(|(_, stream)| stream).next() {
            Some(other) => AudioHealth::new(
                AudioState::Unsupported,
                Some(codec_name(other.encoding_name())),
            ),
            None => AudioHealth::new(AudioState::NotOffered, None),
        })
    }

    /// What came, ready to be placed.
    pub(super) fn unit(&mut self, frame: &AudioFrame, now: Instant) -> AudioUnit {
        self.heard = now;
        let rate = frame.timestamp().clock_rate();
        AudioUnit {
            data: frame.data().to_vec().into(),
            presentation: ticks(frame.timestamp()),
            duration: scaled(i64::from(frame.frame_length().get()), rate),
            arrived: frame.ctx().received(),
        }
    }

    /// How it goes.
    pub(super) fn health(&self, now: Instant) -> AudioHealth {
        let state = match now.duration_since(self.heard) < SILENCE {
            true => AudioState::Kept,
            false => AudioState::Silent,
        };
        AudioHealth::new(state, Some(self.track.name.to_owned()))
    }
}

/// What a sender says of its clock, where the packet says it.
pub(super) fn report(packet: &ReceivedCompoundPacket) -> Option<Report> {
    let at: Timestamp = packet.rtp_timestamp()?;
    let sender = packet.pkts().next()?.as_sender_report().ok().flatten()?;
    Some(Report {
        ntp: sender.ntp_timestamp().0,
        presentation: ticks(at),
    })
}
