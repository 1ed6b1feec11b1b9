//! The table of routes: route × method × role × what the path is about.
//!
//! A row says two things. [`Access`] says which roles come in at all; everybody else reads 403. [`Subject`] says what the path
//! names and where a role must stand to reach it; whatever lies outside is 404, as if it were not there.

use axum::http::Method;

use super::Role;
use super::Role::{
    Auditor, Clerk, Commission, Edge, HallManager, Inspector, Leader, Reader, Secadmin, Sysadmin,
    Unassigned, UnitHead,
};
use crate::auth::Stage;

/// Who may use a route.
#[derive(Debug, Clone, Copy)]
pub enum Access {
    /// Everybody, without an account.
    Public,
    /// Any person who is signed in.
    Account,
    /// Whoever has a session at one of these stages: the steps of signing in.
    SignIn(&'static [Stage]),
    /// These roles.
    Roles(&'static [Role]),
    /// These roles, and whoever sits on the console's own machine.
    LoopbackOr(&'static [Role]),
    /// The event intake checks source tokens itself, by hashes that it was handed: it must work while the database is away.
    Intake,
}

impl Access {
    /// How far a session must have come.
    pub fn stages(self) -> &'static [Stage] {
        match self {
            Self::SignIn(stages) => stages,
            _ => &[Stage::Open],
        }
    }

    /// Whether `role` may.
    pub fn admits(self, role: Role) -> bool {
        match self {
            Self::Public => true,
            Self::Intake => role == Role::Source,
            Self::Account | Self::SignIn(_) => !role.is_machine(),
            Self::Roles(roles) | Self::LoopbackOr(roles) => roles.contains(&role),
        }
    }
}

/// What a path is about, and so what a caller must stand over to reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Nobody's: all who get in read the same.
    Nothing,
    /// The caller's own account and session; no other can be named.
    Own,
    /// One of the caller's own sessions.
    Session,
    /// What lies in the caller's halls, unit or window; `?hall=` narrows it and must lie in them.
    Halls,
    /// One case, by its hall, unit and window.
    Case,
    /// One card, or several named in the body, by hall, unit and window.
    Card,
    /// One supervision order, by hall, unit and window.
    Order,
    /// One camera, its pictures and its video, by its hall and the windows it covers.
    Camera,
    /// One planned maintenance, by its hall.
    Maintenance,
    /// A pause or leave, by hall, unit and window.
    Absence,
    /// One account of somebody else, by its hall.
    Account,
    /// One token, by its hall.
    Token,
    /// A version of the rules, which hold for all halls.
    Rules,
    /// The county as a whole: only who stands over all of it.
    County,
    /// One channel, by its hall.
    Channel,
    /// One of the caller's own subscriptions.
    Subscription,
    /// One bulletin, by the hall whose it is.
    Bulletin,
    /// One bulletin to be read: published ones by the halls below theirs too.
    Publication,
    /// What a program brings, by the halls of its token.
    Brought,
}

impl Subject {
    /// Every subject.
    pub const ALL: [Self; 19] = [
        Self::Nothing,
        Self::Own,
        Self::Session,
        Self::Halls,
        Self::Case,
        Self::Card,
        Self::Order,
        Self::Camera,
        Self::Maintenance,
        Self::Absence,
        Self::Account,
        Self::Token,
        Self::Rules,
        Self::County,
        Self::Channel,
        Self::Subscription,
        Self::Bulletin,
        Self::Publication,
        Self::Brought,
    ];

