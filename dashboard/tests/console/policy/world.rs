//! A county with one of everything at every place, and one caller of every role who stands over its first town.

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode};
use chrono::{TimeDelta, Utc};
use mingjing_alerts::order::Rung;
use mingjing_alerts::store::attachments::{self, NewFile, With};
use mingjing_alerts::store::channels::{self, ChannelWrite, SubscriptionWrite};
use mingjing_alerts::store::maintenance::{self, Planned};
use mingjing_alerts::store::orders::About;
use mingjing_alerts::supervisor::{Actor, NewOrder};
use mingjing_dashboard::attachments::Vault;
use mingjing_dashboard::auth::secret;
use mingjing_dashboard::bulletin::Document;
use mingjing_dashboard::engine::Deed;
use mingjing_dashboard::policy::Role;
use mingjing_dashboard::server;
use mingjing_dashboard::store::bulletins;
use mingjing_ingest::uplink::protocol::MediaFrame;
use mingjing_monitor::audit;
use mingjing_monitor::org::{Hall, Level, Window};
use mingjing_monitor::presence::Kind;
use mingjing_monitor::store::absences::{self, New};
use mingjing_monitor::store::administration::{self, Grant};
use mingjing_monitor::store::halls::{self, Camera};
use mingjing_monitor::store::{accounts, tokens};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::common::{COUNTY, Console, Person, TOWN_1, TOWN_2};

pub const VILLAGE: &str = "V1";
/// Every caller's unit or window, where their role has one.
pub const UNIT: &str = "RSJ";
pub const WINDOW: &str = "1";

/// Where a subject lies, seen from the first town.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the town itself, at the caller's unit and window.
    Inside,
    /// In a hall below it.
    Below,
    /// In the hall above it.
    Above,
    /// In the town, at another unit's window.
    Beside,
    /// In another town.
    Outside,
}

impl Place {
    pub const ALL: [Self; 5] = [
        Self::Inside,
        Self::Below,
        Self::Above,
        Self::Beside,
        Self::Outside,
    ];

    pub fn hall(self) -> &'static str {
        match self {
            Self::Inside | Self::Beside => TOWN_1,
            Self::Below => VILLAGE,
            Self::Above => COUNTY,
            Self::Outside => TOWN_2,
        }
    }

    fn unit(self) -> &'static str {
        if self == Self::Beside { "GAJ" } else { UNIT }
    }

    fn window(self) -> &'static str {
        if self == Self::Beside { "2" } else { WINDOW }
    }

    /// What things at this place are called; found again in answers that must not hold them.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Below => "below",
            Self::Above => "above",
            Self::Beside => "beside",
            Self::Outside => "outside",
        }
    }

    pub fn case(self) -> String {
        format!("case-{}", self.word())
    }

    pub fn camera(self) -> String {
        format!("camera-{}", self.word())
    }
}

/// Who calls.
#[derive(Clone)]
pub enum Caller {
    Nobody,
    Person(Role, Person),
    Program(Role, String),
}

impl Caller {
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::Nobody => None,
            Self::Person(role, _) | Self::Program(role, _) => Some(*role),
        }
    }

    pub fn headers(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Nobody => Vec::new(),
            Self::Person(_, person) => person.headers(),
            Self::Program(_, token) => vec![("authorization", format!("Bearer {token}"))],
        }
    }
}

pub struct World {
    pub console: Console,
    pub service: axum::Router,
}

impl World {
    pub async fn build() -> Self {
        // The walk asks faster than anybody may; how fast that is, is tested elsewhere.
        let console = Console::start_with(|config| {
            config.limits.requests_per_address = 0;
            config.limits.requests_per_caller = 0;
        })
        .await;
        places(&console).await;
        for place in Place::ALL {
            console
                .overdue(&place.case(), place.hall(), place.unit())
                .await;
        }
        pictures(&console);
        let service = server::service(&console.app);
        Self { console, service }
    }

    /// Somebody of this role who stands over the first town.
    pub async fn person(&self, role: Role) -> Person {
        self.person_at(role, TOWN_1, role.code()).await
    }

