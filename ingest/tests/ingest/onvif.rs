//! Cameras that tell of themselves, against one that answers as they do: by multicast and by HTTP, on loopback.

use std::net::Ipv4Addr;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use mingjing_ingest::camera::Secret;
use mingjing_ingest::onvif::{Asked, OnvifError, Profile, discover, profiles};
use sha1::{Digest as _, Sha1};
use tokio::net::TcpListener;
use url::Url;

use crate::support::{PASSWORD, RtspServer, USER, shared};

/// What stands between two tags, whatever their attributes.
fn between<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let begin = text.find(&format!("<{tag}"))?;
    let inner = &text[begin + text[begin..].find('>')? + 1..];
    Some(&inner[..inner.find(&format!("</{tag}>"))?])
}

/// The digest and the minute of what the camera takes for now: 2020-01-01, 00:00.
fn is_signed(question: &str) -> bool {
    let parts = ["Password", "Nonce", "Created"].map(|tag| between(question, tag));
    let [Some(digest), Some(nonce), Some(created)] = parts else {
        return false;
    };
    let mut sha = Sha1::new();
    sha.update(STANDARD.decode(nonce).unwrap());
    sha.update(created);
    sha.update(PASSWORD);
    created.starts_with("2020-01-01T00:0") && STANDARD.encode(sha.finalize()) == digest
}

fn body(inner: &str) -> String {
    format!("<env:Envelope xmlns:env=\"e\"><env:Body>{inner}</env:Body></env:Envelope>")
}

async fn answer(headers: HeaderMap, question: String) -> axum::response::Response {
    let host = headers["host"].to_str().unwrap();
    if question.contains("GetSystemDateAndTime") {
        return body("<r><tt:UTCDateTime><tt:Time><tt:Hour>0</tt:Hour><tt:Minute>0</tt:Minute><tt:Second>0</tt:Second></tt:Time><tt:Date><tt:Year>2020</tt:Year>\
            <tt:Month>1</tt:Month><tt:Day>1</tt:Day></tt:Date></tt:UTCDateTime></r>").into_response();
    }
    if !is_signed(&question) {
        let fault = "<env:Fault><env:Code><env:Subcode><env:Value>ter:NotAuthorized</env:Value></env:Subcode></env:Code></env:Fault>";
        return (StatusCode::BAD_REQUEST, body(fault)).into_response();
    }
    let port = host.rsplit(':').next().unwrap();
    if question.contains("GetCapabilities") {
        // Behind a router it names an address that nobody reaches.
        return body(&format!(
            "<r><tt:Media><tt:XAddr>http://192.0.2.9:{port}/onvif/media</tt:XAddr></tt:Media></r>"
        ))
        .into_response();
    }
    if question.contains("GetProfiles") {
        let profile = |token: &str, codec: &str, width: u16, height: u16| {
            format!(
                "<trt:Profiles token=\"{token}\"><tt:Name>{token} stream</tt:Name><tt:VideoEncoderConfiguration><tt:Encoding>{codec}</tt:Encoding>\
                <tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution><tt:RateControl><tt:FrameRateLimit>25</tt:FrameRateLimit>\
                </tt:RateControl></tt:VideoEncoderConfiguration></trt:Profiles>"
            )
        };
        let both = [
            profile("sub", "JPEG", 640, 360),
            profile("main&amp;1", "H264", 1920, 1080),
        ];
        return body(&both.concat()).into_response();
    }
    let token = between(&question, "trt:ProfileToken").unwrap();
    body(&format!(
        "<r><tt:Uri>rtsp://192.0.2.9:554/{token}?a=1&amp;b=2</tt:Uri></r>"
    ))
    .into_response()
}

async fn camera() -> Url {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let routes = Router::new()
        .route("/onvif/device_service", post(answer))
        .route("/onvif/media", post(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://127.0.0.1:{port}/onvif/device_service")
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_camera_tells_its_streams_to_who_knows_the_password() {
    // As the programs do when they start.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let service = camera().await;
    let ask = async |password: &str| {
        let asked = Asked {
            service: service.clone(),
            username: Some("admin".into()),
            password: Some(Secret::new(password)),
        };
        profiles(&asked, Utc::now()).await
    };
    let told = ask(PASSWORD).await.unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|one| {
            (
                one.name.as_str(),
                one.codec.as_deref(),
                one.width,
                one.url.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "main&1 stream",
                Some("H264"),
                Some(1920),
                "rtsp://127.0.0.1:554/main&1?a=1&b=2"
            ),
            (
                "sub stream",
                Some("JPEG"),
                Some(640),
                "rtsp://127.0.0.1:554/sub?a=1&b=2"
            ),
        ]
    );
    assert_eq!(ask("guess").await, Err(OnvifError::Refused));
    let nobody = Asked {
        service: "http://127.0.0.1:1/onvif/device_service".parse().unwrap(),
        username: None,
        password: None,
    };
    let told = profiles(&nobody, Utc::now()).await;
    assert_eq!(told, Err(OnvifError::Unreachable));
}

#[tokio::test]
async fn a_camera_is_found_by_multicast() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let Some(clip) = shared("video/opencv_vtest_h264.mp4") else {
        return;
    };
    let clips = ["east", "east-sub"].map(|name| format!("{name}={}", clip.display()));
    let arguments = ["--clip", &clips[0], "--clip", &clips[1], "--onvif", "east"];
    let server = RtspServer::start(&arguments).await;
    let found = discover().await;
    // Others may answer too: other servers of this kind, or a demo county on this machine.
    let mut own = Vec::new();
    for one in found
        .into_iter()
        .filter(|one| one.name.as_deref() == Some("east"))
    {
        let asked = Asked {
            service: one.service,
            username: Some(USER.into()),
            password: Some(Secret::new(PASSWORD)),
        };
        if let Ok(streams) = profiles(&asked, Utc::now()).await {
            own.push(streams);
        }
    }
    let urls = |streams: &Vec<Profile>| -> Vec<Url> {
        streams.iter().map(|one| one.url.clone()).collect()
    };
    let wanted = ["east", "east-sub"].map(|name| server.camera(name).url);
    let told = own.iter().filter(|streams| urls(streams) == wanted);
    assert_eq!(told.count(), 1, "{own:?}");
}