    /// As the printed table names it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Own => "own account",
            Self::Session => "own session",
            Self::Halls => "own halls",
            Self::Case => "case in own halls",
            Self::Card => "card in own halls",
            Self::Order => "order in own halls",
            Self::Camera => "camera in own halls",
            Self::Absence => "pause or leave in own halls",
            Self::Maintenance => "maintenance in own halls",
            Self::Account => "account in own halls; to change, not the own",
            Self::Token => "token in own halls",
            Self::Rules => "the rules of all halls",
            Self::County => "the whole county",
            Self::Channel => "channel in own halls",
            Self::Subscription => "own subscription",
            Self::Bulletin => "bulletin of own halls",
            Self::Publication => "bulletin of own halls; published, of those over them",
            Self::Brought => "halls of the token",
        }
    }

    /// Whether a path names one thing that may lie outside what the caller reaches.
    pub fn is_named(self) -> bool {
        matches!(
            self,
            Self::Session
                | Self::Case
                | Self::Card
                | Self::Order
                | Self::Camera
                | Self::Maintenance
                | Self::Absence
                | Self::Account
                | Self::Token
                | Self::Channel
                | Self::Subscription
                | Self::Bulletin
                | Self::Publication
        )
    }
}

/// The methods that the table knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// GET and HEAD.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Verb {
    /// The verb of a request; `None` for methods that no route has.
    pub fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::GET | Method::HEAD => Some(Self::Get),
            Method::POST => Some(Self::Post),
            Method::PUT => Some(Self::Put),
            Method::PATCH => Some(Self::Patch),
            Method::DELETE => Some(Self::Delete),
            _ => None,
        }
    }

    /// The method of a request.
    pub fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// HTTP method.
    pub method: Verb,
    /// Path as mounted.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// What it is about.
    pub subject: Subject,
    /// A WebSocket: the `Origin` must be our own. What goes over it stands in [`super::MESSAGES`].
    pub socket: bool,
}

const fn row_of(method: Verb, path: &'static str, access: Access, subject: Subject) -> Row {
    Row {
        method,
        path,
        access,
        subject,
        socket: false,
    }
}

const fn get(path: &'static str, access: Access, subject: Subject) -> Row {
    row_of(Verb::Get, path, access, subject)
}

const fn post(path: &'static str, access: Access, subject: Subject) -> Row {
    row_of(Verb::Post, path, access, subject)
}

const fn put(path: &'static str, access: Access, subject: Subject) -> Row {
    row_of(Verb::Put, path, access, subject)
}

const fn delete(path: &'static str, access: Access, subject: Subject) -> Row {
    row_of(Verb::Delete, path, access, subject)
}

const fn socket(path: &'static str, access: Access, subject: Subject) -> Row {
    Row {
        socket: true,
        ..row_of(Verb::Get, path, access, subject)
    }
}

/// Whoever is signed in or about to be.
const ANY_STAGE: Access = Access::SignIn(&Stage::ALL);
/// Who sets a second factor up.
const ENROLLING: Access = Access::SignIn(&[Stage::Enrolment, Stage::Open]);
/// Who sees cases and cards.
pub(super) const SUPERVISORS: Access =
    Access::Roles(&[Inspector, Leader, Commission, UnitHead, HallManager, Reader]);
