//! The rows that lists, pages and the live stream show alike (`docs/api.md`).

use chrono::{DateTime, Utc};
use mingjing_alerts::card::{Grade, State};
use mingjing_alerts::order::{self, Rung};
use mingjing_ingest::camera::{AudioHealth, CameraHealth, CameraState, SubStream};
use mingjing_ingest::picture::WindowPresence;
use mingjing_monitor::personal::mask_text;
use mingjing_monitor::presence::window_of;
use mingjing_monitor::store::cases;
use mingjing_monitor::store::rollups::Buckets;
use mingjing_monitor::store::sources::Source;
use mingjing_monitor::store::windows::{WindowRow, WindowState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::directory::Directory;
use crate::store::cards::Card;
use crate::store::orders::Order;

/// A card on a window, case or tile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CardMark {
    id: i64,
    grade: String,
}

impl CardMark {
    /// Of this card.
    pub fn new(id: i64, grade: String) -> Self {
        Self { id, grade }
    }
}

/// A case in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CaseRow {
    no: String,
    hall: String,
    hall_name: String,
    window: Option<String>,
    unit: Option<String>,
    unit_name: Option<String>,
    item: Option<String>,
    item_name: Option<String>,
    kind: String,
    status: String,
    /// `not_started`, `running`, `suspended` or `stopped`.
    clock: String,
    /// `on_time`, `over_promise_only`, `over_legal` or `no_deadline`; null while the clock has not started.
    bucket: Option<String>,
    /// Accepted or, before that, first heard of; lists go by it, the newest first, then by `no`.
    opened_at: DateTime<Utc>,
    accepted_at: Option<DateTime<Utc>>,
    decided_at: Option<DateTime<Utc>>,
    promise_due: Option<DateTime<Utc>>,
    legal_due: Option<DateTime<Utc>>,
    /// A due instant lies in a year not loaded (预计).
    expected: bool,
    /// The gravest card that stands on it.
    card: Option<CardMark>,
}

impl CaseRow {
    /// From the stored row and its gravest card.
    pub fn new(row: cases::CaseRow, card: Option<CardMark>) -> Self {
        Self {
            no: row.no,
            hall: row.hall,
            hall_name: row.hall_name,
            window: row.window,
            unit_name: row.unit_name.or_else(|| named(&row.unit)),
            unit: named(&row.unit),
            item_name: row.item_name.or_else(|| named(&row.item)),
            item: named(&row.item),
            kind: row.kind,
            status: row.status,
            clock: row.clock,
            bucket: row.bucket,
            opened_at: row.opened_at,
            accepted_at: row.accepted_at,
            decided_at: row.decided_at,
            promise_due: row.promise_due,
            legal_due: row.legal_due,
            expected: row.expected,
            card,
        }
    }
}

/// A code; `None` where no event named one.
fn named(code: &str) -> Option<String> {
    (!code.is_empty()).then(|| code.to_owned())
}

/// Who must act on a card now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Holder {
    role: String,
    name: String,
}

/// Somebody knows of a card, and is left alone with it until then.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Acknowledged {
    who: String,
    until: DateTime<Utc>,
    why: String,
}

impl Acknowledged {
    fn of(card: &Card) -> Option<Self> {
        Some(Self {
            who: card.ack_who.clone()?,
            until: card.ack_until?,
            why: card.ack_why.clone()?,
        })
    }
}

/// What something else than a case is called.
fn subject_name(directory: &Directory, about: &str, subject: &str) -> String {
    match about {
        "hall" => directory.hall_name(subject),
        "camera" => directory
            .camera(subject)
            .map_or_else(|| subject.to_owned(), |camera| camera.name.clone()),
        "window" => window_of(subject)
            .and_then(|(hall, no)| directory.window(hall, no))
            .map_or_else(|| subject.to_owned(), |window| window.name.clone()),
        "unit" => subject
            .rsplit_once('/')
            .map_or_else(|| subject.to_owned(), |(_, unit)| directory.unit_name(unit)),
        _ => subject.to_owned(),
    }
}

