//! Files, from the pictures in to the index after a crash.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use mp4_atom::{Any, Decode as _};

use super::archive::Archive;
use super::boxes;
use super::clip::{Clip, ClipError};
use super::index::{Gap, Mark, Pinned, Reason, Span};
use super::writer::{Step, Writer};
use super::{DiskState, Recorder, Rules, Schedule};
use crate::fragment::audio::LEAD;
use crate::fragment::{self, TIMESCALE, Times};
use crate::media::{Fragment, InitSegment};

/// A camera with a picture every 100 ms and a key frame a second, on a time line that is hours old.
struct Source {
    next: u64,
    begun: DateTime<Utc>,
    /// Milliseconds between two pictures.
    millis: i64,
    init: Arc<InitSegment>,
}

impl Source {
    fn new(begun: &str) -> Self {
        Self {
            next: 0,
            begun: begun.parse().unwrap(),
            millis: 100,
            init: init("avc1.a"),
        }
    }

    fn pictures(&mut self, count: u64) -> Vec<Step> {
        (0..count).map(|_| self.picture()).collect()
    }

    fn picture(&mut self) -> Step {
        let (sequence, tick) = (self.next, i64::from(TIMESCALE) * self.millis / 1_000);
        self.next += 1;
        let decode = 1_000_000_000 + sequence as i64 * tick;
        let times = Times {
            decode,
            duration: tick,
            presentation: decode + 2 * tick,
        };
        let captured_at = self.begun + TimeDelta::milliseconds(self.millis * sequence as i64);
        let key = sequence.is_multiple_of(10);
        let picture = sequence.to_be_bytes().repeat(50);
        let bytes = fragment::boxed(sequence, times, key, captured_at, &picture);
        Step::Picture(
            Arc::clone(&self.init),
            Fragment {
                bytes,
                audio: Bytes::new(),
                key,
                captured_at,
                sequence,
            },
        )
    }

    fn at(&self, picture: u64) -> DateTime<Utc> {
        self.begun + TimeDelta::milliseconds(self.millis * picture as i64)
    }
}

fn init(codec: &str) -> Arc<InitSegment> {
    let brand = codec.as_bytes();
    let boxed = |kind: &[u8], body: &[u8]| {
        [&(8 + body.len() as u32).to_be_bytes()[..], kind, body].concat()
    };
    let segment = Bytes::from([boxed(b"ftyp", brand), boxed(b"moov", brand)].concat());
    Arc::new(InitSegment {
        codec: codec.into(),
        width: 16,
        height: 16,
        segment,
        with_audio: None,
    })
}

fn archive(dir: &tempfile::TempDir) -> Arc<Archive> {
    Arc::new(Archive::open(dir.path().join("cam")).unwrap())
}

fn files(archive: &Archive) -> Vec<PathBuf> {
    archive.read(|index| index.segments().map(|it| archive.path(it)).collect())
}

fn told(archive: &Archive, from: DateTime<Utc>, to: DateTime<Utc>) -> (Vec<Span>, Vec<Gap>) {
    archive.read(|index| index.spans(from, to, to))
}

#[test]
fn files_of_a_minute_begin_with_a_key_frame_and_tell_their_length() {
    let (dir, mut source) = (
        tempfile::tempdir().unwrap(),
        Source::new("2026-11-20T01:00:05.020Z"),
    );
    let archive = archive(&dir);
    let mut writer = Writer::new(Arc::clone(&archive), 10_000);
    // A viewer that comes in the middle of a group of pictures.
    let late: Vec<Step> = source.pictures(3).split_off(1);
    writer.write(late).unwrap();
    assert!(!writer.is_open());
    for _ in 0..13 {
        writer.write(source.pictures(100)).unwrap();
    }
    let segments = archive.read(|index| index.segments().copied().collect::<Vec<_>>());
    let told = segments.iter().map(|it| (it.start, it.millis, it.finished));
    // Cut at 10 s past the minute, at the first key frame then.
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (source.at(10), 4_000, true),
            (source.at(50), 60_000, true),
            (source.at(650), 60_000, true),
            (source.at(1_250), 5_300, false)
        ]
    );
    assert_eq!(writer.until(), Some(source.at(1_303)));
    for segment in &segments {
        let path = archive.path(segment);
        let file = fs::File::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), segment.bytes);
        let contents = boxes::walk(&file).unwrap();
        assert_eq!(contents.ticks, u64::from(segment.millis) * 90);
        assert_eq!(
            (contents.keys[0].decode, contents.keys[0].offset),
            (0, contents.init)
        );
        let table = boxes::read_table(&file).unwrap();
        assert_eq!(
            table,
            segment.finished.then_some(boxes::Keys {
                keys: contents.keys,
                end: contents.end,
                lead: 0,
            }),
            "{path:?}"
        );
    }
}

