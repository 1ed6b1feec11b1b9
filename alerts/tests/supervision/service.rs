//! Village points are scored by their service: a month computed by hand, what comes late, twice or corrected, and what nobody gains by.

use mingjing_alerts::performance::Month;
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::org::{Hall, Level};
use mingjing_monitor::score::{Part, Points, Reason, rank};
use mingjing_monitor::store::{halls, rollups, service};
use serde_json::{Value, json};

use crate::common::{Sent, World, at, event, snapshot};

/// The opening days of the first eleven days of September 2026.
const DAYS: [u32; 9] = [1, 2, 3, 4, 7, 8, 9, 10, 11];

/// An event of a village on a day of September 2026, at a time of day.
fn told(hall: &str, kind: &str, day: u32, time: &str, mut data: Value) -> CaseEvent {
    data["hall"] = json!(hall);
    let time = format!("2026-09-{day:02} {time}");
    event(&format!("{hall}-{kind}-{time}"), kind, "", &time, data)
}

fn opened(hall: &str, day: u32, time: &str) -> CaseEvent {
    told(hall, "hall.opened", day, time, json!({}))
}

fn closed(hall: &str, day: u32, time: &str) -> CaseEvent {
    told(hall, "hall.closed", day, time, json!({}))
}

/// The terminal has been up since this time of day.
fn up(hall: &str, day: u32, since: &str, until: &str) -> CaseEvent {
    let since = at(&format!("2026-09-{day:02} {since}"));
    told(
        hall,
        "terminal.heartbeat",
        day,
        until,
        json!({"terminal": "1", "up_since": since}),
    )
}

fn assisted(hall: &str, day: u32, time: &str, who: &str) -> CaseEvent {
    let applicant = json!({"kind": "query", "channel": "terminal", "applicant": {"id_hash": who}});
    told(hall, "service.assisted", day, time, applicant)
}

/// An honest day, on which one person came, if anybody.
fn honest(hall: &str, day: u32, came: bool) -> Vec<CaseEvent> {
    let mut events = vec![
        opened(hall, day, "09:00"),
        up(hall, day, "09:00", "17:30"),
        closed(hall, day, "17:30"),
    ];
    events.extend(came.then(|| assisted(hall, day, "10:00", &format!("p{day}"))));
    events
}

/// A county with the villages V1 and V2.
async fn villages() -> World {
    let mut world = World::new("2026-09-01 08:00").await;
    let second = Hall {
        code: "V2".into(),
        parent: Some("T2".into()),
        level: Level::Village,
        name: "二村政务查询点".into(),
        name_en: "V2".into(),
        opening: Default::default(),
    };
    let mut connection = world.pool().acquire().await.unwrap();
    halls::upsert_halls(&mut connection, &[second])
        .await
        .unwrap();
    drop(connection);
    world
        .supervisor
        .reload(at("2026-09-01 08:00"))
        .await
        .unwrap();
    world
}

impl World {
    /// Each when it was received.
    async fn tell(&mut self, mut events: Vec<CaseEvent>) {
        events.sort_by_key(|event| event.received);
        for batch in events.chunk_by(|one, other| one.received == other.received) {
            let now = batch[0].received;
            let applied = self
                .supervisor
                .apply_batch(batch.to_vec(), false, now)
                .await;
            assert_eq!(applied.unwrap().outcome.rejected, []);
        }
    }

    /// The villages in September, as of its eleventh in the evening.
    async fn september(&self) -> Month {
        let grounds = self.supervisor.reference().grounds(at("2026-09-11 18:00"));
        let first = "2026-09-01".parse().unwrap();
        grounds
            .month(&self.pool(), Level::Village, first)
            .await
            .unwrap()
    }
}

fn points(month: &Month, hall: &str, part: Part) -> Option<Points> {
    let parts = &month.subjects[hall].sheet.parts;
    parts.iter().find(|one| one.part == part).unwrap().points
}

/// Open all the time but for a morning, its terminal down for a day, somebody helped on seven of nine days, a complaint answered.
fn by_hand() -> Vec<CaseEvent> {
    let mut events: Vec<CaseEvent> = Vec::new();
    for day in DAYS {
        let mut of_day = honest("V1", day, day < 10);
        match day {
            // 09:00 to 13:15: 255 of 510 minutes.
            11 => of_day[0] = opened("V1", day, "13:15"),
            7 => drop(of_day.remove(1)),
            _ => {}
        }
        events.extend(of_day);
    }
    let complaint = |kind: &str, time: &str| {
        event(
            &format!("K-{kind}"),
            kind,
            "K",
            time,
            json!({"hall": "V1", "kind": "irregularity"}),
        )
    };
    events.extend([
        complaint("complaint.received", "2026-08-24 10:00"),
        complaint("complaint.accepted", "2026-08-24 11:00"),
        complaint("complaint.replied", "2026-09-02 10:00"),
    ]);
    events
}