/// A card in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CardRow {
    id: i64,
    rule: String,
    kind: String,
    /// `notice`, `warning`, `yellow_card` or `red_card`.
    grade: String,
    state: String,
    case: Option<String>,
    /// What it is about: `case`, or `complaint`, `source`, `edge`, `hall`, `camera`, `unit`, `window`.
    about: String,
    /// What else than a case it is about, and its name.
    subject: Option<String>,
    subject_name: Option<String>,
    /// Alerts that it holds back while what it is about is down.
    holds: Option<i64>,
    /// Somebody knows of it.
    acknowledged: Option<Acknowledged>,
    item: Option<String>,
    item_name: Option<String>,
    hall: String,
    hall_name: String,
    window: Option<String>,
    unit: Option<String>,
    unit_name: Option<String>,
    /// A camera that sees the window.
    camera: Option<String>,
    due_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    issued_at: Option<DateTime<Utc>>,
    answer_due: Option<DateTime<Utc>>,
    holder: Option<Holder>,
    sentence_zh: String,
    sentence_en: String,
    profile_version: i32,
    trial: bool,
    /// Name it when you act.
    revision: i32,
    closed_at: Option<DateTime<Utc>>,
}

impl CardRow {
    /// From the stored card.
    pub fn new(card: &Card, directory: &Directory) -> Self {
        let holder = State::parse(&card.state).zip(Grade::parse(&card.grade));
        let holder = holder.and_then(|(state, grade)| state.holder(grade));
        let holder = holder.map(|role| Holder {
            role: role.as_str().to_owned(),
            name: directory.holder_name(role.as_str(), &card.hall, card.unit.as_deref()),
        });
        let cameras = card
            .win
            .as_deref()
            .map(|window| directory.cameras_of(&card.hall, window));
        Self {
            id: card.id,
            rule: card.rule.clone(),
            kind: card.kind.clone(),
            grade: card.grade.clone(),
            state: card.state.clone(),
            case: card.case_no.clone(),
            about: card.about.clone(),
            subject_name: card
                .subject
                .as_deref()
                .map(|subject| subject_name(directory, &card.about, subject)),
            subject: card.subject.clone(),
            holds: card.holds.filter(|&holds| holds > 0),
            acknowledged: Acknowledged::of(card),
            item: card.item.clone(),
            item_name: card.item.as_deref().map(|item| directory.item_name(item)),
            hall: card.hall.clone(),
            hall_name: directory.hall_name(&card.hall),
            window: card.win.clone(),
            unit: card.unit.clone(),
            unit_name: card.unit.as_deref().map(|unit| directory.unit_name(unit)),
            camera: cameras
                .and_then(|cameras| cameras.into_iter().next())
                .or_else(|| card.subject.clone().filter(|_| card.about == "camera")),
            due_at: card.due_at,
            created_at: card.created_at,
            issued_at: card.issued_at,
            answer_due: card.answer_due,
            holder,
            sentence_zh: card.sentence_zh.clone(),
            sentence_en: card.sentence_en.clone(),
            profile_version: card.profile_version,
            trial: card.trial,
            revision: card.revision,
            closed_at: card.closed_at,
        }
    }
}

