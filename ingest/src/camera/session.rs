//! One RTSP session: from the address to fragments, until it fails.
//!
//! Retina sets no time limits of its own (the end of a clip is silence, not an end), so every wait here has one.

use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use futures::StreamExt as _;
use retina::client::{
    Credentials, Demuxed, Described, InitialTimestampPolicy, PlayOptions, Session, SessionGroup,
    SessionOptions, SetupOptions, Stream, TcpTransportOptions, Transport as RtpTransport,
    UdpTransportOptions,
};
use retina::codec::{AudioFrame, CodecItem, FrameFormat, ParametersRef, VideoFrame};
use retina::rtcp::ReceivedCompoundPacket;
use tokio::sync::watch;
use tokio::time::timeout;

use super::audio::{self, AudioHealth, AudioState, Sound};
use super::failure::{Failure, diagnose, is_one_packet, stream_of};
use super::live::LiveHub;
use super::reporter::{Counts, Meter, Reporter};
use super::{Audio, CameraConfig, CameraHealth, CameraState, Transport};
use crate::fragment::{AccessUnit, Coding, Content, Fragmenter, TIMESCALE};
use crate::picture::{KeyFrame, Parameters};

/// Every answer of the camera must come within this. With [`DIAGNOSIS`], a state is true within 10 s.
const ANSWER: Duration = Duration::from_secs(4);

/// Limit of each of the two steps that find out why no answer came.
const DIAGNOSIS: Duration = Duration::from_secs(2);

/// A camera that sends no picture for so long is silent.
const SILENCE: Duration = Duration::from_secs(6);

/// Pictures without a key frame among them for so long are a state of their own.
const NO_KEY_FRAME: Duration = Duration::from_secs(10);

/// Then the session is begun anew: many cameras start with a key frame.
const NO_KEY_FRAME_AT_ALL: Duration = Duration::from_secs(30);

/// How often time limits are looked at and health is told.
const TICK: Duration = Duration::from_secs(1);

/// More bytes a second than any camera sends (100 Mb/s): the sender does not pace itself.
const FLOOD_BYTES: u64 = 12_500_000;

/// More pictures a second than any camera sends.
const FLOOD_PICTURES: u32 = 300;

/// Broken packets that are left out in a row before the session is given up; so many a second are forgiven.
const BROKEN_PACKETS: f32 = 50.0;
const FORGIVEN_PER_SECOND: f32 = 5.0;

/// What a session needs and what outlives it.
pub struct Context {
    /// The camera.
    pub config: CameraConfig,
    /// Its sessions, to wait for those that the camera still holds.
    pub group: Arc<SessionGroup>,
    /// Its health.
    pub reporter: Reporter,
    /// Its viewers.
    pub hub: LiveHub,
    /// Its key frames, for the pictures.
    pub key_frames: watch::Sender<Option<KeyFrame>>,
    /// How the stream is that gives the pictures in its place while it is live.
    pub in_its_place: Option<watch::Receiver<CameraHealth>>,
    /// Its time line.
    pub fragmenter: Fragmenter,
}

impl Context {
    /// Receives until the session fails. Dropped, it tears the session down in the background.
    pub async fn run(&mut self) -> Failure {
        match self.open().await {
            Ok((demuxed, stream, coding, sound)) => {
                Receiving::new(self, stream, coding, sound)
                    .run(demuxed)
                    .await
            }
            Err(failure) => failure,
        }
    }