#[tokio::test]
async fn a_month_of_service_comes_to_what_it_does_by_hand() {
    let mut world = villages().await;
    world.tell(by_hand()).await;
    let month = world.september().await;
    // Nine days of 510 minutes are 4590. 255 missing take 5.56 % of 30, 510 a ninth of 20; seven of nine queries are 15.56 of 20.
    let hundredths = |points| Some(Points::hundredths(points));
    assert_eq!(points(&month, "V1", Part::Opening), hundredths(2_833));
    assert_eq!(points(&month, "V1", Part::Terminal), hundredths(1_778));
    assert_eq!(points(&month, "V1", Part::Assistance), hundredths(1_556));
    assert_eq!(points(&month, "V1", Part::Answers), hundredths(2_000));
    assert_eq!(points(&month, "V1", Part::Cases), None);
    // 81.67 of the 90 that are judged.
    let figures = &month.subjects["V1"].figures;
    assert_eq!(figures.score, hundredths(9_074));
    assert_eq!((figures.services(), month.ranked_from), (7, 10));
    let standings = rank(&month.entries(), &[], month.ranked_from);
    assert!(standings.iter().all(|standing| standing.rank.is_none()));
    // The other tells nothing, and is not judged.
    assert_eq!(month.subjects["V2"].figures.score, None);

    // A town of the same county goes on by the nine parts.
    let grounds = world.supervisor.reference().grounds(at("2026-09-11 18:00"));
    let first = "2026-09-01".parse().unwrap();
    let towns = grounds
        .month(&world.pool(), Level::Town, first)
        .await
        .unwrap();
    assert_eq!(towns.subjects["T1"].sheet.parts.len(), 9);
}

#[tokio::test]
async fn neither_order_nor_grouping_nor_repetition_matters_and_a_rebuild_counts_the_same() {
    let mut world = villages().await;
    // Told wrongly, and corrected on the next day; and an afternoon that was told of another day.
    let wrong = opened("V1", 8, "08:30");
    let mut right = opened("V1", 8, "09:00").received("2026-09-09 08:00");
    right.id = "right".into();
    right.replaces = Some(wrong.id.clone());
    let mut stray = closed("V1", 5, "12:00");
    stray.id = "stray".into();
    let mut mended = closed("V1", 4, "17:00").received("2026-09-05 12:30");
    mended.replaces = Some("stray".into());
    let mut events = by_hand();
    events.extend([wrong, right, stray, mended]);
    world.tell(events.clone()).await;
    let one_by_one = snapshot(&world.pool()).await;

    let mut other = villages().await;
    let now = at("2026-09-11 17:45");
    events.reverse();
    events.extend(by_hand());
    // An id counts once in a batch; the rest comes as duplicates.
    for batch in events.chunks(7) {
        other
            .supervisor
            .apply_batch(batch.to_vec(), false, now)
            .await
            .unwrap();
    }
    let together = snapshot(&other.pool()).await;
    assert_eq!(one_by_one["service"], together["service"]);
    assert!(!together["service"].is_empty());

    sqlx::query("UPDATE service_day SET open = '{}', told = 99")
        .execute(&world.pool())
        .await
        .unwrap();
    sqlx::query("INSERT INTO service_day SELECT '2026-09-06', hall, open, up, assisted_at, assisted, told FROM service_day LIMIT 1")
        .execute(&world.pool())
        .await
        .unwrap();
    rollups::rebuild(&world.pool(), chrono_tz::Asia::Shanghai)
        .await
        .unwrap();
    let mut connection = world.pool().acquire().await.unwrap();
    service::rebuild(&mut connection, chrono_tz::Asia::Shanghai)
        .await
        .unwrap();
    assert_eq!(
        snapshot(&world.pool()).await["service"],
        one_by_one["service"]
    );
}

#[tokio::test]
async fn a_complaint_that_nobody_answers_weighs_in_every_further_month() {
    let mut world = villages().await;
    let complaint = |no: &str, kind: &str, time: &str| {
        event(
            &format!("{no}-{kind}"),
            kind,
            no,
            time,
            json!({"hall": "V1", "kind": "irregularity"}),
        )
    };
    let mut events = vec![
        complaint("K1", "complaint.received", "2026-08-03 10:00"),
        complaint("K1", "complaint.accepted", "2026-08-03 11:00"),
        complaint("K2", "complaint.received", "2026-08-24 10:00"),
        complaint("K2", "complaint.accepted", "2026-08-24 11:00"),
        complaint("K2", "complaint.replied", "2026-09-02 10:00"),
    ];
    events.extend(DAYS.into_iter().flat_map(|day| honest("V1", day, true)));
    world.tell(events).await;
    let month = world.september().await;
    // K1 was due in August: of two answers one is missing.
    assert_eq!(points(&month, "V1", Part::Answers), Some(Points::whole(10)));
    let lines = &month.subjects["V1"].sheet.parts[3].lines;
    let again = Reason::LateAnswer {
        no: "K1".into(),
        again: true,
    };
    assert_eq!(lines[0].reason, again);
}