#[test]
fn a_crash_costs_only_what_was_not_written_whole() {
    let (dir, mut source) = (
        tempfile::tempdir().unwrap(),
        Source::new("2026-11-20T01:00:05Z"),
    );
    let first = archive(&dir);
    let mut writer = Writer::new(Arc::clone(&first), 0);
    writer.write(source.pictures(36)).unwrap();
    let path = files(&first).remove(0);
    // The process is gone; the last picture was written in half.
    std::mem::forget(writer);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(file.metadata().unwrap().len() - 17).unwrap();
    drop(first);

    let again = archive(&dir);
    let segment = again
        .read(|index| index.segments().next().copied())
        .unwrap();
    assert_eq!(
        (segment.start, segment.millis, segment.finished),
        (source.at(0), 3_500, true)
    );
    let adopted = files(&again).remove(0);
    assert!(
        !path.exists()
            && adopted.ends_with(
                "20261120T010005.000Z-".to_owned()
                    + &format!("{:08x}-3500.mp4", segment.parameters)
            )
    );
    let boxes::Keys { keys, .. } = boxes::read_table(&fs::File::open(&adopted).unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(keys.len(), 4);
    // Recording goes on; nobody recorded in between, and that is said.
    source.next = 100;
    let mut writer = Writer::new(Arc::clone(&again), 0);
    writer.write(source.pictures(20)).unwrap();
    let (spans, gaps) = told(&again, source.at(0), source.at(120));
    assert_eq!(
        spans.iter().map(|it| (it.from, it.to)).collect::<Vec<_>>(),
        [
            (source.at(0), source.at(35)),
            (source.at(100), source.at(120))
        ]
    );
    assert_eq!(
        gaps,
        [Gap {
            from: source.at(35),
            to: source.at(100),
            reason: Reason::Stopped,
            detail: None
        }]
    );
}

#[test]
fn a_file_without_a_whole_picture_is_put_aside_and_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    let day = dir.path().join("cam/2026-11-20");
    fs::create_dir_all(&day).unwrap();
    let torn = day.join("20261120T010005.000Z-00000001.mp4");
    fs::write(&torn, b"\0\0\0\x0cftypiso6\0\0\0\x10moov").unwrap();
    fs::write(day.join("notes.txt"), b"of somebody").unwrap();
    let archive = archive(&dir);
    assert_eq!(archive.read(|index| index.segments().count()), 0);
    assert!(!torn.exists() && torn.with_extension("unreadable").exists());
    assert!(day.join("notes.txt").exists());
}

#[test]
fn gaps_are_named_and_lost_pictures_too() {
    let (dir, mut source) = (
        tempfile::tempdir().unwrap(),
        Source::new("2026-11-20T01:00:00Z"),
    );
    let archive = archive(&dir);
    let mut writer = Writer::new(Arc::clone(&archive), 0);
    let offline = Mark {
        reason: Reason::Offline,
        detail: Some("silent".into()),
    };
    writer.write(source.pictures(30)).unwrap();
    // Told twice, and six seconds after the last picture.
    for _ in 0..2 {
        writer
            .write(vec![Step::Gap(source.at(90), offline.clone())])
            .unwrap();
    }
    source.next = 200;
    writer.write(source.pictures(30)).unwrap();
    // Fragments that the recorder never saw.
    source.next = 300;
    writer.write(source.pictures(20)).unwrap();
    // Other parameters, without a gap.
    source.init = init("avc1.b");
    writer.write(source.pictures(20)).unwrap();
    let (spans, gaps) = told(&archive, source.at(0), source.at(340));
    let reasons: Vec<_> = gaps
        .iter()
        .map(|gap| (gap.from, gap.to, gap.reason))
        .collect();
    assert_eq!(
        reasons,
        [
            (source.at(30), source.at(200), Reason::Offline),
            (source.at(230), source.at(300), Reason::Loss)
        ]
    );
    assert_eq!(gaps[0].detail.as_deref(), Some("silent"));
    assert_eq!(spans.len(), 4);
    assert_ne!(spans[2].parameters, spans[3].parameters);
    let journal = fs::read_to_string(dir.path().join("cam/journal.jsonl")).unwrap();
    assert_eq!(journal.lines().count(), 2, "{journal}");
}

