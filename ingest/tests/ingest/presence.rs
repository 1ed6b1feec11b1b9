//! Presence at windows against what somebody saw who looked at the clips (`labels/clips.toml`), without a model and with one.
//! What it prints stands in docs/presence.md.

use std::path::PathBuf;

use crate::support::clips::{Clip, clip, clips};
use crate::support::{root, shared};
use chrono::{DateTime, TimeDelta, Utc};
use image::RgbImage;
use mingjing_ingest::picture::Presence;
use mingjing_ingest::picture::luma::Luma;
use mingjing_ingest::picture::presence::person::{DetectorError, Person, PersonDetector};
use mingjing_ingest::picture::presence::{Area, PresenceConfig, WindowRegion, Windows};

/// Clips are short: what takes a minute in a hall takes seconds here.
fn config() -> PresenceConfig {
    PresenceConfig {
        arrive_seconds: 1,
        leave_seconds: 2,
        learn_seconds: 3,
        ..PresenceConfig::default()
    }
}

fn at(second: usize) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(i64::try_from(second).unwrap())
}

/// ONNX Runtime as `scripts/setup test` leaves it.
fn runtime() -> PathBuf {
    let state = std::env::var_os("MINGJING_STATE").map(PathBuf::from);
    let folder = state
        .unwrap_or_else(|| root().join(".mingjing"))
        .join("onnxruntime/onnxruntime/capi");
    let files = std::fs::read_dir(&folder).expect("ONNX Runtime is there: run scripts/setup test");
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libonnxruntime.so")
    };
    let mut libraries = files.map(|file| file.unwrap().path()).filter(is_library);
    libraries.next().expect("its library")
}

fn detector() -> Option<PersonDetector> {
    let model = shared("models/yolox_nano.onnx")?;
    Some(PersonDetector::load(&model, Some(&runtime())).unwrap())
}

/// The people of each second.
fn people(clip: &Clip, detector: &PersonDetector) -> Vec<Vec<Person>> {
    let [width, height] = clip.size;
    clip.raw(&clip.path(), "rgb24")
        .chunks_exact(width * height * 3)
        .map(|pixels| {
            let (width, height) = (width.try_into().unwrap(), height.try_into().unwrap());
            let image = RgbImage::from_raw(width, height, pixels.to_vec()).unwrap();
            detector.find(&image, config().score).unwrap()
        })
        .collect()
}

/// What is told of every second of every region, and the people counted in the whole picture.
fn watched(clip: &Clip, people: Option<&[Vec<Person>]>) -> (Vec<Vec<Presence>>, Vec<Option<u32>>) {
    let whole = vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
    let region = |region: &crate::support::clips::Region| WindowRegion {
        window: region.window.clone(),
        seat: Area::try_from(region.seat.clone()).unwrap(),
        waiting: Some(Area::try_from(whole.clone()).unwrap()),
    };
    let regions = clip.region.iter().map(region).collect();
    let mut windows = Windows::new(config(), regions, None, at(0));
    let pictures: Vec<Luma> = clip.pictures();
    let mut told = vec![vec![Presence::Unknown; pictures.len()]; clip.region.len()];
    let mut counts = Vec::new();
    for (second, luma) in pictures.iter().enumerate() {
        let people = people.map(|people| people[second].as_slice());
        let seen = windows.see(luma, people, at(second));
        counts.push(seen[0].people);
        for (told, seen) in told.iter_mut().zip(seen) {
            // What is told reaches back to the picture that showed it first.
            let since = usize::try_from((seen.since - at(0)).num_seconds()).unwrap();
            told[since..=second].fill(seen.state);
        }
    }
    (told, counts)
}

#[derive(Debug, Default)]
struct Tally {
    right: u32,
    wrong: u32,
    missed: u32,
    unknown: u32,
}

impl Tally {
    fn precision(&self) -> f64 {
        f64::from(self.right) / f64::from((self.right + self.wrong).max(1))
    }

    fn recall(&self) -> f64 {
        f64::from(self.right) / f64::from((self.right + self.missed).max(1))
    }
}

/// The seconds that are told staffed, beside those that are.
fn tally(clip: &Clip, told: &[Vec<Presence>]) -> Tally {
    let mut tally = Tally::default();
    for (region, told) in clip.region.iter().zip(told) {
        for (second, told) in told.iter().enumerate() {
            if region.unclear.contains(&second) {
                continue;
            }
            let inside = |[from, to]: &[usize; 2]| (*from..=*to).contains(&second);
            match (told, region.staffed.iter().any(inside)) {
                (Presence::Unknown, _) => tally.unknown += 1,
                (Presence::Staffed, true) => tally.right += 1,
                (Presence::Staffed, false) => tally.wrong += 1,
                (Presence::Empty, true) => tally.missed += 1,
                (Presence::Empty, false) => {}
            }
        }
    }
    println!(
        "| {} | {:.2} | {:.2} | {} | {} | {} | {} |",
        clip.name,
        tally.precision(),
        tally.recall(),
        tally.right,
        tally.wrong,
        tally.missed,
        tally.unknown
    );
    tally
}

