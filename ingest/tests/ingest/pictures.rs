//! The decoder against conformance streams and against every kind of damage: a picture or an error, never a crash.

use crate::support::shared;
use mingjing_ingest::picture::{PictureError, decode_annex_b};

/// As many bytes as hold the first pictures; the streams are long and the tests many.
const BEGINNING: usize = 60_000;

fn streams() -> Option<Vec<(String, Vec<u8>)>> {
    let folder = shared("parsers/h264")?;
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut streams: Vec<_> = files
        .filter(|path| {
            path.extension()
                .is_some_and(|kind| kind == "264" || kind == "jsv")
        })
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(path).unwrap(),
            )
        })
        .collect();
    streams.sort();
    assert!(streams.len() >= 12);
    Some(streams)
}

#[test]
fn conformance_streams_become_pictures() {
    let Some(streams) = streams() else { return };
    for (name, stream) in streams {
        let size = decode_annex_b(&stream).map(|picture| picture.image.dimensions());
        let expected = match name.as_str() {
            "Cisco_Men_whisper_640x320_CABAC_Bframe_9.264" => Ok((640, 320)),
            // A picture was cut out, and with it what the last one needs.
            "BA_MW_D_IDR_LOST.264" | "BA_MW_D_P_LOST.264" => Err(PictureError::Damaged),
            _ => Ok((176, 144)),
        };
        assert_eq!(size, expected, "{name}");
    }
}

#[test]
fn truncated_streams_end_in_a_picture_or_an_error() {
    let Some(streams) = streams() else { return };
    for (_, stream) in streams {
        let end = stream.len().min(BEGINNING);
        for cut in (0..end).step_by(end / 24 + 1) {
            let _ = decode_annex_b(&stream[..cut]);
            let _ = decode_annex_b(&stream[cut..end]);
        }
    }
    assert_eq!(decode_annex_b(&[]).err(), Some(PictureError::Incomplete));
}

#[test]
fn flipped_bits_end_in_a_picture_or_an_error() {
    let Some(streams) = streams() else { return };
    // The same damage each time: a fault found once is found again.
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for (_, stream) in streams {
        let end = stream.len().min(BEGINNING);
        for round in 0..40 {
            let mut damaged = stream[..end].to_vec();
            // Also the very beginning, where the parameter sets are.
            let reach = if round % 2 == 0 { 64 } else { end };
            for _ in 0..=round {
                damaged[random(reach)] ^= 1 << random(8);
            }
            if let Ok(picture) = decode_annex_b(&damaged) {
                assert!(picture.image.width() > 0 && picture.image.height() > 0);
            }
        }
    }
}
