use mingjing_monitor::store::testing::TestDatabase;
use mingjing_monitor::store::{calendars, county, halls, items, sources};

use super::*;

async fn put(
    db: &PgPool,
    subject: Subject,
    name: &str,
    text: &str,
) -> Result<Vec<(&'static str, usize)>, ImportError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    import(db, &Trail::command(), subject, &path).await
}

const HALLS: &str = r#"{
  "county": {"code": "C", "name": "县", "office_hours": ["08:30", "17:00"]},
  "units": [{"code": "U", "name": "单位"}],
  "halls": [
    {"code": "C", "level": "county", "name": "大厅", "windows": [{"no": "1", "unit": "U", "name": "1 号"}]},
    {"code": "T", "parent": "C", "level": "town", "name": "镇", "opening": {"6": ["09:00", "12:00"]}}
  ]
}"#;

#[tokio::test]
async fn a_county_goes_in_twice_and_is_there_once() {
    let test = TestDatabase::new().await;
    let db = test.store.pool();
    for _ in 0..2 {
        let counts = put(db, Subject::Halls, "halls.json", HALLS).await.unwrap();
        assert_eq!(counts, [("units", 1), ("halls", 2), ("windows", 1)]);
    }
    assert_eq!(halls::halls(db, "C").await.unwrap().len(), 2);
    assert_eq!(halls::windows(db, "C").await.unwrap().len(), 1);
    let county = county::county(db).await.unwrap().unwrap();
    assert_eq!(
        (county.office_opens.to_string(), county.trial_run),
        ("08:30:00".into(), false)
    );
    let csv = "code,parent,level,name,opening,window,unit,window_name\nT,C,town,镇,1-5 09:00-17:30,1,U,1 号\nT,C,town,镇,1-5 09:00-17:30,2,新,\n";
    let counts = put(db, Subject::Halls, "halls.csv", csv).await.unwrap();
    assert_eq!(
        counts,
        [("units", 1), ("halls", 1), ("windows", 2)],
        "the unit that was there keeps its name"
    );
    let units = halls::units(db).await.unwrap();
    assert!(
        units
            .iter()
            .any(|unit| unit.code == "U" && unit.name == "单位")
    );
    let item = "code,name,unit,kind,promise,legal\nP,养老金,U,promised,7,20 day\n";
    put(db, Subject::Items, "items.csv", item).await.unwrap();
    let versions = items::versions(db, None).await.unwrap();
    assert_eq!(versions[0].promise.map(|limit| limit.n), Some(7));
    put(
        db,
        Subject::Items,
        "items.json",
        r#"[{"code":"P","name":"养老金","kind":"promised","promise":{"n":5,"unit":"workday"}}]"#,
    )
    .await
    .unwrap();
    assert_eq!(
        items::versions(db, None).await.unwrap()[0]
            .promise
            .map(|limit| limit.n),
        Some(5)
    );
    put(
        db,
        Subject::Cameras,
        "cameras.csv",
        "id,hall,name,windows\ncam,T,东,1;2\n",
    )
    .await
    .unwrap();
    assert_eq!(
        halls::cameras(db, "C").await.unwrap()[0].windows,
        ["1", "2"]
    );
    put(
        db,
        Subject::Calendar,
        "2027.csv",
        "date,kind,notice\n2027-01-01,holiday,n\n2027-01-03,makeup,n\n",
    )
    .await
    .unwrap();
    assert_eq!(calendars::years(db).await.unwrap()[0].makeup.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_line_and_nothing_goes_in() {
    let test = TestDatabase::new().await;
    let db = test.store.pool();
    put(db, Subject::Halls, "halls.json", HALLS).await.unwrap();
    let cases = [
        (
            Subject::Halls,
            "h.json",
            "{\n \"halls\": [\n  {\"code\": \"X\"}\n ]\n}",
            "h.json:3: missing field",
        ),
        (
            Subject::Halls,
            "h.json",
            r#"{"halls":[{"code":"X","parent":"NO","level":"town","name":"x"}]}"#,
            "NO",
        ),
        (
            Subject::Halls,
            "h.csv",
            "code,parent,level,name\nX,C,town,x\nY,C,hamlet,y\n",
            "h.csv:3: ",
        ),
        (
            Subject::Items,
            "i.csv",
            "code,name,kind,promise\nA,a,promised,7\nB,b,promised,soon\n",
            "i.csv:3: promise \"soon\"",
        ),
        (
            Subject::Items,
            "i.json",
            r#"[{"code":"A","name":"a","kind":"promised"},{"code":"B","name":"b","kind":"hasty"}]"#,
            "entry 2 (item B)",
        ),
        (
            Subject::Cameras,
            "c.csv",
            "id,hall,name\nx,NOWHERE,x\n",
            "NOWHERE",
        ),
        (
            Subject::Calendar,
            "y.csv",
            "date,kind\n2027-01-01,holiday\n2027-02-30,holiday\n",
            "y.csv:3: ",
        ),
        (Subject::Items, "i.txt", "", ".json or .csv"),
        (
            Subject::Halls,
            "h.json",
            "{\"halls\": [{\n \"code\": \"X\", \"level\": \"town\", \"name\": \"x\",\n \"opening\": {\"6\": [\"09:00\", \"noon\"]},\n \"windows\": []\n}]}",
            "h.json:3: \"noon\" is not a time of day",
        ),
        (
            Subject::Halls,
            "h.json",
            "{\"halls\": [{\n \"code\": \"X\", \"level\": \"town\", \"name\": \"x\",\n \"opening\": {\n  \"1\": [\"09:00\", \"17:30\"],\n  \"8\": [\"09:00\", \"12:00\"],\n  \"5\": [\"09:00\", \"17:30\"]\n }\n}]}",
            "h.json:5: \"8\" is not a weekday",
        ),
        (
            Subject::Halls,
            "h.json",
            "{\"halls\": [{\n \"code\": \"X\", \"level\": \"town\", \"name\": \"x\",\n \"openings\": {}\n}]}",
            "h.json:3: unknown field `openings`",
        ),
        (
            Subject::Sources,
            "s.csv",
            "id,name,lag_hours\n//a,审批,1\n//b,公安,-1\n",
            "s.csv:3: source \"//b\": give an id, and a lag",
        ),
        (
            Subject::Sources,
            "s.json",
            "[{\"id\": \"//a\"},\n {\"id\": \"//b\", \"lag\": 1}]",
            "s.json:2: unknown field `lag`",
        ),
    ];
    for (subject, name, text, expected) in cases {
        let error = put(db, subject, name, text).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert_eq!(halls::halls(db, "C").await.unwrap().len(), 2);
    assert!(items::versions(db, None).await.unwrap().is_empty());
    assert!(sources::sources(db).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_source_declares_its_lag_and_keeps_what_was_heard_of_it() {
    let test = TestDatabase::new().await;
    let db = test.store.pool();
    let csv = "id,name,lag_hours\n//a,审批,1.5\n//b,,\n";
    let counts = put(db, Subject::Sources, "s.csv", csv).await.unwrap();
    assert_eq!(counts, [("sources", 2)]);
    let mut known = sources::sources(db).await.unwrap();
    let told = |source: &sources::Source| (source.name.clone(), source.lag_seconds);
    assert_eq!(told(&known[0]), ("审批".into(), 5_400));
    assert_eq!(told(&known[1]), ("//b".into(), 0));
    known[0].accepted = 7;
    let mut connection = db.acquire().await.unwrap();
    sources::heard(&mut connection, &[&known[0]]).await.unwrap();
    let json = r#"[{"id": "//a", "name": "审批", "lag_hours": 24}]"#;
    put(db, Subject::Sources, "s.json", json).await.unwrap();
    let known = sources::sources(db).await.unwrap();
    assert_eq!((known[0].lag_seconds, known[0].accepted), (86_400, 7));
}