/// A supervision order in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderRow {
    id: i64,
    /// `unanswered`, `inspector` or `instruction`.
    origin: String,
    /// `issued`, `received`, `answered`, `returned`, `escalated`, `closed` or `cancelled`.
    state: String,
    /// Who has it: `hall_manager`, `unit_head`, `inspector` or `commission`.
    rung: String,
    /// To whom it was written.
    addressee: String,
    hall: String,
    hall_name: String,
    unit: Option<String>,
    unit_name: Option<String>,
    window: Option<String>,
    /// The card that it follows or is about.
    card: Option<i64>,
    case: Option<String>,
    camera: Option<String>,
    picture_at: Option<DateTime<Utc>>,
    complaint: Option<String>,
    text_zh: String,
    text_en: String,
    issued_at: DateTime<Utc>,
    issued_by: String,
    issued_role: String,
    /// When what it follows fell due.
    due_at: DateTime<Utc>,
    /// By when whoever has it gives feedback.
    answer_due: DateTime<Utc>,
    answered_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    /// Of the last feedback: whether the cause was an objective one.
    objective: Option<bool>,
    /// Of the last feedback: which measures were taken.
    measures: Option<String>,
    holder: Option<Holder>,
    profile_version: i32,
    trial: bool,
    /// Name it when you act.
    revision: i32,
}

impl OrderRow {
    /// From the stored order.
    pub fn new(order: &Order, directory: &Directory) -> Self {
        let states = (order::State::parse(&order.state), Rung::parse(&order.rung));
        let holder = match states {
            (Some(state), Some(rung)) => state.holder(rung),
            _ => None,
        };
        let holder = holder.map(|role| Holder {
            role: role.as_str().to_owned(),
            name: directory.holder_name(role.as_str(), &order.hall, order.unit.as_deref()),
        });
        Self {
            id: order.id,
            origin: order.origin.clone(),
            state: order.state.clone(),
            rung: order.rung.clone(),
            addressee: order.addressee.clone(),
            hall: order.hall.clone(),
            hall_name: directory.hall_name(&order.hall),
            unit: order.unit.clone(),
            unit_name: order.unit.as_deref().map(|unit| directory.unit_name(unit)),
            window: order.win.clone(),
            card: order.card,
            case: order.case_no.clone(),
            camera: order.camera.clone(),
            picture_at: order.picture_at,
            complaint: order.complaint.clone(),
            // People write numbers of applicants into what they ask.
            text_zh: mask_text(&order.text_zh),
            text_en: mask_text(&order.text_en),
            issued_at: order.issued_at,
            issued_by: order.issued_by.clone(),
            issued_role: order.issued_role.clone(),
            due_at: order.due_at,
            answer_due: order.answer_due,
            answered_at: order.answered_at,
            closed_at: order.closed_at,
            objective: order.objective,
            measures: order.measures.as_deref().map(mask_text),
            holder,
            profile_version: order.profile_version,
            trial: order.trial,
            revision: order.revision,
        }
    }
}

/// A window in the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WindowTile {
    hall: String,
    no: String,
    /// `serving`, `idle`, `empty`, `paused`, `unknown` or `closed`.
    #[schema(value_type = String)]
    state: &'static str,
    since: Option<DateTime<Utc>>,
    /// The case it last worked on.
    case: Option<String>,
    card: Option<CardMark>,
    cameras: Vec<String>,
}

impl WindowTile {
    /// The tile of a window in a state, since then.
    pub fn new(
        row: &WindowRow,
        (state, since): (WindowState, Option<DateTime<Utc>>),
        card: Option<(i64, String)>,
        directory: &Directory,
    ) -> Self {
        Self {
            hall: row.hall.clone(),
            no: row.no.clone(),
            state: state.as_str(),
            since,
            case: row.last_case.clone(),
            card: card.map(|(id, grade)| CardMark { id, grade }),
            cameras: directory.cameras_of(&row.hall, &row.no),
        }
    }

    /// The word of its state.
    pub fn state(&self) -> &'static str {
        self.state
    }

    /// Its hall.
    pub fn hall(&self) -> &str {
        &self.hall
    }

    /// Its number.
    pub fn no(&self) -> &str {
        &self.no
    }
}

/// A source of events.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SourceView {
    id: String,
    name: String,
    /// `ok`, `silent`, `loading` or `never_heard`.
    #[schema(value_type = String)]
    state: &'static str,
    lag_seconds: i64,
    last_event: Option<DateTime<Utc>>,
    last_heartbeat: Option<DateTime<Utc>>,
    complete_until: Option<DateTime<Utc>>,
    accepted: i64,
    duplicate: i64,
    rejected: i64,
}