    async fn open(&mut self) -> Result<(Demuxed, usize, Coding, Option<Sound>), Failure> {
        let mut session = match timeout(ANSWER, self.describe()).await {
            Ok(described) => described.map_err(|error| Failure::while_opening(&error))?,
            Err(_) => return Err(diagnose(&self.config.url, DIAGNOSIS).await),
        };
        let (stream, coding) = choose(&session)?;
        answered(session.setup(stream, self.setup())).await?;
        let sound = match self.config.audio {
            Audio::Ignore => None,
            Audio::Keep => self.set_up_sound(&mut session).await?,
        };
        let track = sound.as_ref().map(|sound| Arc::clone(&sound.track));
        let rate = session.streams()[stream].framerate();
        self.fragmenter.begin(Instant::now(), rate, track);
        // Each stream counts from its own first packet: what cameras promise of it in their answer is often wrong.
        let play = PlayOptions::default().initial_timestamp(InitialTimestampPolicy::Ignore);
        let playing = answered(session.play(play)).await?;
        let demuxed = playing
            .demuxed()
            .map_err(|error| Failure::while_opening(&error))?;
        Ok((demuxed, stream, coding, sound))
    }

    /// Asks for the sound too; a camera that refuses it is a camera without.
    async fn set_up_sound(
        &self,
        session: &mut Session<Described>,
    ) -> Result<Option<Sound>, Failure> {
        let sound = match Sound::choose(session) {
            Ok(sound) => sound,
            Err(why) => {
                self.reporter.audio(why);
                return Ok(None);
            }
        };
        match timeout(ANSWER, session.setup(sound.stream, self.setup())).await {
            Ok(Ok(())) => Ok(Some(sound)),
            Ok(Err(error)) if error.status_code().is_some() => {
                let codec = Some(sound.track.name.to_owned());
                let refused = AudioHealth::new(AudioState::Refused, codec);
                self.reporter.audio(refused);
                Ok(None)
            }
            Ok(Err(error)) => Err(Failure::while_opening(&error)),
            Err(_) => Err(CameraState::Silent.into()),
        }
    }

    fn setup(&self) -> SetupOptions {
        SetupOptions::default()
            .transport(self.transport())
            .frame_format(FrameFormat::MP4)
    }

    async fn describe(&self) -> Result<Session<Described>, retina::Error> {
        let config = &self.config;
        let creds = config.username.as_ref().map(|username| Credentials {
            username: username.clone(),
            password: config
                .password
                .as_ref()
                .map(|password| password.expose().to_owned())
                .unwrap_or_default(),
        });
        let options = SessionOptions::default()
            .creds(creds)
            .user_agent("Mingjing".into())
            .session_group(Arc::clone(&self.group));
        Session::describe(config.url.clone(), options).await
    }

    fn transport(&self) -> RtpTransport {
        match self.config.transport {
            Transport::Tcp => RtpTransport::Tcp(TcpTransportOptions::default()),
            Transport::Udp => RtpTransport::Udp(UdpTransportOptions::default()),
        }
    }
}

/// Waits for an answer within the limit.
async fn answered<T>(answer: impl Future<Output = Result<T, retina::Error>>) -> Result<T, Failure> {
    match timeout(ANSWER, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Failure::while_opening(&error)),
        Err(_) => Err(CameraState::Silent.into()),
    }
}

/// The first stream of the coding that serves best, or what is there instead.
fn choose(session: &Session<Described>) -> Result<(usize, Coding), Failure> {
    let streams = session.streams();
    let of = |coding: Coding| {
        let is = |s: &Stream| s.media() == "video" && s.encoding_name() == coding.encoding_name();
        streams.iter().position(is).map(|stream| (stream, coding))
    };
    if let Some(found) = Coding::ALL.into_iter().find_map(of) {
        return Ok(found);
    }
    match streams.iter().find(|stream| stream.media() == "video") {
        Some(other) => Err(Failure::with(
            CameraState::UnsupportedCodec,
            codec_name(other.encoding_name()),
        )),
        None => Err(CameraState::NoVideo.into()),
    }
}

/// A codec's usual name. The camera's own word is shown only as far as it is a plain word.
pub(super) fn codec_name(encoding: &str) -> String {
    match encoding {
        "mp4v-es" => "MPEG-4".into(),
        other => other
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "-._".contains(*c))
            .take(24)
            .collect(),
    }
}