#[test]
fn with_a_model_nine_seconds_in_ten_are_told_rightly() {
    let (Some(clips), Some(detector)) = (clips(), detector()) else {
        return;
    };
    println!("| clip | precision | recall | right | wrong | missed | unknown |");
    for clip in clips {
        let people = people(&clip, &detector);
        let (told, counts) = watched(&clip, Some(&people));
        let tally = tally(&clip, &told);
        assert_eq!(tally.unknown, 0, "{}", clip.name);
        if tally.right + tally.missed > 0 {
            let good = tally.precision() >= 0.9 && tally.recall() >= 0.9;
            assert!(good, "{}: {tally:?}", clip.name);
        }
        match clip.name.as_str() {
            "car-detection" => {
                assert_eq!(tally.wrong, 0);
                assert!(people.iter().all(Vec::is_empty), "{people:?}");
                assert!(counts.iter().all(|count| *count == Some(0)), "{counts:?}");
            }
            "store-aisle" => {
                let counts: Vec<u32> = counts.into_iter().flatten().collect();
                let near = counts
                    .iter()
                    .zip(&clip.people)
                    .filter(|(told, are)| told.abs_diff(**are) <= 1);
                assert_eq!(near.count(), clip.people.len(), "{counts:?}");
                let mean = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
                assert!((2.4..=3.2).contains(&mean), "{mean}");
            }
            _ => {}
        }
    }
}

#[test]
fn a_clip_was_kept_out_of_the_tuning() {
    let Some(clips) = clips() else { return };
    let untuned = clips.iter().filter(|clip| !clip.tuned_on);
    assert!(untuned.count() >= 1, "the measure would flatter itself");
}

#[test]
fn one_at_a_time_leaves_exactly_the_gaps_that_it_has() {
    let (Some(clip), Some(detector)) = (clip("one-by-one"), detector()) else {
        return;
    };
    let (told, _) = watched(&clip, Some(&people(&clip, &detector)));
    let spans = |is: Presence| {
        let mut spans: Vec<[usize; 2]> = Vec::new();
        for (second, _) in told[0].iter().enumerate().filter(|(_, told)| **told == is) {
            match spans.last_mut() {
                Some(span) if span[1] + 1 == second => span[1] = second,
                _ => spans.push([second, second]),
            }
        }
        spans
    };
    // Absent before, between and after the six people, and never while one is there.
    assert_eq!(
        spans(Presence::Empty).len(),
        clip.region[0].staffed.len() + 1
    );
    let there = spans(Presence::Staffed);
    assert_eq!(there.len(), clip.region[0].staffed.len());
    for (told, are) in there.iter().zip(&clip.region[0].staffed) {
        let near = told[0].abs_diff(are[0]) <= 1 && told[1].abs_diff(are[1]) <= 1;
        assert!(near, "{told:?} {are:?}");
    }
}

#[test]
fn without_a_model_a_seat_is_told_by_what_moves_and_what_looks_otherwise() {
    let Some(clips) = clips() else { return };
    println!("| clip | precision | recall | right | wrong | missed | unknown |");
    for clip in clips {
        let (told, counts) = watched(&clip, None);
        let tally = tally(&clip, &told);
        assert!(counts.iter().all(Option::is_none), "nobody can count");
        if ["one-by-one", "store-aisle"].contains(&clip.name.as_str()) {
            let good = tally.precision() >= 0.9 && tally.recall() >= 0.9;
            assert!(good, "{}: {tally:?}", clip.name);
        }
        // Light that jumps and cars that fill the region are nobody.
        assert!(
            clip.name != "car-detection" || tally.wrong == 0,
            "{tally:?}"
        );
    }
}

#[test]
fn nothing_is_told_while_the_picture_is_faulty_or_none_comes() {
    let Some(clip) = clip("one-by-one") else {
        return;
    };
    let pictures = clip.pictures();
    let region = WindowRegion {
        window: "1".into(),
        seat: Area::try_from(clip.region[0].seat.clone()).unwrap(),
        waiting: None,
    };
    let mut windows = Windows::new(config(), vec![region], None, at(0));
    let state = |told: Vec<mingjing_ingest::picture::WindowPresence>| told[0].state;
    for (second, luma) in pictures.iter().take(12).enumerate() {
        windows.see(luma, None, at(second));
    }
    assert_eq!(state(windows.told()), Presence::Staffed);
    assert_eq!(state(windows.blind(at(12))), Presence::Unknown);
    for (second, luma) in pictures.iter().enumerate().take(16).skip(13) {
        windows.see(luma, None, at(second));
    }
    assert_eq!(state(windows.told()), Presence::Staffed);
    // Half a minute without pictures.
    assert_eq!(
        state(windows.see(&pictures[16], None, at(46))),
        Presence::Unknown
    );
}

#[test]
fn what_is_missing_for_a_model_is_named() {
    let Some(model) = shared("models/yolox_nano.onnx") else {
        return;
    };
    let nowhere = PathBuf::from("/nowhere/libonnxruntime.so");
    let error = PersonDetector::load(&model, Some(&nowhere)).unwrap_err();
    assert!(matches!(error, DetectorError::Runtime { .. }), "{error}");
    assert!(
        error.to_string().contains("/nowhere/libonnxruntime.so"),
        "{error}"
    );
}