impl SourceView {
    /// The source at `now`.
    pub fn new(source: &Source, now: DateTime<Utc>) -> Self {
        Self {
            id: source.id.clone(),
            name: source.name.clone(),
            state: source.state(now).as_str(),
            lag_seconds: source.lag_seconds,
            last_event: source.last_event,
            last_heartbeat: source.last_heartbeat,
            complete_until: source.complete_until,
            accepted: source.accepted,
            duplicate: source.duplicate,
            rejected: source.rejected,
        }
    }
}

/// A camera.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CameraView {
    id: String,
    name: String,
    hall: String,
    hall_name: String,
    windows: Vec<String>,
    edge: String,
    /// The ingest's `CameraState`, or `unknown` when its edge is not connected.
    #[schema(value_type = String)]
    state: &'static str,
    since: Option<DateTime<Utc>>,
    /// What the state alone does not say, in English.
    detail: Option<String>,
    codec: Option<String>,
    width: Option<u16>,
    height: Option<u16>,
    frame_rate: Option<f32>,
    bit_rate: Option<u64>,
    losses: u64,
    reconnects: u64,
    last_frame_at: Option<DateTime<Utc>>,
    picture_at: Option<DateTime<Utc>>,
    picture_interval_seconds: Option<f32>,
    /// How its sound is; null: it is not to be kept, the camera is not live, or its edge is not there to say.
    audio: Option<AudioView>,
    /// How its sub-stream is; null: it has none, or its edge is not there to say.
    sub: Option<SubStreamView>,
    /// How its recording goes; null: it is not recorded, or its edge is not there to say.
    recording: Option<RecordingView>,
    /// What is wrong with its pictures; null: nothing, or its edge is not there to say.
    fault: Option<PictureFaultView>,
    /// Who is at the windows that its regions name; empty where it has none, or its edge is not there to say.
    presence: Vec<PresenceView>,
}

/// How the sound of a camera is that is to be kept.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AudioView {
    /// `kept`, `silent` (the camera sends none), `not_offered`, `unsupported` (recordings do not hold its codec) or `refused`.
    #[schema(value_type = String)]
    state: &'static str,
    codec: Option<String>,
}

impl AudioView {
    fn of(audio: &AudioHealth) -> Self {
        Self {
            state: audio.state.code(),
            codec: audio.codec.clone(),
        }
    }
}

/// How the sub-stream of a camera is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SubStreamView {
    /// As of a camera.
    #[schema(value_type = String)]
    state: &'static str,
    codec: Option<String>,
    width: Option<u16>,
    height: Option<u16>,
}

impl SubStreamView {
    /// What its ingest says of it.
    pub fn of(sub: &SubStream) -> Self {
        Self {
            state: sub.state.code(),
            codec: sub.codec.clone(),
            width: sub.width,
            height: sub.height,
        }
    }
}

/// What is wrong with the pictures of a camera.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PictureFaultView {
    /// `frozen`, `black`, `overexposed`, `covered`, `defocused` or `moved`.
    #[schema(value_type = String)]
    kind: &'static str,
    /// When the first picture was taken that had it.
    since: DateTime<Utc>,
}

/// What a camera sees of one window.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PresenceView {
    /// Number of the window.
    window: String,
    /// `staffed`, `empty` or `unknown`.
    #[schema(value_type = String)]
    state: &'static str,
    /// Since when.
    since: DateTime<Utc>,
    /// People who wait; null: nobody can count them.
    people: Option<u32>,
}

/// How the recording of a camera goes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RecordingView {
    /// `recording`, `waiting` (the camera sends nothing), `schedule`, `disk_full` or `failed`.
    #[schema(value_type = String)]
    state: &'static str,
    /// Up to when there are recordings.
    until: Option<DateTime<Utc>>,
    /// `well`, `short` (what retention promises will not fit), `giving_way` or `full`.
    #[schema(value_type = String)]
    disk: &'static str,
}