/// A session that plays.
struct Receiving<'a> {
    context: &'a mut Context,
    stream: usize,
    coding: Coding,
    sound: Option<Sound>,
    begun: Instant,
    last_frame: Instant,
    /// Set with the first key frame.
    parameters: Option<Arc<Parameters>>,
    seen_key: bool,
    broken: f32,
    counts: Counts,
    meter: Meter,
}

impl<'a> Receiving<'a> {
    fn new(context: &'a mut Context, stream: usize, coding: Coding, sound: Option<Sound>) -> Self {
        let now = Instant::now();
        Self {
            context,
            stream,
            coding,
            sound,
            begun: now,
            last_frame: now,
            parameters: None,
            seen_key: false,
            broken: 0.0,
            counts: Counts::default(),
            meter: Meter::new(now),
        }
    }

    async fn run(mut self, demuxed: Demuxed) -> Failure {
        let mut demuxed = pin!(demuxed);
        let mut tick = tokio::time::interval(TICK);
        let failure = loop {
            let step = tokio::select! {
                biased;
                _ = tick.tick() => self.tick(Instant::now()),
                item = demuxed.next() => match item {
                    Some(Ok(CodecItem::VideoFrame(frame))) => self.picture(&demuxed, frame),
                    Some(Ok(CodecItem::AudioFrame(frame))) => self.sound(&frame),
                    Some(Ok(CodecItem::Rtcp(packet))) => self.report(&packet),
                    Some(Ok(_)) => Ok(()),
                    Some(Err(error)) => self.broken(&error),
                    None => Err(CameraState::OfflineClosed.into()),
                },
            };
            if let Err(failure) = step {
                break failure;
            }
        };
        self.context
            .reporter
            .received(&mut self.counts, Default::default());
        failure
    }

    /// Looks at the time limits and tells how it goes.
    fn tick(&mut self, now: Instant) -> Result<(), Failure> {
        let rate = self.meter.rate(now);
        if self.seen_key {
            self.context.reporter.received(&mut self.counts, rate);
            if let Some(sound) = &self.sound {
                let health = sound.health(now);
                let comes = health.state == AudioState::Kept;
                self.context.fragmenter.with_sound(comes);
                self.context.reporter.audio(health);
            }
        }
        self.broken = (self.broken - FORGIVEN_PER_SECOND * TICK.as_secs_f32()).max(0.0);
        if now.duration_since(self.last_frame) >= SILENCE {
            return Err(CameraState::Silent.into());
        }
        if !self.seen_key {
            let waited = now.duration_since(self.begun);
            if waited >= NO_KEY_FRAME_AT_ALL {
                return Err(CameraState::NoKeyFrame.into());
            }
            if waited >= NO_KEY_FRAME {
                self.context.reporter.failed(CameraState::NoKeyFrame.into());
            }
        }
        Ok(())
    }

    /// Leaves out a broken packet, unless there are too many or the session itself is broken.
    fn broken(&mut self, error: &retina::Error) -> Result<(), Failure> {
        if !is_one_packet(error) {
            return Err(Failure::while_playing(error));
        }
        // Sound that cannot be understood is sound that does not come.
        if self.sound.is_some() && stream_of(error).is_some_and(|stream| stream != self.stream) {
            return Ok(());
        }
        self.counts.damaged_packets += 1;
        self.broken += 1.0;
        if self.broken > BROKEN_PACKETS {
            return Err(Failure::with(
                CameraState::Damaged,
                "too many broken packets",
            ));
        }
        Ok(())
    }

