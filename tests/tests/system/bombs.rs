//! Logs and files that are made to hurt, given to the real program: it ends soon, in little memory, with exit code 1 and a message
//! that says where. A log reaches a console by `mingjing replay` alone, which reads it before anything is posted; what is sent to the
//! console compressed is refused there (`dashboard/tests/console/refusals.rs`).

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use mingjing_monitor::store::testing::TestDatabase;
use mingjing_tests::stage::{program, project};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

/// What the program may have of memory, in KiB. A log of 600,000 events takes half of it.
const MEMORY: u32 = 512 << 10;
/// Longer than any of it takes, and nothing against what the bombs would.
const PATIENCE: Duration = Duration::from_secs(120);

fn gzip(pieces: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut coder = GzEncoder::new(Vec::new(), Compression::best());
    pieces.for_each(|piece| coder.write_all(&piece).unwrap());
    coder.finish().unwrap()
}

/// Nothing listens there: what gets as far as a database is told apart.
const NO_DATABASE: &str = "postgres://127.0.0.1:9/none";

/// Runs `mingjing` within [`MEMORY`]; exit code, and everything that it said.
async fn run(database: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let limited = format!("ulimit -d {MEMORY}; exec \"$@\"");
    let running = Command::new("sh")
        .args(["-c", &limited, "sh"])
        .arg(program("mingjing"))
        .args(arguments)
        .env("DATABASE_URL", database)
        .env("MINGJING_TOKEN", "none")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, running).await.expect("it ends").unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// Both ways that a log takes: into a scratch database, and into a console.
async fn refused(name: &str, content: &[u8], wanted: &[&str]) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join(name);
    std::fs::write(&file, content).unwrap();
    let map = project().join("deploy/mappings/receipt.toml");
    let (file, map) = (file.to_string_lossy(), map.to_string_lossy());
    for into in [&[][..], &["--into", "http://127.0.0.1:9"]] {
        let all = [&["replay", &file, "--map", &map], into].concat();
        let (code, said) = run(NO_DATABASE, &all).await;
        assert_eq!(code, Some(1), "{name}: {said}");
        for wanted in wanted.iter().chain([&name]) {
            assert!(said.contains(wanted), "{name}: no {wanted:?} in {said}");
        }
        assert!(!said.contains("root:"), "{name}: {said}");
    }
}

const START: &str =
    "<?xml version='1.0'?>\n<log>\n<trace><string key='concept:name' value='A-1'/>\n";

#[tokio::test]
async fn a_gzip_that_expands_without_end() {
    // Nothing but zeros: one member of 64 MiB, sixty-four times.
    let zeros = gzip((0..64).map(|_| vec![0; 1 << 20]));
    let wanted = ["line 1", "larger than 16777216 bytes"];
    refused("zeros.xes.gz", &zeros.repeat(64), &wanted).await;
    // One value that never ends.
    let begun = [b"<log><trace><string key='concept:name' value='".to_vec()];
    let wide = gzip(
        begun
            .into_iter()
            .chain((0..40).map(|_| vec![b'x'; 1 << 20])),
    );
    refused("wide.xes.gz", &wide, &wanted).await;
    // Sound events, of which there are too many in too few bytes.
    let event = "<event><string key='concept:name' value='x'/><date key='time:timestamp' value='2011-01-01T00:00:00Z'/></event>\n";
    let many = event.repeat(20_000).into_bytes();
    let begun = [START.as_bytes().to_vec()];
    let events = gzip(begun.into_iter().chain((0..100).map(|_| many.clone())));
    let wanted = ["line ", "the gzip expands more than 200 times"];
    refused("events.xes.gz", &events, &wanted).await;
}

#[tokio::test]
async fn entities_that_expand_or_read_files() {
    let tenfold = |n: u32| {
        format!(
            "<!ENTITY a{n} \"{}\">\n",
            format!("&a{};", n - 1).repeat(10)
        )
    };
    let laughs: String = (1..10).map(tenfold).collect();
    let use_of = |entity: &str| {
        format!("<log><trace><string key='concept:name' value='&{entity};'/></trace></log>")
    };
    let laughs = format!(
        "<?xml version='1.0'?>\n<!DOCTYPE log [\n<!ENTITY a0 \"ha\">\n{laughs}]>\n{}",
        use_of("a9")
    );
    refused("laughs.xes", laughs.as_bytes(), &["line 13", "<!DOCTYPE>"]).await;
    for (name, outside) in [
        ("file.xes", "<!ENTITY x SYSTEM \"file:///etc/passwd\">"),
        ("net.xes", "<!ENTITY x SYSTEM \"http://127.0.0.1:9/x\">"),
        (
            "parameter.xes",
            "<!ENTITY % x SYSTEM \"file:///etc/passwd\"> %x;",
        ),
    ] {
        let xxe = format!(
            "<?xml version='1.0'?>\n<!DOCTYPE log [{outside}]>\n{}",
            use_of("x")
        );
        refused(name, xxe.as_bytes(), &["line 2", "<!DOCTYPE>"]).await;
    }
}

#[tokio::test]
async fn nesting_without_end() {
    let deep = format!("<log>\n{}", "<list key='a'>".repeat(1_000_000));
    refused("deep.xes", deep.as_bytes(), &["line 2", "deeper than 64"]).await;
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("halls.json");
    std::fs::write(&file, format!("{{\"halls\": {}", "[".repeat(1_000_000))).unwrap();
    let database = TestDatabase::new().await;
    for subject in ["halls", "items", "cameras"] {
        let (code, said) = run(&database.url, &["import", subject, &file.to_string_lossy()]).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("halls.json"), "{said}");
    }
}