#[test]
fn a_clock_that_was_set_begins_another_file() {
    let (dir, mut source) = (
        tempfile::tempdir().unwrap(),
        Source::new("2026-11-20T01:00:00Z"),
    );
    let archive = archive(&dir);
    let mut writer = Writer::new(Arc::clone(&archive), 0);
    writer.write(source.pictures(25)).unwrap();
    source.begun += TimeDelta::hours(1);
    writer.write(source.pictures(25)).unwrap();
    let starts = archive.read(|index| index.segments().map(|it| it.start).collect::<Vec<_>>());
    assert_eq!(starts, [source.at(0) - TimeDelta::hours(1), source.at(30)]);
}

#[test]
fn a_disk_that_refuses_costs_no_file_that_is_there() {
    let (dir, mut source) = (
        tempfile::tempdir().unwrap(),
        Source::new("2026-11-20T01:00:00Z"),
    );
    let archive = archive(&dir);
    let mut writer = Writer::new(Arc::clone(&archive), 0);
    writer.write(source.pictures(30)).unwrap();
    // What is no fragment cannot be written, as when the disk fails.
    let bad = Fragment {
        bytes: Bytes::from_static(b"?"),
        audio: Bytes::new(),
        key: false,
        captured_at: source.at(30),
        sequence: 30,
    };
    let error = writer
        .write(vec![Step::Picture(Arc::clone(&source.init), bad)])
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let kept = archive
        .read(|index| index.segments().next().copied())
        .unwrap();
    assert!(kept.finished && kept.millis == 3_000);
    writer
        .write(vec![Step::Gap(
            source.at(50),
            Mark {
                reason: Reason::Disk,
                detail: None,
            },
        )])
        .unwrap();
    source.next = 100;
    writer.write(source.pictures(10)).unwrap();
    let (_, gaps) = told(&archive, source.at(0), source.at(110));
    assert_eq!(
        gaps,
        [Gap {
            from: source.at(30),
            to: source.at(100),
            reason: Reason::Disk,
            detail: None
        }]
    );
}

#[test]
fn retention_removes_files_and_empty_days_and_says_so() {
    let (dir, mut source) = (
        tempfile::tempdir().unwrap(),
        Source::new("2026-11-19T23:58:30Z"),
    );
    let archive = archive(&dir);
    let mut writer = Writer::new(Arc::clone(&archive), 0);
    writer.write(source.pictures(2_400)).unwrap();
    writer
        .write(vec![Step::Gap(
            source.at(2_400),
            Mark {
                reason: Reason::Stopped,
                detail: None,
            },
        )])
        .unwrap();
    let all = files(&archive);
    assert_eq!(all.len(), 5);
    let before = archive.read(|index| index.bytes());
    let one = fs::metadata(&all[2]).unwrap().len();
    assert_eq!(
        archive.enforce(source.at(2_400), 30, before - 1).unwrap(),
        1
    );
    assert_eq!(archive.enforce(source.at(2_400), 30, 3 * one).unwrap(), 1);
    assert!(!all[0].parent().unwrap().exists(), "yesterday is empty");
    assert!(all[2..].iter().all(|path| path.exists()));
    let (spans, gaps) = told(&archive, source.at(0), source.at(2_400));
    assert_eq!(spans.len(), 1);
    assert_eq!(
        gaps,
        [Gap {
            from: source.at(0),
            to: source.at(900),
            reason: Reason::Retention,
            detail: None
        }]
    );
    // And after a restart.
    drop((writer, archive));
    let again = Archive::open(dir.path().join("cam")).unwrap();
    assert_eq!(told(&again, source.at(0), source.at(2_400)), (spans, gaps));
}

