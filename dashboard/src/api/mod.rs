//! The HTTP interface (`docs/api.md`), one file a group of routes.

pub mod absences;
pub mod account;
pub mod accounts;
pub mod attachments;
pub mod audit;
pub mod bulletins;
pub mod calendar;
pub mod camera_discovery;
pub mod camera_settings;
pub mod cameras;
pub mod cards;
pub mod cases;
pub mod channels;
pub mod county;
pub mod deliveries;
pub mod duty;
pub mod events;
pub mod evidence;
pub mod halls;
pub mod health;
pub mod inbox;
pub mod items;
pub mod list;
pub mod matrix;
pub mod metrics;
pub mod months;
pub mod orders;
pub mod overview;
pub mod profiles;
pub mod quiet;
pub mod rankings;
pub mod reason;
pub mod recordings;
pub mod scores;
pub mod search;
pub mod second_factor;
pub mod session;
pub mod sources;
pub mod sso;
pub mod statistics;
pub mod subscriptions;
pub mod tokens;
pub mod within;

use axum::Router;
use axum::http::Method;
use axum::routing::{get, post};
use utoipa::OpenApi;
use utoipa_axum::routes;

use crate::app::App;
use crate::policy::Routes;
use crate::{live, uplink};

/// The head of the OpenAPI document; paths and schemas come from the handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mingjing console",
        description = "Real-time electronic supervision and video monitoring of service halls. Sign in with \
                       POST /api/v1/session, or send a bearer token. Errors are problem+json (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    components(schemas(crate::problem::Problem))
)]
struct Document;