/// Who sees the live console.
pub(super) const WATCHERS: Access = Access::Roles(&[
    Inspector,
    Leader,
    Commission,
    UnitHead,
    HallManager,
    Sysadmin,
    Reader,
]);
/// Who has the console's pages open. Administrators, clerks and whoever has no role yet hear that it goes on and when their
/// session ends, and nothing of what happens.
pub(super) const CONNECTED: Access = Access::Roles(&[
    Inspector,
    Leader,
    Commission,
    UnitHead,
    HallManager,
    Clerk,
    Sysadmin,
    Secadmin,
    Auditor,
    Unassigned,
    Reader,
]);
/// Who sees how the county is organised.
const RESIDENTS: Access = Access::Roles(&[
    Inspector,
    Leader,
    Commission,
    UnitHead,
    HallManager,
    Clerk,
    Sysadmin,
    Secadmin,
    Reader,
]);
/// Who acts on cards; which action which role has is the table of transitions in `alerts`.
const ACTORS: Access = Access::Roles(&[Inspector, Commission, UnitHead, HallManager]);
/// Who writes rules and puts them in force; never one person both (`alerts::draft`, and the database).
const RULERS: Access = Access::Roles(&[Inspector]);
/// Who reads rules that are not in force yet.
pub(super) const RULE_READERS: Access = Access::Roles(&[Inspector, Leader, Commission]);
/// Who plans maintenance.
const PLANNERS: Access = Access::Roles(&[Inspector, Sysadmin]);
/// Who enters pauses and leave of windows.
const MANAGERS: Access = Access::Roles(&[HallManager]);
/// Who keeps watch: patrols halls, and hands a shift over.
const ON_DUTY: Access = Access::Roles(&[Inspector, HallManager]);
/// Who reads how watch was kept.
const DUTY_READERS: Access = Access::Roles(&[Inspector, Leader, Commission, HallManager]);
/// Who writes supervision orders; a leader's are instructions.
const ISSUERS: Access = Access::Roles(&[Inspector, Commission, Leader]);
/// Who writes cards by hand.
const INSPECTORS: Access = Access::Roles(&[Inspector]);
/// Who signs bulletins, and corrects published ones.
const SIGNERS: Access = Access::Roles(&[Leader]);
/// Who takes a signed bulletin back.
const TAKERS_BACK: Access = Access::Roles(&[Inspector, Leader]);
/// Who has something to attach: to an action, or to an order.
const BRINGERS: Access = Access::Roles(&[Inspector, Leader, Commission, UnitHead, HallManager]);
/// Who looks through cameras.
pub(super) const VIEWERS: Access = Access::Roles(&[
    Inspector,
    Leader,
    Commission,
    UnitHead,
    HallManager,
    Sysadmin,
]);
/// Who sees cases and cards and looks through cameras, and so may take both away for the record.
const TAKERS: Access = Access::Roles(&[Inspector, Leader, Commission, UnitHead, HallManager]);
/// Who reads series of numbers. They are kept by hall: a unit's head would read those of other units.
const METERS: Access =
    Access::Roles(&[Inspector, Leader, Commission, HallManager, Sysadmin, Reader]);
/// Makes, disables and enables; grants nothing.
const MAKERS: Access = Access::Roles(&[Sysadmin]);
/// Grants roles and what they cover; makes nothing.
const GRANTERS: Access = Access::Roles(&[Secadmin]);
/// Both.
const ADMINISTRATORS: Access = Access::Roles(&[Sysadmin, Secadmin]);
/// Whoever sees cards as a person, and so may be told of them.
const SUBSCRIBERS: Access = Access::Roles(&[Inspector, Leader, Commission, UnitHead, HallManager]);
/// Who reads what went out. A sysadmin reads that it did, and not what it was about.
pub(super) const LOG_READERS: Access = Access::Roles(&[Inspector, Sysadmin]);
/// Who reads the audit log.
const AUDITORS: Access = Access::Roles(&[Auditor]);
/// Ingests.
pub(super) const EDGES: Access = Access::Roles(&[Edge]);