    pub async fn person_at(&self, role: Role, hall: &str, login: &str) -> Person {
        self.console.account(login, role.code(), hall, None).await;
        let id = self.account(login).await;
        let grant = Grant {
            role: role.code(),
            hall,
            unit: (role == Role::UnitHead).then_some(UNIT),
            window: (role == Role::Clerk).then_some(WINDOW),
        };
        let mut connection = self.console.app.db().acquire().await.unwrap();
        administration::grant(&mut connection, id, grant)
            .await
            .unwrap();
        drop(connection);
        self.console.sign_in(login).await
    }

    pub async fn account(&self, login: &str) -> i64 {
        let account = accounts::by_login(self.console.app.db(), login).await;
        account.unwrap().unwrap().id
    }

    /// A token of this role over a hall; its id and secret.
    pub async fn token(&self, role: Role, hall: &str, name: &str) -> (i64, String) {
        self.token_until(role, hall, name, None).await
    }

    pub async fn token_until(
        &self,
        role: Role,
        hall: &str,
        name: &str,
        expires: Option<chrono::DateTime<Utc>>,
    ) -> (i64, String) {
        let secret = secret::random();
        let new = tokens::NewToken {
            name,
            hash: &secret::hash(&secret),
            role: role.code(),
            hall,
            source: None,
            initial_load: false,
            expires,
        };
        let mut connection = self.console.app.db().acquire().await.unwrap();
        let id = tokens::create(&mut connection, &new, Utc::now())
            .await
            .unwrap();
        (id, secret)
    }

    /// A channel that is off and leads inside; its id.
    pub async fn channel(&self, name: &str, hall: &str) -> i64 {
        let channel = ChannelWrite {
            name,
            kind: "webhook",
            hall,
            settings: &json!({"url": "https://127.0.0.1/"}),
            secret_names: &[],
            enabled: false,
            per_minute: 20,
        };
        let mut connection = self.console.app.db().acquire().await.unwrap();
        channels::create(&mut connection, &channel, Utc::now())
            .await
            .unwrap()
    }

    /// What an account is told over a channel; its id.
    pub async fn subscription(&self, channel: i64, account: i64) -> i64 {
        let subscription = SubscriptionWrite {
            channel,
            address: None,
            shown: "group",
            grades: &["red_card".to_owned()],
            rules: &[],
            hall: TOWN_1,
            language: "zh",
            quiet: None,
            red_breaks_quiet: true,
        };
        let mut connection = self.console.app.db().acquire().await.unwrap();
        channels::subscribe(&mut connection, account, &subscription, Utc::now())
            .await
            .unwrap()
    }

    pub async fn card(&self, case: &str) -> i64 {
        let id = sqlx::query_scalar("SELECT id FROM card WHERE case_no = $1 ORDER BY id LIMIT 1");
        id.bind(case)
            .fetch_one(self.console.app.db())
            .await
            .unwrap()
    }

    /// A maintenance of a hall, which is to come.
    pub async fn maintenance(&self, hall: &str) -> i64 {
        let mut connection = self.console.app.db().acquire().await.unwrap();
        let now = Utc::now();
        let planned = Planned {
            thing: "hall",
            subject: hall,
            hall,
            starts: now + TimeDelta::hours(1),
            ends: now + TimeDelta::hours(2),
            why: "to walk the table",
            account: 1,
            who: "somebody",
        };
        maintenance::plan(&mut connection, &planned, now)
            .await
            .unwrap()
    }

    /// The published bulletin of a hall, of a month long ago: whoever may read it may read all of it.
    pub async fn bulletin(&self, hall: &str) {
        let mut connection = self.console.app.db().acquire().await.unwrap();
        let month = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let document = Document::default();
        let begun = bulletins::begin(&mut connection, (month, hall), &document, Utc::now()).await;
        if begun.unwrap().is_some() {
            let mut bulletin = bulletins::find(self.console.app.db(), month, hall)
                .await
                .unwrap()
                .unwrap();
            bulletin.state = "published".into();
            bulletins::update(&mut connection, &bulletin).await.unwrap();
        }
    }

    /// Leave of a window, which waits for a decision.
    pub async fn absence(&self, place: Place) -> i64 {
        let mut connection = self.console.app.db().acquire().await.unwrap();
        let now = Utc::now();
        let new = New {
            hall: place.hall(),
            no: place.window(),
            kind: Kind::Leave,
            starts: now + TimeDelta::hours(1),
            ends: Some(now + TimeDelta::hours(2)),
            reason: Some("to walk the table"),
            account: 1,
            who: "somebody",
            role: "hall_manager",
            approved: false,
        };
        absences::enter(&mut connection, &new, now).await.unwrap()
    }