/// What the console knows of a camera's health: the last word, and whether the edge that said it is still there.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownHealth {
    /// The last word.
    pub health: CameraHealth,
    /// Since when its edge is gone; `None`: it is there.
    pub lost: Option<DateTime<Utc>>,
}

impl CameraView {
    /// The camera as it is known.
    pub fn new(
        camera: &mingjing_monitor::store::halls::Camera,
        known: Option<&KnownHealth>,
        directory: &Directory,
    ) -> Self {
        let health = known.map(|known| &known.health);
        let here = known
            .filter(|known| known.lost.is_none())
            .map(|known| &known.health);
        Self {
            id: camera.id.clone(),
            name: camera.name.clone(),
            hall: camera.hall.clone(),
            hall_name: directory.hall_name(&camera.hall),
            windows: camera.windows.clone(),
            edge: camera.edge.clone(),
            state: here.map_or("unknown", |health| health.state.code()),
            since: known
                .and_then(|known| known.lost)
                .or(here.map(|health| health.since)),
            detail: here.and_then(|health| health.detail.clone()),
            codec: health.and_then(|health| health.codec.clone()),
            width: health.and_then(|health| health.width),
            height: health.and_then(|health| health.height),
            frame_rate: here.map(|health| health.frame_rate),
            bit_rate: here.map(|health| health.bit_rate),
            losses: health.map_or(0, |health| health.losses),
            reconnects: health.map_or(0, |health| health.reconnects),
            last_frame_at: health.and_then(|health| health.last_frame_at),
            picture_at: health.and_then(|health| health.picture_at),
            picture_interval_seconds: here.and_then(|health| health.picture_interval_seconds),
            audio: here
                .and_then(|health| health.audio.as_deref())
                .map(AudioView::of),
            sub: here
                .and_then(|health| health.sub.as_ref())
                .map(SubStreamView::of),
            recording: here
                .and_then(|health| health.recording)
                .map(|it| RecordingView {
                    state: it.state.code(),
                    until: it.until,
                    disk: it.disk.code(),
                }),
            fault: here
                .and_then(|health| health.picture_fault)
                .map(|fault| PictureFaultView {
                    kind: fault.kind.code(),
                    since: fault.since,
                }),
            presence: here
                .map(|health| health.presence.iter().map(PresenceView::of).collect())
                .unwrap_or_default(),
        }
    }
}

impl CameraView {
    /// Why it shows no good picture: its state, or what is wrong with the picture; `None`: nothing is.
    pub fn trouble(&self) -> Option<&'static str> {
        let fault = self.fault.as_ref().map(|fault| fault.kind);
        fault.or((self.state != CameraState::Live.code()).then_some(self.state))
    }
}

impl PresenceView {
    fn of(seen: &WindowPresence) -> Self {
        Self {
            window: seen.window.clone(),
            state: seen.state.code(),
            since: seen.since,
            people: seen.people,
        }
    }
}

impl KnownHealth {
    /// Whether pictures can be watched now.
    pub fn is_live(&self) -> bool {
        self.lost.is_none() && self.health.state == CameraState::Live
    }
}

/// The four disjoint buckets.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct BucketCounts {
    on_time: i64,
    over_promise_only: i64,
    over_legal: i64,
    no_deadline: i64,
}

impl From<Buckets> for BucketCounts {
    fn from(buckets: Buckets) -> Self {
        Self {
            on_time: buckets.on_time,
            over_promise_only: buckets.over_promise_only,
            over_legal: buckets.over_legal,
            no_deadline: buckets.no_deadline,
        }
    }
}

impl std::ops::AddAssign for BucketCounts {
    fn add_assign(&mut self, other: Self) {
        self.on_time += other.on_time;
        self.over_promise_only += other.over_promise_only;
        self.over_legal += other.over_legal;
        self.no_deadline += other.no_deadline;
    }
}