/// Every route of the console but its pages.
pub fn routes(app: &App) -> Routes {
    Routes::new(app.clone(), Document::openapi())
        .api(routes!(session::show, session::open, session::close))
        .api(routes!(session::prove))
        .api(routes!(sso::ways::show))
        .api(routes!(sso::begin::begin))
        .api(routes!(sso::callback::callback))
        .api(routes!(sso::logout::logout))
        .api(routes!(account::show))
        .api(routes!(account::change_password))
        .api(routes!(account::list_sessions, account::end_other_sessions))
        .api(routes!(account::end_session))
        .api(routes!(second_factor::enrol))
        .api(routes!(second_factor::confirm_enrolment))
        .api(routes!(second_factor::remove))
        .api(routes!(second_factor::renew_codes))
        .api(routes!(halls::list))
        .api(routes!(items::list))
        .api(routes!(search::find))
        .api(routes!(overview::show))
        .api(routes!(matrix::show))
        .api(routes!(sources::list))
        .api(routes!(rankings::show))
        .api(routes!(scores::show))
        .api(routes!(within::within))
        .api(routes!(within::across))
        .api(routes!(months::list))
        .api(routes!(months::act))
        .api(routes!(months::changes))
        .api(routes!(bulletins::list))
        .api(routes!(bulletins::show))
        .api(routes!(bulletins::acting::draft))
        .api(routes!(bulletins::acting::text))
        .api(routes!(bulletins::acting::sign))
        .api(routes!(bulletins::acting::take_back))
        .api(routes!(bulletins::acting::publish))
        .api(routes!(bulletins::acting::correct))
        .api(routes!(statistics::show))
        .api(routes!(statistics::chart))
        .api(routes!(metrics::show))
        .api(routes!(profiles::list))
        .api(routes!(profiles::one))
        .api(routes!(profiles::check))
        .api(routes!(profiles::form::numbers))
        .api(routes!(profiles::form::edit))
        .api(routes!(profiles::drafts::list, profiles::drafts::create))
        .api(routes!(profiles::drafts::one, profiles::drafts::change))
        .api(routes!(profiles::drafts::act))
        .api(routes!(
            profiles::shadow::show,
            profiles::shadow::begin,
            profiles::shadow::cancel
        ))
        .api(routes!(profiles::shadow::list))
        .api(routes!(profiles::shadow::one))
        .api(routes!(calendar::show, calendar::take))
        .api(routes!(calendar::check))
        .api(routes!(county::set_trial_run))
        .api(routes!(cases::list))
        .api(routes!(cases::one))
        .api(routes!(cases::replay::show))
        .api(routes!(cases::unmask::unmask))
        .api(routes!(cards::list, cards::by_hand::issue))
        .api(routes!(cards::receive))
        .api(routes!(evidence::of_card))
        .api(routes!(evidence::of_case))
        .api(routes!(cards::one))
        .api(routes!(cards::act))
        .api(routes!(attachments::bring))
        .api(routes!(attachments::of_card))
        .api(routes!(absences::list, absences::enter))
        .api(routes!(absences::act))
        .api(routes!(duty::patrols, duty::begin))
        .api(routes!(duty::look))
        .api(routes!(duty::handovers, duty::hand_over))
        .api(routes!(duty::take))
        .api(routes!(quiet::list, quiet::plan))
        .api(routes!(quiet::end))
        .api(routes!(quiet::show))
        .api(routes!(quiet::acknowledge))
        .api(routes!(quiet::resume))
        .api(routes!(orders::list, orders::issue))
        .api(routes!(orders::one))
        .api(routes!(orders::act))
        .api(routes!(orders::attachment))
        .api(routes!(inbox::show))
        .api(routes!(audit::list))
        .api(routes!(audit::export))
        .api(routes!(audit::verify))
        .api(routes!(camera_settings::list, camera_settings::add))
        .api(routes!(camera_settings::change, camera_settings::remove))
        .api(routes!(camera_settings::look))
        .api(routes!(camera_discovery::discover))
        .api(routes!(camera_discovery::profiles))
        .api(routes!(cameras::list))
        .api(routes!(cameras::one))
        .api(routes!(cameras::thumbnail))
        .api(routes!(cameras::snapshot))
        .api(routes!(recordings::list))
        .api(routes!(recordings::clip))
        .api(routes!(recordings::preview))
        .api(routes!(accounts::list, accounts::create))
        .api(routes!(accounts::change::disable))
        .api(routes!(accounts::change::enable))
        .api(routes!(accounts::change::reset_password))
        .api(routes!(accounts::change::grant))
        .api(routes!(accounts::sessions))
        .api(routes!(accounts::change::reset_second_factor))
        .api(routes!(accounts::change::unlock))
        .api(routes!(accounts::change::end_sessions))
        .api(routes!(tokens::list, tokens::create))
        .api(routes!(tokens::grant))
        .api(routes!(tokens::revoke))
        .api(routes!(subscriptions::list, subscriptions::create))
        .api(routes!(subscriptions::change, subscriptions::remove))
        .api(routes!(channels::list, channels::create))
        .api(routes!(channels::change))
        .api(routes!(channels::test))
        .api(routes!(
            channels::applicant_texts,
            channels::set_applicant_texts
        ))
        .api(routes!(deliveries::list))
        .api(routes!(deliveries::summary))
        .raw(Method::GET, "/api/v1/cameras/{id}/live", get(cameras::live))
        .raw(Method::GET, "/api/v1/live", get(live::socket::open))
        .raw(Method::POST, "/api/v1/events", post(events::take))
        .raw(Method::GET, "/uplink/v1/events", get(uplink::open_events))
        .raw(Method::GET, "/uplink/v1/media", get(uplink::open_media))
        .raw(
            Method::GET,
            "/uplink/v1/recordings",
            get(uplink::open_recordings),
        )
        .raw(Method::GET, "/api/openapi.json", get(health::openapi))
        .raw(Method::GET, "/health/live", get(health::live))
        .raw(Method::GET, "/health/ready", get(health::ready))
        .raw(Method::GET, "/metrics", get(health::metrics))
}

/// The router, with its document stored in `app`.
pub fn router(app: &App) -> Router<App> {
    let (router, document) = routes(app).finish();
    let json = document.to_json().unwrap_or_else(|error| {
        tracing::error!(%error, "the OpenAPI document could not be written");
        "{}".into()
    });
    app.openapi().get_or_init(|| json);
    router
}
