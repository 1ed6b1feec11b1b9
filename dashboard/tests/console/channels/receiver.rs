//! A receiver on a port of this machine that takes requests as a service does, and answers as it is told: also late, half, or
//! not at all.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What is said to a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Status, header lines and body.
    Say(u16, &'static str, String),
    /// The connection is closed in the middle of the answer.
    Half,
    /// Nothing, for as long as the connection stands.
    Silence,
}

/// `errcode` in the body of a 200, as both robots answer.
pub fn errcode(code: i64, text: &str) -> Reply {
    Reply::Say(
        200,
        "",
        format!(r#"{{"errcode":{code},"errmsg":"{text}"}}"#),
    )
}

/// What came in.
#[derive(Debug, Clone)]
pub struct Request {
    /// Path and query.
    pub path: String,
    /// Header lines.
    pub head: String,
    /// Body.
    pub body: String,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    }
}

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Request>>,
    replies: Mutex<VecDeque<Reply>>,
}

/// The receiver.
pub struct Receiver {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    serving: AbortHandle,
}

impl Receiver {
    /// Answers as `usual` when nothing else was asked for.
    pub async fn start(usual: Reply) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), usual).await
    }

    pub async fn start_at(address: SocketAddr, usual: Reply) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&own), usual.clone()));
            }
        });
        Self {
            address,
            shared,
            serving: serving.abort_handle(),
        }
    }

    /// The next requests are answered so, one after the other.
    pub fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.replies.lock().unwrap().extend(replies);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, usual: Reply) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first).await.ok()?;
    let mut head = String::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut request = Request {
        path: first.split(' ').nth(1)?.to_owned(),
        head,
        body: String::new(),
    };
    let length: usize = request
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    request.body = String::from_utf8(body).unwrap();
    shared.requests.lock().unwrap().push(request);
    let reply = shared.replies.lock().unwrap().pop_front().unwrap_or(usual);
    match reply {
        Reply::Say(status, headers, body) => {
            let answer = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
        }
        Reply::Half => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{\"errcode\":")
                .await
                .ok()?;
        }
        Reply::Silence => {
            // Until the other side goes.
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.ok()?;
        }
    }
    stream.shutdown().await.ok()
}
