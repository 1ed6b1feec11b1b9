//! The bytes of [`MediaFrame`]: kind, camera id, payload. Layout in [`super::protocol`].

use bytes::{BufMut, Bytes, BytesMut};
use chrono::{DateTime, Utc};

use super::protocol::MediaFrame;

/// Longest camera id, in bytes: the name of its sub-stream fits a frame too.
pub const MAX_CAMERA_ID: usize = u8::MAX as usize - 4;

/// Largest frame taken: a key frame of a 4K camera at its worst is a tenth of this.
pub const MAX_FRAME: usize = 16 << 20;

const INIT: u8 = 1;
const FRAGMENT: u8 = 2;
const THUMBNAIL: u8 = 3;
const SNAPSHOT: u8 = 4;

/// Why bytes are not a [`MediaFrame`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The message ends inside its own header.
    #[error("a media frame ends inside its header")]
    Truncated,
    /// Larger than any picture.
    #[error("a media frame of {0} bytes is larger than {MAX_FRAME}")]
    TooLarge(usize),
    /// A kind that this version does not know.
    #[error("a media frame has the unknown kind {0}")]
    UnknownKind(u8),
    /// The camera id is empty, too long or not UTF-8.
    #[error("a media frame has no usable camera id")]
    BadCamera,
    /// The capture instant lies outside the calendar.
    #[error("a media frame has an impossible capture instant")]
    BadInstant,
    /// The key flag is neither 0 nor 1.
    #[error("a media frame has the key flag {0}")]
    BadFlag(u8),
}

impl MediaFrame {
    /// The camera that the frame is of.
    pub fn camera(&self) -> &str {
        match self {
            Self::Init { camera, .. }
            | Self::Fragment { camera, .. }
            | Self::Thumbnail { camera, .. }
            | Self::Snapshot { camera, .. } => camera,
        }
    }

    /// The frame as one binary message.
    ///
    /// # Errors
    /// [`FrameError::BadCamera`] for an id that is empty or over [`MAX_CAMERA_ID`] bytes.
    pub fn encode(&self) -> Result<Bytes, FrameError> {
        let (kind, payload) = match self {
            Self::Init { segment, .. } => (INIT, segment),
            Self::Fragment { bytes, .. } => (FRAGMENT, bytes),
            Self::Thumbnail { jpeg, .. } => (THUMBNAIL, jpeg),
            Self::Snapshot { jpeg, .. } => (SNAPSHOT, jpeg),
        };
        let camera = self.camera();
        let id_len = u8::try_from(camera.len()).map_err(|_| FrameError::BadCamera)?;
        if id_len == 0 {
            return Err(FrameError::BadCamera);
        }
        let mut out = BytesMut::with_capacity(2 + camera.len() + 9 + payload.len());
        out.put_u8(kind);
        out.put_u8(id_len);
        out.put_slice(camera.as_bytes());
        match self {
            Self::Init { .. } => {}
            Self::Fragment {
                key, captured_at, ..
            } => {
                out.put_u8(u8::from(*key));
                out.put_i64(captured_at.timestamp_micros());
            }
            Self::Thumbnail { captured_at, .. } | Self::Snapshot { captured_at, .. } => {
                out.put_i64(captured_at.timestamp_micros());
            }
        }
        out.put_slice(payload);
        Ok(out.freeze())
    }