#[tokio::test]
async fn the_oldest_give_way_to_the_reserve_but_never_what_is_pinned() {
    let dir = tempfile::tempdir().unwrap();
    let rules = Rules {
        days: 30,
        max_bytes: u64::MAX,
        schedule: Schedule::default(),
    };
    // More than any disk has.
    let recorder = Recorder::open(
        dir.path().join("recordings"),
        chrono_tz::UTC,
        u64::MAX,
        rules.clone(),
    )
    .unwrap();
    let mut sources = ["a", "b"].map(|camera| (camera, Source::new("2026-11-20T01:00:00Z")));
    for (camera, source) in &mut sources {
        let archive = recorder.archive(camera, rules.clone()).await.unwrap();
        let mut writer = Writer::new(Arc::clone(&archive), 0);
        writer.write(source.pictures(1_300)).unwrap();
    }
    let at = |picture| sources[0].1.at(picture);
    let keep = |keep| vec![("card:7".to_owned(), keep)];
    let span = Some((at(100), at(200)));
    recorder.keep("b", keep(span)).await.unwrap();
    // Also of a camera of which nothing is recorded yet.
    recorder.keep("coming", keep(span)).await.unwrap();
    let told = recorder.coverage("b", at(0), at(150), at(1_300)).unwrap();
    let pinned = Pinned {
        from: at(100),
        to: at(150),
    };
    assert_eq!(told.pinned, [pinned]);
    recorder.look(at(1_300), false).unwrap();
    assert_eq!(recorder.disk(), DiskState::Full);
    let left = |camera: &str| {
        recorder
            .of(camera)
            .unwrap()
            .read(|index| index.segments().map(|it| it.start).collect::<Vec<_>>())
    };
    assert_eq!(left("a"), [at(1_200)], "the file being written stays");
    assert_eq!(left("b"), [at(0), at(1_200)]);
    recorder.keep("b", keep(None)).await.unwrap();
    recorder.look(at(1_300), true).unwrap();
    assert_eq!(left("b"), [at(1_200)]);
}

/// All bytes from `first` to `last`.
fn read(clip: &Arc<Clip>, first: u64, last: u64) -> Vec<u8> {
    let mut reader = clip.reader(first, last);
    let parts = std::iter::from_fn(|| reader.read().unwrap());
    parts.flatten().collect()
}

/// Decode times of a clip's groups of pictures, in tenths of a second; each is one fragment, with all its pictures.
fn tenths(bytes: &[u8]) -> Vec<u64> {
    let sidx = bytes.windows(4).position(|kind| kind == b"sidx").unwrap() - 4;
    let size = u32::from_be_bytes(bytes[sidx..sidx + 4].try_into().unwrap()) as usize;
    let mut rest = &bytes[sidx + size..];
    let (mut found, mut pictures) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        match Any::decode(&mut rest).unwrap() {
            Any::Moof(moof) => {
                let traf = &moof.traf[0];
                found.push(traf.tfdt.as_ref().unwrap().base_media_decode_time / 9_000);
                assert_eq!(traf.trun[0].samples.len(), 10);
                let bytes = (0..10).map(|n| traf.trun[0].samples.get(n).unwrap().size.unwrap());
                pictures.push(bytes.sum::<u32>());
            }
            Any::Mdat(mdat) => assert_eq!(mdat.data.len() as u32, pictures[pictures.len() - 1]),
            Any::Prft(_) | Any::Free(_) => {}
            other => panic!("{other:?}"),
        }
    }
    found
}

#[test]
fn any_span_is_one_file_of_which_any_bytes_can_be_read() {
    let (dir, mut source) = (
        tempfile::tempdir().unwrap(),
        Source::new("2026-11-20T01:00:00Z"),
    );
    let archive = archive(&dir);
    let mut writer = Writer::new(Arc::clone(&archive), 0);
    writer.write(source.pictures(700)).unwrap();
    let offline = Mark {
        reason: Reason::Offline,
        detail: None,
    };
    writer
        .write(vec![Step::Gap(source.at(700), offline)])
        .unwrap();
    source.next = 1_500;
    writer.write(source.pictures(55)).unwrap();

    let clip = Arc::new(Clip::plan(&archive, source.at(583), source.at(1_527)).unwrap());
    // From the key frame before what was asked for, over the gap, which takes no time, to the end of the last group.
    assert_eq!((clip.begins, clip.ends), (source.at(580), source.at(1_530)));
    let whole = read(&clip, 0, clip.len() - 1);
    assert_eq!(whole.len() as u64, clip.len());
    assert_eq!(
        tenths(&whole),
        (0..15).map(|group| 10 * group).collect::<Vec<_>>()
    );
    // As the players seek.
    for (first, last) in [
        (0, 9),
        (40, 3_000),
        (clip.len() / 2, clip.len() - 1),
        (clip.len() - 1, clip.len() + 50),
    ] {
        let end = (last as usize + 1).min(whole.len());
        assert_eq!(
            read(&clip, first, last),
            &whole[first as usize..end],
            "{first}"
        );
    }
    // The group that is being written is not yet in it; once it is whole, what was asked for before is the same.
    assert_eq!(archive.read(|index| index.until()), Some(source.at(1_550)));
    let open = Clip::plan(&archive, source.at(0), source.at(9_000)).unwrap();
    assert_eq!(open.ends, source.at(1_550));
    writer.write(source.pictures(100)).unwrap();
    writer
        .write(vec![Step::Gap(
            source.at(1_655),
            Mark {
                reason: Reason::Stopped,
                detail: None,
            },
        )])
        .unwrap();
    let again = Clip::plan(&archive, source.at(583), source.at(1_527)).unwrap();
    assert_eq!((again.len(), &again.tag), (clip.len(), &clip.tag));
    // Its file has another name by now.
    assert_eq!(read(&clip, 0, clip.len() - 1), whole);
}