/// The scores of both villages, of which V1 is honest and V2 tries something.
async fn with(tried: impl FnOnce(Vec<CaseEvent>) -> Vec<CaseEvent>) -> (Points, Points) {
    let mut world = villages().await;
    let came = |day| day < 10;
    let mut events: Vec<CaseEvent> = DAYS
        .into_iter()
        .flat_map(|day| honest("V1", day, came(day)))
        .collect();
    let theirs = DAYS
        .into_iter()
        .flat_map(|day| honest("V2", day, came(day)));
    events.extend(tried(theirs.collect()));
    world.tell(events).await;
    let month = world.september().await;
    let score = |hall: &str| month.subjects[hall].figures.score.unwrap();
    (score("V1"), score("V2"))
}

fn is(event: &CaseEvent, kind: &str) -> bool {
    event.kind.type_name() == kind
}

#[tokio::test]
async fn one_query_told_a_thousand_times_wins_nothing() {
    let (one, two) = with(|mut events| {
        for n in 0..1_000_usize {
            // The one who came, people who never did, and nobody in particular.
            let mut again = match n % 3 {
                0 => assisted("V2", 1, "11:00", "p1"),
                1 => assisted("V2", 1, "11:00", &format!("invented {n}")),
                _ => told(
                    "V2",
                    "service.assisted",
                    1,
                    "11:00",
                    json!({"kind": "query"}),
                ),
            };
            again.id = format!("V2-again-{n}");
            events.push(again);
        }
        events
    })
    .await;
    assert_eq!(one, two);
    assert!(one < Points::whole(100), "nobody came on two days: {one}");
}

#[tokio::test]
async fn one_person_on_every_day_wins_little() {
    let (one, two) = with(|events| {
        let mut events: Vec<_> = events
            .into_iter()
            .filter(|event| !is(event, "service.assisted"))
            .collect();
        events.extend(DAYS.map(|day| assisted("V2", day, "11:00", "the clerk's own")));
        events
    })
    .await;
    assert!(two < one, "{two} and {one}");
}

#[tokio::test]
async fn a_terminal_that_runs_at_night_alone_wins_nothing() {
    let (one, two) = with(|events| {
        let by_day = events
            .into_iter()
            .filter(|event| !is(event, "terminal.heartbeat"));
        let at_night = DAYS.into_iter().flat_map(|day| {
            [
                up("V2", day, "00:00", "08:40"),
                up("V2", day, "17:30", "23:59"),
            ]
        });
        by_day.chain(at_night).collect()
    })
    .await;
    assert!(two + Points::whole(19) < one, "{two} and {one}");
}

#[tokio::test]
async fn a_point_that_never_opens_or_opens_by_word_alone_wins_nothing() {
    // Its terminal runs and it tells of queries; it opened on the first day alone.
    let (one, two) = with(|events| {
        let opens = |event: &CaseEvent| is(event, "hall.opened") && !event.id.contains("09-01");
        events.into_iter().filter(|event| !opens(event)).collect()
    })
    .await;
    assert!(two + Points::whole(30) < one, "{two} and {one}");
    // The closing told with the opening, before it was: it counts until the last query, at 10:00.
    let (one, ahead) = with(|events| {
        let told_at_once = |mut event: CaseEvent| {
            if is(&event, "hall.closed") {
                event.received = event.time - chrono::TimeDelta::hours(8);
            }
            event
        };
        events.into_iter().map(told_at_once).collect()
    })
    .await;
    assert!(ahead + Points::whole(20) < one, "{ahead} and {one}");
    // All of it but the first day told when the days are long over.
    let (one, backdated) = with(|events| {
        let late = |event: CaseEvent| match event.time < at("2026-09-02 00:00") {
            true => event,
            false => event.received("2026-09-11 17:40"),
        };
        events.into_iter().map(late).collect()
    })
    .await;
    assert!(backdated + Points::whole(50) < one, "{backdated} and {one}");
}

#[tokio::test]
async fn a_point_that_falls_silent_is_not_left_out() {
    let (one, two) = with(|events| {
        let early = |event: &CaseEvent| event.time < at("2026-09-02 00:00");
        events.into_iter().filter(early).collect()
    })
    .await;
    assert!(two + Points::whole(50) < one, "{two} and {one}");
}