    /// Reads one binary message; the payload shares its memory.
    ///
    /// # Errors
    /// Says what is wrong with the bytes; nothing of them is kept.
    pub fn decode(mut message: Bytes) -> Result<Self, FrameError> {
        if message.len() > MAX_FRAME {
            return Err(FrameError::TooLarge(message.len()));
        }
        let kind = take(&mut message, 1)?[0];
        let id_len = usize::from(take(&mut message, 1)?[0]);
        let id = take(&mut message, id_len)?;
        let camera = std::str::from_utf8(&id).ok().filter(|id| !id.is_empty());
        let camera = camera.ok_or(FrameError::BadCamera)?.to_owned();
        match kind {
            INIT => Ok(Self::Init {
                camera,
                segment: message,
            }),
            FRAGMENT => {
                let key = match take(&mut message, 1)?[0] {
                    0 => false,
                    1 => true,
                    other => return Err(FrameError::BadFlag(other)),
                };
                let captured_at = instant(&mut message)?;
                Ok(Self::Fragment {
                    camera,
                    key,
                    captured_at,
                    bytes: message,
                })
            }
            THUMBNAIL => Ok(Self::Thumbnail {
                camera,
                captured_at: instant(&mut message)?,
                jpeg: message,
            }),
            SNAPSHOT => Ok(Self::Snapshot {
                camera,
                captured_at: instant(&mut message)?,
                jpeg: message,
            }),
            other => Err(FrameError::UnknownKind(other)),
        }
    }
}

fn take(message: &mut Bytes, n: usize) -> Result<Bytes, FrameError> {
    if message.len() < n {
        Err(FrameError::Truncated)
    } else {
        Ok(message.split_to(n))
    }
}

fn instant(message: &mut Bytes) -> Result<DateTime<Utc>, FrameError> {
    let bytes = take(message, 8)?;
    let micros = i64::from_be_bytes(bytes[..].try_into().expect("eight bytes were taken"));
    DateTime::from_timestamp_micros(micros).ok_or(FrameError::BadInstant)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(
        camera: &str,
        captured_at: DateTime<Utc>,
        payload: Vec<u8>,
        key: bool,
    ) -> [MediaFrame; 4] {
        let (camera, bytes) = (camera.to_owned(), Bytes::from(payload));
        [
            MediaFrame::Init {
                camera: camera.clone(),
                segment: bytes.clone(),
            },
            MediaFrame::Fragment {
                camera: camera.clone(),
                key,
                captured_at,
                bytes: bytes.clone(),
            },
            MediaFrame::Thumbnail {
                camera: camera.clone(),
                captured_at,
                jpeg: bytes.clone(),
            },
            MediaFrame::Snapshot {
                camera,
                captured_at,
                jpeg: bytes,
            },
        ]
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            camera in "[a-z0-9\u{4e00}-\u{4e10}-]{1,40}",
            micros in -62_000_000_000_000_000i64..62_000_000_000_000_000,
            payload in prop::collection::vec(any::<u8>(), 0..200),
            key: bool,
        ) {
            let at = DateTime::from_timestamp_micros(micros).unwrap();
            for frame in frames(&camera, at, payload, key) {
                prop_assert_eq!(MediaFrame::decode(frame.encode().unwrap()).unwrap(), frame);
            }
        }

        #[test]
        fn garbage_is_an_error_or_says_the_same_again(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(frame) = MediaFrame::decode(Bytes::from(bytes.clone())) {
                prop_assert_eq!(&frame.encode().unwrap()[..], &bytes[..]);
            }
        }

        #[test]
        fn a_frame_cut_in_its_header_is_refused(cut in 0usize..12) {
            let frame = &frames("t07", DateTime::UNIX_EPOCH, vec![], true)[1];
            let whole = frame.encode().unwrap();
            prop_assert_eq!(whole.len(), 14);
            prop_assert!(MediaFrame::decode(whole.slice(..cut)).is_err());
        }
    }

    #[test]
    fn ids_that_do_not_fit_are_refused() {
        for camera in [String::new(), "x".repeat(256)] {
            assert_eq!(
                frames(&camera, DateTime::UNIX_EPOCH, vec![], true)[0].encode(),
                Err(FrameError::BadCamera)
            );
        }
        assert_eq!(
            MediaFrame::decode(Bytes::from_static(&[9, 1, b'x'])),
            Err(FrameError::UnknownKind(9))
        );
        assert_eq!(
            MediaFrame::decode(Bytes::from(vec![0; MAX_FRAME + 1])),
            Err(FrameError::TooLarge(MAX_FRAME + 1))
        );
    }
}