#[test]
fn there_is_no_clip_of_nothing_and_none_over_other_parameters() {
    let (dir, mut source) = (
        tempfile::tempdir().unwrap(),
        Source::new("2026-11-20T01:00:00Z"),
    );
    let archive = archive(&dir);
    let mut writer = Writer::new(Arc::clone(&archive), 0);
    writer.write(source.pictures(50)).unwrap();
    source.init = init("avc1.b");
    writer.write(source.pictures(50)).unwrap();
    let plan = |from, to| Clip::plan(&archive, source.at(from), source.at(to));
    assert!(matches!(plan(200, 300), Err(ClipError::Nothing)));
    assert!(matches!(plan(0, 80), Err(ClipError::Parameters(at)) if at == source.at(50)));
    assert_eq!(plan(0, 50).unwrap().ends, source.at(50));
    assert_eq!(plan(50, 80).unwrap().begins, source.at(50));
}

#[test]
fn a_day_is_opened_without_reading_it() {
    let (dir, mut source) = (
        tempfile::tempdir().unwrap(),
        Source::new("2026-11-20T00:00:00Z"),
    );
    source.millis = 1_000;
    let archive = archive(&dir);
    let mut writer = Writer::new(Arc::clone(&archive), 0);
    for _ in 0..24 * 60 {
        writer.write(source.pictures(60)).unwrap();
    }
    let begun = std::time::Instant::now();
    let clip = Arc::new(Clip::plan(&archive, source.at(0), source.at(86_400)).unwrap());
    let planned = begun.elapsed();
    assert!(
        clip.reader(clip.len() / 2, clip.len())
            .read()
            .unwrap()
            .is_some()
    );
    println!(
        "a day of {} MB: planned in {planned:?}, its middle read after {:?}",
        clip.len() >> 20,
        begun.elapsed()
    );
    assert_eq!(
        clip.ends - clip.begins,
        TimeDelta::seconds(86_390),
        "the last group is being written"
    );
}

/// A camera whose sound is known 300 ms after the pictures of the same instant: of each piece of 20 ms the number is its content.
struct Heard {
    source: Source,
    /// The piece that comes next, and where it stands on the camera's time line.
    next: u32,
}

/// Ticks of 20 ms.
const PIECE: i64 = TIMESCALE as i64 / 50;

impl Heard {
    fn new() -> Self {
        let mut source = Source::new("2026-11-20T01:00:00Z");
        let silent = init("avc1.a");
        source.init = Arc::new(InitSegment {
            with_audio: Some(silent.segment.clone()),
            ..InitSegment::clone(&silent)
        });
        Self { source, next: 0 }
    }

    /// Where a piece stands.
    fn begin(piece: u32) -> i64 {
        1_000_000_000 - 15 * PIECE + i64::from(piece) * PIECE
    }

    fn pictures(&mut self, count: u64) -> Vec<Step> {
        (0..count)
            .map(|_| match self.source.picture() {
                Step::Picture(init, mut fragment) => {
                    let pieces: Vec<u32> = (self.next..self.next + 5).collect();
                    self.next += 5;
                    fragment.audio = fragment::boxed_audio(
                        Self::begin(pieces[0]) + LEAD,
                        PIECE,
                        pieces.iter().map(|piece| piece.to_be_bytes().to_vec()),
                    );
                    Step::Picture(init, fragment)
                }
                other => other,
            })
            .collect()
    }
}

