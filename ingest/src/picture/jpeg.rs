//! Pixels to JPEG.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, RgbImage, imageops};

use super::{PictureError, Snapshot, THUMBNAIL_WIDTH};

/// Quality of a full picture: it may become evidence.
const SNAPSHOT_QUALITY: u8 = 80;

/// Quality of a thumbnail: many of them travel every second.
const THUMBNAIL_QUALITY: u8 = 70;

/// A small picture in the proportions in which the camera shows it.
pub fn thumbnail(image: &RgbImage, pixel_aspect: (u32, u32)) -> Result<Bytes, PictureError> {
    let width = THUMBNAIL_WIDTH.min(image.width());
    let (h, v) = pixel_aspect;
    let ratio =
        (f64::from(image.height()) * f64::from(v)) / (f64::from(image.width()) * f64::from(h));
    let height = (f64::from(width) * ratio)
        .round()
        .clamp(1.0, f64::from(4 * THUMBNAIL_WIDTH)) as u32;
    encode(
        &imageops::thumbnail(image, width, height),
        THUMBNAIL_QUALITY,
    )
}

/// The picture as it is.
pub fn snapshot(image: &RgbImage, captured_at: DateTime<Utc>) -> Result<Snapshot, PictureError> {
    let pixels = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
    let jpeg = encode(image, SNAPSHOT_QUALITY)?;
    Ok(Snapshot {
        captured_at,
        jpeg,
        width: pixels(image.width()),
        height: pixels(image.height()),
    })
}

fn encode(image: &RgbImage, quality: u8) -> Result<Bytes, PictureError> {
    let mut out = Vec::with_capacity(image.as_raw().len() / 16);
    JpegEncoder::new_with_quality(&mut out, quality)
        .write_image(
            image.as_raw(),
            image.width(),
            image.height(),
            image::ExtendedColorType::Rgb8,
        )
        .map_err(|_| PictureError::Jpeg)?;
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_keeps_the_proportions_of_the_scene() {
        let size = |image: &RgbImage, aspect| {
            let jpeg = thumbnail(image, aspect).unwrap();
            let decoded = image::load_from_memory(&jpeg).unwrap();
            (decoded.width(), decoded.height())
        };
        assert_eq!(size(&RgbImage::new(1920, 1080), (1, 1)), (320, 180));
        // A sub-stream with oblong pixels shows the same scene as 16:9.
        assert_eq!(size(&RgbImage::new(704, 480), (40, 33)), (320, 180));
        assert_eq!(size(&RgbImage::new(160, 120), (1, 1)), (160, 120));
        assert_eq!(size(&RgbImage::new(1, 4096), (1, 1)), (1, 1280));
    }
}
