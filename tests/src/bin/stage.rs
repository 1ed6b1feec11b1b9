//! The console of the browser tests, with an edge of its own process and a camera server, kept up until standard input is
//! closed.
//!
//! The console's own ingest carries the cameras `steady` over window 1 and `clock` over window 3 of the county's hall, the edge all others. Prints one line of JSON when all is ready
//! (addresses, accounts, token, names); then obeys lines on standard input, each answered with `ok`: `kill` and `start` (the
//! console), `sso ISSUER` (starts it anew with this provider), `edge kill` and `edge start`, `uplink whole|dead|cut` (the edge's network), `camera
//! stop|start|cover|uncover NAME`, `lapse card|order ID` (its answer is overdue, as if the time had passed).

use std::process::ExitCode;

use mingjing_tests::county::{COUNTY, ITEM, TOWN_1, TOWN_2, UNIT};
use mingjing_tests::edge::Edge;
use mingjing_tests::proxy::Wire;
use mingjing_tests::rtsp::{PASSWORD, Rtsp, USER};
use mingjing_tests::shared_data;
use mingjing_tests::stage::{ACCOUNT_PASSWORD, Stage, StageCamera};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

/// Cameras for a wall of pictures.
const WALL: usize = 16;
/// Each clip is played this many times more: longer than an hour, which a wall is watched for.
const TIMES: &str = "50";

/// Two minutes of a test picture with a tone: the mount `sounding`, which no camera of the stage uses.
fn sounding() -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".mp4").tempfile();
    let file = file.expect("a file for the clip");
    let [picture, tone] = [
        "testsrc=size=320x240:rate=10:duration=120",
        "sine=frequency=440:sample_rate=16000:duration=120",
    ];
    let made = std::process::Command::new("ffmpeg")
        .args([
            "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", picture,
        ])
        .args(["-f", "lavfi", "-i", tone, "-c:v", "libx264", "-g", "10"])
        .args(["-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"])
        .arg(file.path())
        .status();
    assert!(
        made.is_ok_and(|status| status.success()),
        "ffmpeg makes a clip: run scripts/setup test"
    );
    file
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(clip) = shared_data("video/opencv_vtest_h264.mp4") else {
        return ExitCode::FAILURE;
    };
    let Some(small) = shared_data("video/intel_one-by-one-person-detection.mp4") else {
        return ExitCode::FAILURE;
    };
    let (clip, small) = (clip.to_string_lossy(), small.to_string_lossy());
    let mut arguments = vec!["--loop".to_owned(), TIMES.to_owned()];
    for name in ["steady", "failing"] {
        arguments.extend(["--clip".to_owned(), format!("{name}={clip}")]);
    }
    arguments.extend(["--onvif".to_owned(), "steady".to_owned()]);
    arguments.extend(["--garbage".to_owned(), "garbage".to_owned()]);
    arguments.extend(["--no-key-frame".to_owned(), format!("headless={clip}")]);
    arguments.extend(["--clock".to_owned(), "clock".to_owned()]);
    // Nobody's yet: a mount each, because GStreamer's server dies of two that begin the same one at once.
    for n in 1..=WALL {
        arguments.extend(["--clip".to_owned(), format!("wall-{n}={clip}")]);
        arguments.extend(["--clip".to_owned(), format!("wall-{n}-sub={small}")]);
    }
    let sounding = sounding();
    let file = sounding.path().display();
    arguments.extend(["--aac".to_owned(), format!("sounding={file}")]);
    let mut rtsp = Rtsp::start(&arguments).await;
    let mut wrong = StageCamera::new("locked", TOWN_2, rtsp.url("steady"));
    wrong.password = "not this one".into();
    let clock = StageCamera {
        windows: vec!["3".into()],
        ..StageCamera::new("clock", COUNTY, rtsp.url("clock"))
    };
    let steady = StageCamera::new("steady", COUNTY, rtsp.url("steady"));
    let mut stage = Stage::new(&[steady, clock]).await;
    let cameras = [
        StageCamera::new("far", TOWN_1, rtsp.url("steady")),
        StageCamera::new("failing", TOWN_1, rtsp.url("failing")),
        StageCamera::new("garbage", TOWN_1, rtsp.url("garbage")),
        StageCamera::new("headless", TOWN_1, rtsp.url("headless")),
        wrong,
        StageCamera::new(
            "nowhere",
            TOWN_2,
            "rtsp://no-such-host.invalid/stream".into(),
        ),
    ];
    let mut edge = Edge::start(&stage, "town", &cameras).await;
    stage.account("inspector", "inspector", COUNTY).await;
    stage.account("inspector2", "inspector", COUNTY).await;
    stage.account("leader", "leader", COUNTY).await;
    stage.account("manager", "hall_manager", TOWN_1).await;
    stage.account("commission", "commission", COUNTY).await;
    let mut second_factors = json!({});
    for role in ["inspector", "inspector2", "sysadmin", "secadmin", "auditor"] {
        if !role.starts_with("inspector") {
            stage.account(role, role, COUNTY).await;
        }
        second_factors[role] = stage.second_factor(role).await.into();
    }
    // For what happens at a first sign-in: a one-time password, and a role that needs a second factor.
    let newcomer = stage
        .run(
            &[
                "user",
                "add",
                "newcomer",
                "--role",
                "inspector",
                "--hall",
                COUNTY,
                "--json",
            ],
            "",
        )
        .await;
    let newcomer: Value = serde_json::from_str(&newcomer).expect("--json prints JSON");
    let token = stage.token(&["--role", "source"]).await;
    println!(
        "{}",
        json!({
            "url": stage.url, "edge": edge.url, "password": ACCOUNT_PASSWORD, "secondFactors": second_factors,
            "oneTimePassword": newcomer["password"], "token": token,
            "camera": {"url": rtsp.url("steady"), "username": USER, "password": PASSWORD},
            "wall": (1..=WALL).map(|n| json!({"url": rtsp.url(&format!("wall-{n}")), "sub_url": rtsp.url(&format!("wall-{n}-sub"))})).collect::<Vec<_>>(),
            "county": COUNTY, "town1": TOWN_1, "town2": TOWN_2, "unit": UNIT, "item": ITEM,
        })
    );
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["kill"] => stage.kill().await,
            ["start"] => stage.start().await,
            ["sso", issuer] => stage.sign_on_at(issuer).await,
            ["edge", "kill"] => edge.kill().await,
            ["edge", "start"] => edge.run().await,
            ["uplink", "whole"] => edge.uplink.set(Wire::Whole),
            ["uplink", "dead"] => edge.uplink.set(Wire::Dead),
            ["uplink", "cut"] => edge.uplink.set(Wire::Cut),
            ["lapse", kind, id] => {
                let id = id.parse().expect("the number of a card or order");
                stage.lapse(kind, id).await;
            }
            ["camera", command, name] => drop(rtsp.say(&format!("{command} {name}")).await),
            _ => {
                eprintln!("stage: {line:?} is no command");
                return ExitCode::FAILURE;
            }
        }
        println!("ok");
    }
    ExitCode::SUCCESS
}
