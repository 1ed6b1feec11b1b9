//! A network between two programs, which a test can cut.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// It carries.
    Whole,
    /// A cable is pulled: nothing arrives, and neither side is told.
    Dead,
    /// Connections are closed, and new ones too.
    Cut,
}

/// Carries TCP to one address; ends with this value.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    wire: watch::Sender<Wire>,
}

impl Proxy {
    /// Begins to carry to `target`.
    ///
    /// # Panics
    /// When there is no port to listen on.
    pub async fn start(target: SocketAddr) -> Self {
        Self::losing(target, None).await
    }

    /// As [`Proxy::start`]; of the RTP packets that come back inside an RTSP connection every `lost`-th is left out.
    ///
    /// # Panics
    /// As [`Proxy::start`].
    pub async fn losing(target: SocketAddr, lost: Option<usize>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("its address");
        let wire = watch::Sender::new(Wire::Whole);
        tokio::spawn(accept(listener, target, lost, wire.subscribe()));
        Self { address, wire }
    }

    /// Changes the network.
    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    lost: Option<usize>,
    mut wire: watch::Receiver<Wire>,
) {
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted,
            // An error: the proxy is dropped.
            changed = wire.changed() => match changed { Ok(()) => continue, Err(_) => return },
        };
        let Ok((client, _)) = client else { return };
        if *wire.borrow() == Wire::Cut {
            continue;
        }
        let wire = wire.clone();
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(target).await else {
                return;
            };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let back = lost.map(Losing::every);
            tokio::select! {
                () = carry(from_client, to_server, wire.clone(), None) => {}
                () = carry(from_server, to_client, wire, back) => {}
            }
        });
    }
}

/// Carries one direction until an end closes, or the wire is cut.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut wire: watch::Receiver<Wire>,
    mut losing: Option<Losing>,
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            changed = wire.changed() => match changed {
                Ok(()) if *wire.borrow() != Wire::Cut => continue,
                _ => return,
            },
        };
        let Ok(length @ 1..) = read else { return };
        // On a dead wire they wait, as they would to be sent again by TCP.
        match wire.wait_for(|wire| *wire != Wire::Dead).await {
            Ok(wire) if *wire == Wire::Whole => {}
            _ => return,
        }
        let bytes = match &mut losing {
            Some(losing) => losing.pass(&buffer[..length]),
            None => buffer[..length].to_vec(),
        };
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Leaves packets out of an RTSP connection (RFC 2326, 10.12: `$`, channel, length, packet; between them answers as text).
struct Losing {
    every: usize,
    seen: usize,
    held: Vec<u8>,
}

impl Losing {
    fn every(every: usize) -> Self {
        Self {
            every,
            seen: 0,
            held: Vec::new(),
        }
    }

    /// What of the bytes so far is whole and goes on.
    fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let mut passed = Vec::with_capacity(bytes.len());
        while let Some(length) = message_length(&self.held) {
            let message: Vec<u8> = self.held.drain(..length).collect();
            // Channel 0 is the video's; its reports, on channel 1, stay.
            if message.starts_with(b"$\0") {
                self.seen += 1;
                if self.seen.is_multiple_of(self.every) {
                    continue;
                }
            }
            passed.extend(message);
        }
        passed
    }
}

/// Length of the first message, once it is there whole.
fn message_length(held: &[u8]) -> Option<usize> {
    let length = match held {
        [b'$', _, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        [b'$', ..] => return None,
        _ => {
            let head = held.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
            let text = String::from_utf8_lossy(&held[..head]).to_ascii_lowercase();
            let body = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            head + body.map_or(0, |body| body.trim().parse().unwrap_or(0))
        }
    };
    (held.len() >= length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nth_packet_of_the_video_is_left_out_however_the_bytes_are_cut() {
        let packet = |channel: u8, n: u8| [b"$".as_slice(), &[channel, 0, 2, n, n]].concat();
        let answer = b"RTSP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n$\0x".to_vec();
        let sent = [
            answer.clone(),
            packet(0, 1),
            packet(1, 9),
            packet(0, 2),
            packet(0, 3),
        ]
        .concat();
        let kept = [answer, packet(0, 1), packet(1, 9), packet(0, 3)].concat();
        for size in [1, 3, 7, sent.len()] {
            let mut losing = Losing::every(2);
            let passed: Vec<u8> = sent
                .chunks(size)
                .flat_map(|part| losing.pass(part))
                .collect();
            assert_eq!(passed, kept, "in pieces of {size}");
        }
    }
}
