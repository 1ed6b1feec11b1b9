//! A key frame to pixels: H.264 by openh264, JPEG by image. Whatever a camera sends ends in a picture or in an error that says why not.

use std::io::Cursor;

use bytes::Bytes;
use image::{ImageFormat, ImageReader, RgbImage, imageops};
use mp4_atom::{Codec, Decode as _, Ftyp, Moov};
use openh264::decoder::Decoder;
use openh264::formats::YUVSource;
use retina::codec::{VideoParameters, VideoParametersCodec};

use super::PictureError;
use super::luma::Luma;

/// More pixels than any supervised hall has; openh264 itself ends at 4096 × 2304.
const MAX_PIXELS: usize = 4096 * 4096;

/// More pixels along a side than a JPEG may have.
const MAX_SIDE: u32 = 8192;

/// What a decoder must know of a stream before its first picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Sequence and picture parameter set of H.264, each behind a start code; `None`: every picture is a JPEG, and needs none.
    sets: Option<Bytes>,
    /// Displayed width of a pixel over its height, where it is not square.
    pixel_aspect: (u32, u32),
}

impl Parameters {
    /// Takes them from a stream; `None` for a codec that is not decoded here.
    pub fn of(parameters: &VideoParameters) -> Option<Self> {
        let aspect = parameters.pixel_aspect_ratio();
        match parameters.codec_params() {
            VideoParametersCodec::H264 { sps, pps } => {
                Some(Self::h264([sps.as_ref(), pps.as_ref()], aspect))
            }
            VideoParametersCodec::Jpeg => Some(Self::new(None, aspect)),
            _ => None,
        }
    }

    /// Takes them from an initialization segment (`ftyp`, `moov`); `None` for a codec that is not decoded here.
    pub fn of_init(mut init: &[u8]) -> Option<Self> {
        Ftyp::decode(&mut init).ok()?;
        let moov = Moov::decode(&mut init).ok()?;
        // The sound, where there is any, is the second track.
        let stbl = moov.trak.into_iter().next()?.mdia.minf.stbl;
        let avc1 = match stbl.stsd.codecs.into_iter().next()? {
            Codec::Avc1(avc1) => avc1,
            Codec::Jpeg(_) => return Some(Self::new(None, None)),
            _ => return None,
        };
        let sets = [
            avc1.avcc.sequence_parameter_sets,
            avc1.avcc.picture_parameter_sets,
        ];
        let aspect = avc1.pasp.map(|pasp| (pasp.h_spacing, pasp.v_spacing));
        Some(Self::h264(sets.iter().flatten().map(Vec::as_slice), aspect))
    }

    fn h264<'a>(sets: impl IntoIterator<Item = &'a [u8]>, aspect: Option<(u32, u32)>) -> Self {
        let mut stream = Vec::new();
        for set in sets {
            stream.extend_from_slice(&START_CODE);
            stream.extend_from_slice(set);
        }
        Self::new(Some(stream.into()), aspect)
    }

    fn new(sets: Option<Bytes>, pixel_aspect: Option<(u32, u32)>) -> Self {
        Self {
            sets,
            pixel_aspect: pixel_aspect
                .filter(|(h, v)| *h > 0 && *v > 0)
                .unwrap_or((1, 1)),
        }
    }

    /// Displayed width of a pixel over its height.
    pub fn pixel_aspect(&self) -> (u32, u32) {
        self.pixel_aspect
    }
}

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// A decoded picture.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Its pixels.
    pub image: RgbImage,
    /// Its brightness, small.
    pub luma: Luma,
}

/// Whether pictures of a codec (RFC 6381) are decoded here. Of H.265 there is no decoder that may be shipped.
pub fn is_decoded(codec: &str) -> bool {
    !codec.starts_with("hvc1") && !codec.starts_with("hev1")
}

/// Decodes one key frame: NAL units, each after its length in four bytes, or a JPEG. Takes tens of milliseconds of a core.
///
/// # Errors
/// Data that is no picture, or a picture too large.
pub fn decode(parameters: &Parameters, access_unit: &[u8]) -> Result<Decoded, PictureError> {
    match &parameters.sets {
        Some(sets) => decode_annex_b(&annex_b(sets, access_unit)?),
        None => decode_jpeg(access_unit),
    }
}

fn decode_jpeg(file: &[u8]) -> Result<Decoded, PictureError> {
    let mut reader = ImageReader::with_format(Cursor::new(file), ImageFormat::Jpeg);
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    reader.limits(limits);
    let image = reader.decode().map_err(|_| PictureError::Damaged)?;
    let image = image.into_rgb8();
    let gray = imageops::grayscale(&image);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let dimensions = PictureError::Dimensions { width, height };
    let luma = Luma::of(gray.as_raw(), width, width, height).ok_or(dimensions)?;
    Ok(Decoded { image, luma })
}

/// Decodes an H.264 byte stream (start codes) and returns the last picture in it.
///
/// # Errors
/// As [`decode`].
pub fn decode_annex_b(stream: &[u8]) -> Result<Decoded, PictureError> {
    // A decoder of its own for every picture: nothing that one damaged picture leaves behind can spoil the next.
    let mut decoder = Decoder::new().map_err(|_| PictureError::Decoder)?;
    let picture = decoder.decode(stream).map_err(|_| PictureError::Damaged)?;
    let picture = picture.ok_or(PictureError::Incomplete)?;
    let (width, height) = picture.dimensions();
    if width == 0 || height == 0 || width.saturating_mul(height) > MAX_PIXELS {
        return Err(PictureError::Dimensions { width, height });
    }
    let mut pixels = vec![0; width * height * 3];
    picture.write_rgb8(&mut pixels);
    let dimensions = PictureError::Dimensions { width, height };
    let (Ok(w), Ok(h)) = (u32::try_from(width), u32::try_from(height)) else {
        return Err(dimensions);
    };
    let image = RgbImage::from_raw(w, h, pixels).ok_or(dimensions)?;
    let luma = Luma::of(picture.y(), picture.strides().0, width, height).ok_or(dimensions)?;
    Ok(Decoded { image, luma })
}

/// Turns lengths into start codes.
fn annex_b(sets: &[u8], mut access_unit: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut out = Vec::with_capacity(sets.len() + access_unit.len());
    out.extend_from_slice(sets);
    while let Some((length, rest)) = access_unit.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some((nal, rest)) = rest.split_at_checked(length) else {
            return Err(PictureError::Damaged);
        };
        out.extend_from_slice(&START_CODE);
        out.extend_from_slice(nal);
        access_unit = rest;
    }
    if access_unit.is_empty() {
        Ok(out)
    } else {
        Err(PictureError::Damaged)
    }
}