/// The table. A route that is not here cannot be mounted.
pub const TABLE: &[Row] = &[
    get("/health/live", Access::Public, Subject::Nothing),
    get("/health/ready", Access::Public, Subject::Nothing),
    get(
        "/metrics",
        Access::LoopbackOr(&[Reader, Sysadmin]),
        Subject::Nothing,
    ),
    get("/api/openapi.json", Access::Public, Subject::Nothing),
    // The own session.
    post("/api/v1/session", Access::Public, Subject::Own),
    get("/api/v1/session", ANY_STAGE, Subject::Own),
    delete("/api/v1/session", ANY_STAGE, Subject::Own),
    post(
        "/api/v1/session/totp",
        Access::SignIn(&[Stage::SecondFactor]),
        Subject::Own,
    ),
    // Single sign-on: the browser's way there and back, and the provider's word that a session has ended.
    get("/api/v1/session/ways", Access::Public, Subject::Nothing),
    get("/api/v1/session/sso", Access::Public, Subject::Own),
    get("/api/v1/session/sso/callback", Access::Public, Subject::Own),
    post(
        "/api/v1/session/sso/logout",
        Access::Public,
        Subject::Nothing,
    ),
    // The own account.
    get("/api/v1/account", Access::Account, Subject::Own),
    post(
        "/api/v1/account/password",
        Access::SignIn(&[Stage::NewPassword, Stage::Open]),
        Subject::Own,
    ),
    post("/api/v1/account/totp", ENROLLING, Subject::Own),
    post("/api/v1/account/totp/confirm", ENROLLING, Subject::Own),
    post("/api/v1/account/totp/remove", Access::Account, Subject::Own),
    post(
        "/api/v1/account/recovery-codes",
        Access::Account,
        Subject::Own,
    ),
    get("/api/v1/account/sessions", Access::Account, Subject::Own),
    delete("/api/v1/account/sessions", Access::Account, Subject::Own),
    delete(
        "/api/v1/account/sessions/{id}",
        Access::Account,
        Subject::Session,
    ),
    get("/api/v1/account/subscriptions", SUBSCRIBERS, Subject::Own),
    post("/api/v1/account/subscriptions", SUBSCRIBERS, Subject::Own),
    put(
        "/api/v1/account/subscriptions/{id}",
        SUBSCRIBERS,
        Subject::Subscription,
    ),
    delete(
        "/api/v1/account/subscriptions/{id}",
        SUBSCRIBERS,
        Subject::Subscription,
    ),
    // The county.
    get("/api/v1/halls", RESIDENTS, Subject::Halls),
    get("/api/v1/items", RESIDENTS, Subject::Nothing),
    get("/api/v1/search", SUPERVISORS, Subject::Halls),
    get("/api/v1/overview", SUPERVISORS, Subject::Halls),
    get("/api/v1/matrix", SUPERVISORS, Subject::Halls),
    get("/api/v1/sources", WATCHERS, Subject::Halls),
    get("/api/v1/rankings", SUPERVISORS, Subject::Halls),
    get("/api/v1/rankings/within", SUPERVISORS, Subject::Halls),
    get("/api/v1/rankings/across", SUPERVISORS, Subject::Halls),
    get("/api/v1/scores", SUPERVISORS, Subject::Halls),
    get("/api/v1/statistics/{name}", SUPERVISORS, Subject::Halls),
    get("/api/v1/charts/{file}", SUPERVISORS, Subject::Halls),
    get("/api/v1/months", SUPERVISORS, Subject::Nothing),
    post("/api/v1/months/{month}/{action}", RULERS, Subject::County),
    get("/api/v1/score-changes", SUPERVISORS, Subject::Halls),
    // Bulletins. A leader signs, and what is published passes an inspector too.
    get("/api/v1/bulletins", SUPERVISORS, Subject::Halls),
    get(
        "/api/v1/bulletins/{month}",
        SUPERVISORS,
        Subject::Publication,
    ),
    post(
        "/api/v1/bulletins/{month}/draft",
        INSPECTORS,
        Subject::Bulletin,
    ),
    post(
        "/api/v1/bulletins/{month}/text",
        INSPECTORS,
        Subject::Bulletin,
    ),
    post("/api/v1/bulletins/{month}/sign", SIGNERS, Subject::Bulletin),
    post(
        "/api/v1/bulletins/{month}/take-back",
        TAKERS_BACK,
        Subject::Bulletin,
    ),
    post(
        "/api/v1/bulletins/{month}/publish",
        INSPECTORS,
        Subject::Bulletin,
    ),
    post(
        "/api/v1/bulletins/{month}/addenda",
        SIGNERS,
        Subject::Bulletin,
    ),
    get("/api/v1/metrics", METERS, Subject::Halls),
    // Rules, calendar, trial run.
    get("/api/v1/profiles", SUPERVISORS, Subject::Halls),
    get("/api/v1/profiles/{version}", SUPERVISORS, Subject::Rules),
    get("/api/v1/profiles/numbers", SUPERVISORS, Subject::Rules),
    post("/api/v1/profiles/check", RULERS, Subject::County),
    post("/api/v1/profiles/edit", RULERS, Subject::County),
    get("/api/v1/profiles/drafts", RULE_READERS, Subject::County),
    post("/api/v1/profiles/drafts", RULERS, Subject::County),
    get(
        "/api/v1/profiles/drafts/{id}",
        RULE_READERS,
        Subject::County,
    ),
    put("/api/v1/profiles/drafts/{id}", RULERS, Subject::County),
    post(
        "/api/v1/profiles/drafts/{id}/{action}",
        RULERS,
        Subject::County,
    ),
    get("/api/v1/profiles/shadow", RULE_READERS, Subject::County),
    post("/api/v1/profiles/shadow", RULERS, Subject::County),
    delete("/api/v1/profiles/shadow", RULERS, Subject::County),
    get(
        "/api/v1/profiles/shadow/runs",
        RULE_READERS,
        Subject::County,
    ),
    get(
        "/api/v1/profiles/shadow/runs/{id}",
        RULE_READERS,
        Subject::County,
    ),
    get("/api/v1/calendar", WATCHERS, Subject::Halls),
    post("/api/v1/calendar/check", MAKERS, Subject::County),
    post("/api/v1/calendar", MAKERS, Subject::County),
    post("/api/v1/county/trial-run", RULERS, Subject::County),
    // Cases and cards.
    get("/api/v1/cases", SUPERVISORS, Subject::Halls),
    get("/api/v1/cases/{no}", SUPERVISORS, Subject::Case),
    get("/api/v1/cases/{no}/replay", SUPERVISORS, Subject::Case),
    get("/api/v1/cases/{no}/evidence.zip", TAKERS, Subject::Case),
    get("/api/v1/cards", SUPERVISORS, Subject::Halls),
    get("/api/v1/cards/{id}", SUPERVISORS, Subject::Card),
    get("/api/v1/cards/{id}/evidence.zip", TAKERS, Subject::Card),
    post("/api/v1/cards/receive", ACTORS, Subject::Card),
    post("/api/v1/cards/{id}/{action}", ACTORS, Subject::Card),
    get(
        "/api/v1/cards/{id}/attachments/{file}",
        SUPERVISORS,
        Subject::Card,
    ),
    post("/api/v1/cases/{no}/unmask", ACTORS, Subject::Case),
    // What is brought is the bringer's own until a step names it.
    post("/api/v1/attachments", BRINGERS, Subject::Own),
    post("/api/v1/cards", INSPECTORS, Subject::Halls),
    // Supervision orders, and what awaits the caller.
    get("/api/v1/orders", SUPERVISORS, Subject::Halls),
    post("/api/v1/orders", ISSUERS, Subject::Halls),
    get("/api/v1/orders/{id}", SUPERVISORS, Subject::Order),
    post("/api/v1/orders/{id}/{action}", ACTORS, Subject::Order),
    get(
        "/api/v1/orders/{id}/attachments/{file}",
        SUPERVISORS,
        Subject::Order,
    ),
    get("/api/v1/inbox", ACTORS, Subject::Halls),
    // What is kept quiet, and until when.
    get("/api/v1/maintenance", WATCHERS, Subject::Halls),
    post("/api/v1/maintenance", PLANNERS, Subject::Halls),
    post(
        "/api/v1/maintenance/{id}/end",
        PLANNERS,
        Subject::Maintenance,
    ),
    get("/api/v1/absences", SUPERVISORS, Subject::Halls),
    post("/api/v1/absences", MANAGERS, Subject::Halls),
    post("/api/v1/absences/{id}/{action}", ACTORS, Subject::Absence),
    get("/api/v1/patrols", DUTY_READERS, Subject::Halls),
    post("/api/v1/patrols", ON_DUTY, Subject::Halls),
    post("/api/v1/patrols/stops", ON_DUTY, Subject::Halls),
    get("/api/v1/handovers", DUTY_READERS, Subject::Halls),
    post("/api/v1/handovers", ON_DUTY, Subject::Halls),
    post("/api/v1/handovers/take", ON_DUTY, Subject::Halls),
    get("/api/v1/quiet", SUPERVISORS, Subject::Halls),
    post("/api/v1/cards/{id}/acknowledge", ACTORS, Subject::Card),
    post("/api/v1/cards/{id}/resume", ACTORS, Subject::Card),
    // The audit log.
    get("/api/v1/audit", AUDITORS, Subject::Halls),
    get("/api/v1/audit/export.csv", AUDITORS, Subject::Halls),
    get("/api/v1/audit/verify", AUDITORS, Subject::Nothing),
    // Cameras.
    get("/api/v1/camera-settings", MAKERS, Subject::County),
    post("/api/v1/camera-settings", MAKERS, Subject::County),
    put("/api/v1/camera-settings/{id}", MAKERS, Subject::County),
    delete("/api/v1/camera-settings/{id}", MAKERS, Subject::County),
    post("/api/v1/camera-looks", MAKERS, Subject::County),
    post("/api/v1/camera-discoveries", MAKERS, Subject::County),
    post("/api/v1/camera-profiles", MAKERS, Subject::County),
    get("/api/v1/cameras", VIEWERS, Subject::Halls),
    get("/api/v1/cameras/{id}", VIEWERS, Subject::Camera),
    get(
        "/api/v1/cameras/{id}/thumbnail.jpg",
        VIEWERS,
        Subject::Camera,
    ),
    get(
        "/api/v1/cameras/{id}/snapshot.jpg",
        VIEWERS,
        Subject::Camera,
    ),
    get("/api/v1/cameras/{id}/recordings", VIEWERS, Subject::Camera),
    get(
        "/api/v1/cameras/{id}/recording.mp4",
        VIEWERS,
        Subject::Camera,
    ),
    get("/api/v1/cameras/{id}/preview.jpg", VIEWERS, Subject::Camera),
    socket("/api/v1/cameras/{id}/live", VIEWERS, Subject::Camera),
    // The live stream.
    socket("/api/v1/live", CONNECTED, Subject::Halls),
    // Accounts. Who makes one cannot give it power, and who gives power cannot make one or get into one.
    get("/api/v1/accounts", ADMINISTRATORS, Subject::Halls),
    post("/api/v1/accounts", MAKERS, Subject::Halls),
    post("/api/v1/accounts/{id}/disable", MAKERS, Subject::Account),
    post("/api/v1/accounts/{id}/enable", MAKERS, Subject::Account),
    post(
        "/api/v1/accounts/{id}/reset-password",
        MAKERS,
        Subject::Account,
    ),
    post("/api/v1/accounts/{id}/role", GRANTERS, Subject::Account),
    get(
        "/api/v1/accounts/{id}/sessions",
        ADMINISTRATORS,
        Subject::Account,
    ),
    post(
        "/api/v1/accounts/{id}/reset-second-factor",
        GRANTERS,
        Subject::Account,
    ),
    post("/api/v1/accounts/{id}/unlock", GRANTERS, Subject::Account),
    post(
        "/api/v1/accounts/{id}/end-sessions",
        ADMINISTRATORS,
        Subject::Account,
    ),
    // Tokens, likewise.
    get("/api/v1/tokens", ADMINISTRATORS, Subject::Halls),
    post("/api/v1/tokens", MAKERS, Subject::Halls),
    post("/api/v1/tokens/{id}/role", GRANTERS, Subject::Token),
    delete("/api/v1/tokens/{id}", ADMINISTRATORS, Subject::Token),
    // Channels, and what went out over them.
    get("/api/v1/channels", LOG_READERS, Subject::Halls),
    post("/api/v1/channels", MAKERS, Subject::Halls),
    put("/api/v1/channels/{id}", MAKERS, Subject::Channel),
    post("/api/v1/channels/{id}/test", MAKERS, Subject::Channel),
    get("/api/v1/applicant-texts", LOG_READERS, Subject::Nothing),
    put("/api/v1/applicant-texts", MAKERS, Subject::Nothing),
    get("/api/v1/deliveries", LOG_READERS, Subject::Halls),
    get("/api/v1/deliveries/summary", LOG_READERS, Subject::Halls),
    // Programs.
    post("/api/v1/events", Access::Intake, Subject::Brought),
    socket("/uplink/v1/events", EDGES, Subject::Brought),
    socket("/uplink/v1/media", EDGES, Subject::Brought),
    socket("/uplink/v1/recordings", EDGES, Subject::Brought),
];

