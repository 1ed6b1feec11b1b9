use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command as Process, Stdio};

use super::*;

async fn all(spool: &Spool) -> Vec<(Key, Vec<u8>)> {
    spool.peek(None, usize::MAX, usize::MAX).await.unwrap()
}

#[tokio::test]
async fn first_in_is_first_out_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 1000).await.unwrap();
    for entry in [b"one", b"two", b"six"] {
        spool.append(entry.to_vec()).await.unwrap();
    }
    spool.keep("tokens", b"[]".to_vec()).await.unwrap();
    let held = all(&spool).await;
    assert_eq!(
        held.iter().map(|(_, e)| e.as_slice()).collect::<Vec<_>>(),
        [b"one", b"two", b"six"]
    );
    spool.remove(vec![held[0].0, held[0].0, 99]).await.unwrap();
    assert_eq!(
        spool.fill(),
        Fill {
            entries: 2,
            bytes: 6,
            max_bytes: 1000
        }
    );
    let first = spool.peek(None, 10, 1).await.unwrap();
    assert_eq!(first.len(), 1, "the bound on bytes lets one pass");
    assert_eq!(
        spool.peek(Some(first[0].0), 10, 1).await.unwrap()[0].1,
        b"six"
    );
    drop(spool);

    let spool = reopened(dir.path(), 1000).await;
    assert_eq!(
        spool.fill(),
        Fill {
            entries: 2,
            bytes: 6,
            max_bytes: 1000
        }
    );
    assert_eq!(spool.kept("tokens").await.unwrap().unwrap(), b"[]");
    let key = spool.append(b"new".to_vec()).await.unwrap();
    assert!(key > held[2].0, "no key is used twice");
}

/// Opens again once the thread of the handle before has let go of the file.
async fn reopened(dir: &Path, max_bytes: u64) -> Spool {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        match Spool::open(dir, max_bytes).await {
            Ok(spool) => return spool,
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_bound_on_bytes_holds_and_removal_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 10).await.unwrap();
    let key = spool.append(vec![0; 6]).await.unwrap();
    assert_eq!(
        spool.append(vec![0; 5]).await,
        Err(SpoolError::Full { max_bytes: 10 })
    );
    spool.append(vec![0; 4]).await.unwrap();
    spool.remove(vec![key]).await.unwrap();
    spool.append(vec![0; 6]).await.unwrap();
    assert_eq!(spool.fill().bytes, 10);
}

#[tokio::test]
async fn what_cannot_be_opened_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Spool::open(file.path(), 10).await.unwrap_err();
    assert!(error.to_string().contains("spool.redb"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("spool.redb"), b"not a database").unwrap();
    assert!(matches!(
        Spool::open(dir.path(), 10).await,
        Err(SpoolError::Open { .. })
    ));
}

const CHILD: &str = "MINGJING_TEST_SPOOL_CHILD";

/// A process that appends from several tasks, and writes a number to its output once its entry is acknowledged, is killed
/// at random moments: every number that it wrote is in the spool.
#[test]
fn what_was_acknowledged_survives_kill_9() {
    if let Ok(dir) = std::env::var(CHILD) {
        append_for_ever(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = HashSet::new();
    for round in 0..12 {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "spool::tests::what_was_acknowledged_survives_kill_9",
                "--nocapture",
            ])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let number = |line: String| line.strip_prefix("ack ").map(|n| n.parse::<u64>().unwrap());
        let wanted = rand::random_range(1..200);
        let mut seen = 0;
        while seen < wanted {
            let line = lines
                .next()
                .expect("the child goes on until it is killed")
                .unwrap();
            if let Some(n) = number(line) {
                acknowledged.insert((round, n));
                seen += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it wrote before it died, the last line perhaps cut short.
        let rest: Vec<_> = lines.map_while(Result::ok).collect();
        let whole = rest.len().saturating_sub(1);
        acknowledged.extend(
            rest.into_iter()
                .take(whole)
                .filter_map(number)
                .map(|n| (round, n)),
        );
        std::fs::write(dir.path().join("round"), (round + 1).to_string()).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let spool = Spool::open(dir.path(), u64::MAX).await.unwrap();
        let held = all(&spool).await;
        assert_eq!(spool.fill().entries, held.len() as u64);
        assert_eq!(
            spool.fill().bytes,
            held.iter().map(|(_, e)| e.len() as u64).sum::<u64>()
        );
        let held: HashSet<(i32, u64)> = held
            .iter()
            .map(|(_, entry)| serde_json::from_slice(entry).unwrap())
            .collect();
        assert!(acknowledged.len() >= 12);
        assert!(
            acknowledged.is_subset(&held),
            "{:?}",
            acknowledged.difference(&held)
        );
    });
}

fn append_for_ever(dir: &Path) -> ! {
    let round: i32 =
        std::fs::read_to_string(dir.join("round")).map_or(0, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let spool = Spool::open(dir, u64::MAX).await.unwrap();
        let counter = Arc::new(AtomicU64::new(0));
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (spool, counter) = (spool.clone(), Arc::clone(&counter));
                tokio::spawn(async move {
                    loop {
                        let n = counter.fetch_add(1, Ordering::Relaxed);
                        spool
                            .append(serde_json::to_vec(&(round, n)).unwrap())
                            .await
                            .unwrap();
                        let line = format!("ack {n}\n");
                        if std::io::stdout().write_all(line.as_bytes()).is_err() {
                            std::process::exit(0);
                        }
                    }
                })
            })
            .collect();
        futures::future::join_all(tasks).await;
    });
    unreachable!("the tasks never end")
}

#[tokio::test]
async fn only_an_append_is_announced() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 1000).await.unwrap();
    let mut appended = spool.appended();
    spool.append(b"one".to_vec()).await.unwrap();
    // A command is answered before it is announced, but not before the one before it was.
    let held = all(&spool).await;
    all(&spool).await;
    appended.borrow_and_update();
    spool.remove(vec![held[0].0]).await.unwrap();
    all(&spool).await;
    assert!(all(&spool).await.is_empty());
    assert!(
        !appended.has_changed().unwrap(),
        "whoever reads on each notice would never rest"
    );
}
