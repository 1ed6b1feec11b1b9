//! The bytes of a log: gunzipped where they are gzipped, counted in lines, and bounded.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// A gzip may expand freely up to this; beyond it only so many times. Real logs reach 60; deflate itself ends at 1,032.
const FREE: u64 = 64 << 20;
const RATIO: u64 = 200;

/// The largest element, tag or row of a log.
const MAX_PIECE: u64 = 16 << 20;

/// A log's bytes.
pub(super) type Input = Lines<BufReader<Box<dyn Read + Send>>>;

/// Wraps a file; whether it is gzipped is told by its first bytes.
pub(super) fn open(mut file: impl BufRead + Send + 'static) -> io::Result<Input> {
    let gzipped = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let bytes: Box<dyn Read + Send> = if gzipped {
        Box::new(Expanding {
            decoder: MultiGzDecoder::new(Counting {
                inner: file,
                bytes: 0,
            }),
            expanded: 0,
        })
    } else {
        Box::new(file)
    };
    Ok(Lines {
        inner: BufReader::with_capacity(1 << 16, bytes),
        line: 1,
        piece: 0,
    })
}

/// Counts what is read of a file.
struct Counting<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.bytes += n as u64;
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Counting<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.bytes += n as u64;
        self.inner.consume(n);
    }
}

/// Refuses a gzip that expands beyond what any log does.
struct Expanding<R: BufRead> {
    decoder: MultiGzDecoder<Counting<R>>,
    expanded: u64,
}

impl<R: BufRead> Read for Expanding<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.decoder.read(buf)?;
        self.expanded += n as u64;
        if self.expanded > FREE && self.expanded > RATIO * self.decoder.get_ref().bytes {
            let reason = format!("the gzip expands more than {RATIO} times: it is no log");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(n)
    }
}

/// Counts lines, and refuses a single piece that is larger than any in a log.
#[derive(Debug)]
pub(super) struct Lines<R> {
    inner: R,
    line: u64,
    /// Bytes since the last [`Lines::piece`].
    piece: u64,
}

impl<R> Lines<R> {
    /// The line of the next byte.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// A piece was read whole.
    pub(super) fn piece(&mut self) {
        self.piece = 0;
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(buf.len());
        buf[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Lines<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece > MAX_PIECE {
            let reason =
                format!("an element or row is larger than {MAX_PIECE} bytes, or never closed");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        if let Ok(available) = self.inner.fill_buf() {
            let taken = &available[..n.min(available.len())];
            self.line += taken.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        self.piece += n as u64;
        self.inner.consume(n);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn a_gzip_bomb_is_refused_and_a_long_log_is_not() {
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..70 {
            bomb.write_all(&zeros).unwrap();
        }
        let bomb = bomb.finish().unwrap();
        let mut sink = io::sink();
        let mut input = open(io::Cursor::new(bomb)).unwrap();
        let mut copied = 0;
        let error = loop {
            input.piece();
            let mut piece = vec![0; 1 << 16];
            match input.read(&mut piece) {
                Ok(0) => panic!("{copied} bytes and no error"),
                Ok(n) => copied += sink.write(&piece[..n]).unwrap() as u64,
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("expands"), "{error}");
        assert!(copied <= FREE + (1 << 17));
    }

    #[test]
    fn lines_are_counted() {
        let mut input = open(io::Cursor::new(b"a\nb\n\nc".to_vec())).unwrap();
        input.consume(2);
        assert_eq!(input.line(), 2);
        io::copy(&mut input, &mut io::sink()).unwrap();
        assert_eq!(input.line(), 4);
    }

    #[test]
    fn a_piece_without_end_is_refused() {
        let endless = BufReader::new(io::repeat(b'x'));
        let read = open(endless).and_then(|mut input| io::copy(&mut input, &mut io::sink()));
        assert!(read.unwrap_err().to_string().contains("never closed"));
    }
}