    /// A supervision order at a place.
    pub async fn order(&self, place: Place) -> i64 {
        let new = NewOrder {
            to: Rung::HallManager,
            hall: place.hall().into(),
            unit: Some(place.unit().into()),
            window: Some(place.window().into()),
            about: About::default(),
            text: format!("order-{}", place.word()),
            attachments: Vec::new(),
            actor: Actor {
                account: 1,
                who: "somebody".into(),
                role: "inspector".into(),
                trail: audit::Actor::of(audit::ActorKind::Account),
                at: Utc::now(),
            },
        };
        let engine = self.console.app.engine();
        engine.perform(Deed::NewOrder(new)).await.unwrap().unwrap()
    }

    /// A file that goes with something.
    pub async fn file(&self, with: With) -> i64 {
        let app = &self.console.app;
        let bytes = bytes::Bytes::from_static(b"evidence");
        let sha256 = Vault::of(&app.config().storage.dir)
            .put(bytes)
            .await
            .unwrap();
        let file = NewFile {
            sha256: &sha256,
            name: "evidence.txt",
            media_type: "text/plain",
            bytes: 8,
            account: 1,
            who: "somebody",
        };
        let mut connection = app.db().acquire().await.unwrap();
        let now = Utc::now();
        let id = attachments::insert(&mut connection, &file, now)
            .await
            .unwrap();
        let bound = attachments::attach(&mut connection, with, 1, 1, &[id], now).await;
        assert_eq!(bound.unwrap(), 1);
        id
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        caller: &Caller,
        body: Option<Value>,
    ) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in caller.headers() {
            request = request.header(name, value);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let mut request = request.body(body).unwrap();
        // From the network, not from the console's own machine.
        let peer = std::net::SocketAddr::from(([10, 0, 0, 9], 4000));
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.service.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 16 << 20).await;
        let text = String::from_utf8_lossy(&bytes.unwrap()).into_owned();
        (status, text)
    }

    /// As [`Self::call`], and the answer as JSON.
    pub async fn json(
        &self,
        method: Method,
        path: &str,
        caller: &Caller,
        body: Value,
    ) -> (StatusCode, Value) {
        let body = Some(body).filter(|body| !body.is_null());
        let (status, text) = self.call(method, path, caller, body).await;
        (status, serde_json::from_str(&text).unwrap_or(json!(null)))
    }
}

/// A village below the first town, a window of the county's own hall, and a camera at every place.
async fn places(console: &Console) {
    let village = Hall {
        code: VILLAGE.into(),
        parent: Some(TOWN_1.into()),
        level: Level::Village,
        name: VILLAGE.into(),
        name_en: String::new(),
        opening: Default::default(),
    };
    let window = |hall: &str| Window {
        hall: hall.into(),
        no: WINDOW.into(),
        unit: Some(UNIT.into()),
        name: WINDOW.into(),
        name_en: String::new(),
    };
    let cameras = Place::ALL.map(|place| Camera {
        id: place.camera(),
        hall: place.hall().into(),
        name: place.camera(),
        windows: vec![place.window().into()],
        edge: "local".into(),
    });
    let mut tx = console.app.db().begin().await.unwrap();
    halls::upsert_halls(&mut tx, &[village]).await.unwrap();
    halls::upsert_windows(&mut tx, &[window(VILLAGE), window(COUNTY)])
        .await
        .unwrap();
    halls::upsert_cameras(&mut tx, &cameras).await.unwrap();
    tx.commit().await.unwrap();
    console.app.reload_directory().await.unwrap();
}

/// Every camera has taken a picture.
fn pictures(console: &Console) {
    let media = console.app.media();
    media.assign("pictures", Place::ALL.map(Place::camera));
    let (attachment, _control) = media.attach("pictures");
    for place in Place::ALL {
        let (camera, captured_at) = (place.camera(), Utc::now());
        let jpeg = bytes::Bytes::from_static(b"jpeg");
        attachment.frame(MediaFrame::Thumbnail {
            camera: camera.clone(),
            captured_at,
            jpeg: jpeg.clone(),
        });
        attachment.frame(MediaFrame::Snapshot {
            camera,
            captured_at,
            jpeg,
        });
    }
}