/// The row of a route.
pub fn row(method: &Method, path: &str) -> Option<&'static Row> {
    let method = Verb::of(method)?;
    TABLE
        .iter()
        .find(|row| row.method == method && row.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_has_two_rows() {
        for (i, a) in TABLE.iter().enumerate() {
            for b in &TABLE[i + 1..] {
                assert!(
                    a.method != b.method || a.path != b.path,
                    "{} stands twice",
                    a.path
                );
            }
        }
    }

    #[test]
    fn machines_and_separated_administrators_see_no_cases() {
        for row in TABLE
            .iter()
            .filter(|row| row.path.contains("/cases") || row.path.contains("/cards"))
        {
            for role in [
                Role::Source,
                Role::Edge,
                Role::Sysadmin,
                Role::Secadmin,
                Role::Auditor,
                Role::Unassigned,
                Role::Clerk,
            ] {
                assert!(!row.access.admits(role), "{role:?} gets into {}", row.path);
            }
        }
    }

    #[test]
    fn leaders_instruct_and_sign_and_change_nothing_else_and_readers_nothing() {
        for row in TABLE
            .iter()
            .filter(|row| row.method != Verb::Get && matches!(row.access, Access::Roles(_)))
            // What they are told themselves is theirs to say.
            .filter(|row| !matches!(row.subject, Subject::Own | Subject::Subscription))
        {
            let instructs = matches!(row.path, "/api/v1/orders" | "/api/v1/attachments");
            let signs = row.subject == Subject::Bulletin
                && ["/sign", "/take-back", "/addenda"]
                    .iter()
                    .any(|step| row.path.ends_with(step));
            assert_eq!(
                row.access.admits(Role::Leader),
                instructs || signs,
                "{}",
                row.path
            );
            assert!(!row.access.admits(Role::Reader), "{}", row.path);
        }
    }

    #[test]
    fn nobody_both_makes_and_grants() {
        let making = |row: &&Row| {
            row.method == Verb::Post
                && (row.path.ends_with("/accounts")
                    || row.path.ends_with("/tokens")
                    || row.path.ends_with("/reset-password"))
        };
        let granting =
            |row: &&Row| row.path.ends_with("/role") || row.path.ends_with("/reset-second-factor");
        let may = |role: Role, which: &dyn Fn(&&Row) -> bool| {
            TABLE
                .iter()
                .filter(which)
                .any(|row| row.access.admits(role))
        };
        for role in Role::ALL {
            assert!(!(may(role, &making) && may(role, &granting)), "{role:?}");
        }
        assert!(may(Sysadmin, &making) && may(Secadmin, &granting));
    }

    #[test]
    fn who_has_no_role_reaches_nothing_but_the_own_account() {
        let live = |row: &&Row| row.path == crate::policy::LIVE;
        for row in TABLE
            .iter()
            .filter(|row| row.access.admits(Role::Unassigned) && !live(row))
        {
            assert!(
                matches!(
                    row.subject,
                    Subject::Own | Subject::Session | Subject::Nothing
                ),
                "{:?} {}",
                row.method,
                row.path
            );
        }
        // The stream tells them that it goes on, and no more.
        let heard = crate::policy::MESSAGES
            .iter()
            .filter(|message| message.socket == crate::policy::LIVE)
            .filter(|message| message.access.admits(Role::Unassigned));
        assert!(
            heard
                .into_iter()
                .all(|message| message.subject == Subject::Nothing)
        );
    }

    #[test]
    fn a_path_with_a_parameter_says_what_it_names() {
        for row in TABLE.iter().filter(|row| row.path.contains('{')) {
            // What concerns all halls alike lies outside nobody's.
            let of_all = matches!(row.subject, Subject::Rules | Subject::County);
            // What these name is a kind of figure; whose figures, the halls say.
            let of_figures = ["/api/v1/statistics/", "/api/v1/charts/"]
                .iter()
                .any(|path| row.path.starts_with(path));
            assert!(
                row.subject.is_named() || of_all || of_figures,
                "{:?} {}",
                row.method,
                row.path
            );
        }
    }
}