    /// Wraps a picture and sends it on.
    fn picture(&mut self, demuxed: &Demuxed, frame: VideoFrame) -> Result<(), Failure> {
        let now = (Instant::now(), Utc::now());
        self.last_frame = now.0;
        self.counts.losses += u64::from(frame.loss());
        self.counts.last_frame = Some(now.1);
        self.meter.count(frame.data().len());
        self.check_flood(now.0)?;
        if frame.has_new_parameters() || self.parameters.is_none() {
            self.take_parameters(demuxed)?;
        }
        let content = Content::of(self.coding, frame.data());
        let key = content == Content::Key;
        if content == Content::Nothing {
            return Ok(());
        }
        let (Some(init), true) = (
            self.context.fragmenter.init().cloned(),
            self.seen_key || key,
        ) else {
            return Ok(());
        };
        let unit = AccessUnit {
            data: frame.data(),
            presentation: ticks(frame.timestamp()),
            key,
            arrived: frame.start_ctx().received(),
        };
        let sequence = self.context.hub.next_sequence();
        let made = self.context.fragmenter.wrap(unit, sequence, now);
        let made = made.map_err(|error| Failure::with(CameraState::Damaged, error.to_string()))?;
        let captured_at = made.fragment.captured_at;
        self.context.hub.publish(&init, made.fragment);
        if key {
            if !self.seen_key {
                self.seen_key = true;
                self.context.reporter.live(&init);
            }
            let in_its_place = self.context.in_its_place.as_ref();
            let elsewhere = in_its_place.is_some_and(|health| health.borrow().state.is_live());
            if let Some(parameters) = self.parameters.as_ref().filter(|_| !elsewhere) {
                let parameters = Arc::clone(parameters);
                let access_unit = made.access_unit;
                self.context.key_frames.send_replace(Some(KeyFrame {
                    parameters,
                    access_unit,
                    captured_at,
                }));
            }
        }
        Ok(())
    }

    /// Hands a piece of sound to the recording, by way of the next picture.
    fn sound(&mut self, frame: &AudioFrame) -> Result<(), Failure> {
        let Some(sound) = &mut self.sound else {
            return Ok(());
        };
        let now = Instant::now();
        self.meter.count_beside(frame.data().len());
        let unit = sound.unit(frame, now);
        self.context.fragmenter.hear(unit);
        self.check_flood(now)
    }

    /// What the camera says of a stream's clock.
    fn report(&mut self, packet: &ReceivedCompoundPacket) -> Result<(), Failure> {
        if let (Some(sound), Some(report)) = (&self.sound, audio::report(packet)) {
            let of_sound = packet.stream_id() == sound.stream;
            self.context.fragmenter.report(of_sound, report);
        }
        Ok(())
    }

    fn take_parameters(&mut self, demuxed: &Demuxed) -> Result<(), Failure> {
        let Some(ParametersRef::Video(parameters)) = demuxed.streams()[self.stream].parameters()
        else {
            return Ok(());
        };
        let init = self.context.fragmenter.set_parameters(parameters);
        let init = init.map_err(|error| Failure::with(CameraState::Damaged, error.to_string()))?;
        self.parameters = Parameters::of(parameters).map(Arc::new);
        if self.seen_key {
            self.context.reporter.live(&init);
        }
        Ok(())
    }

    fn check_flood(&self, now: Instant) -> Result<(), Failure> {
        // The ticks that end an interval can themselves be late: what counts is the rate.
        let (bytes, pictures, time) = self.meter.current(now);
        let seconds = time.as_secs_f64().max(1.0);
        if bytes as f64 > FLOOD_BYTES as f64 * seconds
            || f64::from(pictures) > f64::from(FLOOD_PICTURES) * seconds
        {
            return Err(CameraState::Flooding.into());
        }
        Ok(())
    }
}

/// A presentation time in ticks of [`TIMESCALE`].
pub(super) fn ticks(timestamp: retina::Timestamp) -> i64 {
    scaled(timestamp.elapsed(), timestamp.clock_rate())
}

/// So many units of a clock in ticks of [`TIMESCALE`].
pub(super) fn scaled(units: i64, rate: NonZeroU32) -> i64 {
    if rate.get() == TIMESCALE {
        return units;
    }
    let scaled = i128::from(units) * i128::from(TIMESCALE) / i128::from(rate.get());
    i64::try_from(scaled).unwrap_or(0)
}