/// Of each piece of sound in a clip its number, its begin, and its ticks.
fn heard(clip: &Arc<Clip>) -> Vec<(u32, i64, i64)> {
    let mut reader = clip.reader(0, clip.len());
    let mut bytes = Vec::new();
    while let Some(part) = reader.read().unwrap() {
        bytes.extend_from_slice(&part);
    }
    assert_eq!(bytes.len() as u64, clip.len());
    let (mut rest, mut pieces, mut at, mut moof_at) = (bytes.as_slice(), Vec::new(), 0, 0);
    let mut pending: Option<mp4_atom::Traf> = None;
    while rest.len() >= 8 {
        let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        match &rest[4..8] {
            b"moof" => {
                let moof = mp4_atom::Moof::decode(&mut &rest[..size]).unwrap();
                moof_at = at;
                pending = moof.traf.into_iter().find(|traf| traf.tfhd.track_id == 2);
            }
            b"mdat" => {
                if let Some(traf) = pending.take() {
                    let trun = &traf.trun[0];
                    let mut data = moof_at + trun.data_offset.unwrap() as usize;
                    let mut begin = traf.tfdt.unwrap().base_media_decode_time as i64;
                    for n in 0..trun.samples.len() {
                        let sample = trun.samples.get(n).unwrap();
                        let number = bytes[data..data + 4].try_into().unwrap();
                        let ticks = i64::from(sample.duration.unwrap());
                        pieces.push((u32::from_be_bytes(number), begin, ticks));
                        begin += ticks;
                        data += sample.size.unwrap() as usize;
                    }
                }
            }
            _ => {}
        }
        at += size;
        rest = &rest[size..];
    }
    pieces
}

#[test]
fn sound_goes_on_over_files_and_stands_where_it_was_heard() {
    let (dir, mut heard_by) = (tempfile::tempdir().unwrap(), Heard::new());
    let archive = archive(&dir);
    let mut writer = Writer::new(Arc::clone(&archive), 10_000);
    writer.write(heard_by.pictures(1_000)).unwrap();
    drop(writer);
    let starts = archive.read(|index| index.segments().map(|it| it.start).collect::<Vec<_>>());
    let source = &heard_by.source;
    assert_eq!(starts, [source.at(0), source.at(100), source.at(700)]);

    // From the middle of the first file into the third one.
    let clip = Clip::plan(&archive, source.at(50), source.at(750)).unwrap();
    let pieces = heard(&Arc::new(clip));
    let begins = 1_000_000_000 + 50 * (i64::from(TIMESCALE) / 10);
    for (number, begin, ticks) in &pieces {
        assert_eq!((*begin, *ticks), (Heard::begin(*number) - begins, PIECE));
    }
    let numbers: Vec<u32> = pieces.iter().map(|piece| piece.0).collect();
    let all: Vec<u32> = (numbers[0]..numbers[0] + numbers.len() as u32).collect();
    assert_eq!(numbers, all, "none is missing, none is there twice");
    assert_eq!(pieces[0].1, 0, "nothing is heard before the first picture");
    // The last group ends with picture 749; what was heard up to then and came with the next group is not in it.
    assert_eq!(pieces.last().unwrap().1, 69_800 * 90 - PIECE);
}

#[test]
fn a_file_with_sound_that_a_crash_cut_is_adopted_with_what_is_whole() {
    let (dir, mut heard_by) = (tempfile::tempdir().unwrap(), Heard::new());
    let archive_before = archive(&dir);
    let mut writer = Writer::new(Arc::clone(&archive_before), 0);
    writer.write(heard_by.pictures(30)).unwrap();
    let path = files(&archive_before).remove(0);
    let whole = fs::metadata(&path).unwrap().len();
    // As the kernel may leave it: in the middle of the last picture, so that the sound before it ends the file.
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(whole - 100).unwrap();
    drop((writer, archive_before));
    let archive = archive(&dir);
    let segment = archive.read(|index| index.segments().next().copied());
    assert_eq!(
        segment.map(|it| (it.millis, it.finished)),
        Some((2_900, true))
    );
    let source = &heard_by.source;
    let clip = Arc::new(Clip::plan(&archive, source.at(0), source.at(30)).unwrap());
    let pieces = heard(&clip);
    // Up to what came with the last picture: 15 pieces late.
    assert_eq!(pieces.last().unwrap().0, 30 * 5 - 1);
}

#[test]
fn sound_is_left_out_where_its_file_promises_none() {
    let (dir, mut heard_by) = (tempfile::tempdir().unwrap(), Heard::new());
    heard_by.source.init = init("avc1.a");
    let archive = archive(&dir);
    let mut writer = Writer::new(Arc::clone(&archive), 0);
    writer.write(heard_by.pictures(30)).unwrap();
    drop(writer);
    let source = &heard_by.source;
    let clip = Clip::plan(&archive, source.at(0), source.at(20)).unwrap();
    assert!(heard(&Arc::new(clip)).is_empty());
}
