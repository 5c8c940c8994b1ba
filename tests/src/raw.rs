//! HTTP/1.1 over a socket, by hand: so that what is sent is what the test says, to the byte.

use crate::within;
use bytes::{Buf, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::{io, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A connection.
pub struct Raw {
    stream: TcpStream,
    buffer: BytesMut,
}

/// The head of an answer.
#[derive(Debug, Clone)]
pub struct Head {
    /// its status
    pub status: u16,
    /// its fields
    pub headers: HeaderMap,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// its status
    pub status: u16,
    /// its fields
    pub headers: HeaderMap,
    /// its content, as far as it came
    pub content: Vec<u8>,
    /// whether the content came to its end
    pub complete: bool,
}

impl Answer {
    /// The content as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }

    /// A field's value; empty where there is none.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// How the content of an answer ends.
enum Framing {
    Length(usize),
    Chunked,
    Close,
}

impl Raw {
    /// Connects.
    pub async fn connect(to: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(to)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: BytesMut::new() }
    }

    /// Sends these bytes. That the other side has closed already is for whoever reads to find.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = within("a write", self.stream.write_all(bytes.as_ref())).await;
        self
    }

    /// Sends as much as the other side takes, until it closes or resets.
    pub async fn send_until_refused(&mut self, bytes: impl AsRef<[u8]>) {
        let flood = async {
            while self.stream.write_all(bytes.as_ref()).await.is_ok() {
                // What it says meanwhile is kept, so that neither side waits for the other.
                let mut chunk = [0; 4096];
                match self.stream.try_read(&mut chunk) {
                    Ok(0) => return,
                    Ok(read) => self.buffer.extend_from_slice(&chunk[..read]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        };
        within("the other side to close", flood).await;
    }

    /// Ends this side's direction.
    pub async fn finish(&mut self) -> &mut Self {
        let _ = self.stream.shutdown().await;
        self
    }

    /// A POST with these fields and content.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)], content: &[u8]) -> &mut Self {
        let length = content.len().to_string();
        let mut all = vec![("content-length", length.as_str())];
        all.extend_from_slice(fields);
        self.send(request("POST", path, &all)).await.send(content).await
    }

    /// Reads more; `false` at the end, however it comes.
    async fn fill(&mut self) -> bool {
        self.buffer.reserve(64 << 10);
        within("more bytes", self.stream.read_buf(&mut self.buffer)).await.is_ok_and(|read| read > 0)
    }

    /// Everything until the other side closes.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.fill().await {}
        self.buffer.split().to_vec()
    }

    /// The head of the next answer; `None` where the other side closes before it.
    pub async fn head(&mut self) -> Option<Head> {
        let end = loop {
            match find(&self.buffer, b"\r\n\r\n") {
                Some(end) => break end,
                None if self.fill().await => {}
                None => {
                    assert!(self.buffer.is_empty(), "half an answer: {:?}", self.buffer);
                    return None;
                }
            }
        };
        let head = self.buffer.split_to(end + 4);
        let text = std::str::from_utf8(&head[..end]).unwrap();
        let mut lines = text.split("\r\n");
        let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value.trim()).unwrap());
        }
        Some(Head { status, headers })
    }

    /// The next line of a chunked content's framing.
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return Some(String::from_utf8(line.to_vec()).unwrap());
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    async fn bytes(&mut self, len: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < len {
            if !self.fill().await {
                return None;
            }
        }
        Some(self.buffer.split_to(len).to_vec())
    }

    /// The next transfer chunk of a content that is sent in chunks: `Some` with no bytes at its end, `None` where it
    /// is cut.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = usize::from_str_radix(&self.line().await?, 16).unwrap();
        let chunk = self.bytes(size).await?;
        if size == 0 {
            // Trailers of the outside are not looked at.
            while !self.line().await?.is_empty() {}
        } else {
            self.line().await?;
        }
        Some(chunk)
    }

    /// The next answer, skipping informational ones; `None` where the other side closes before it.
    pub async fn try_answer(&mut self) -> Option<Answer> {
        let head = loop {
            let head = self.head().await?;
            if head.status >= 200 {
                break head;
            }
        };
        Some(self.content_of(head).await)
    }

    /// The same where one must come.
    pub async fn answer(&mut self) -> Answer {
        self.try_answer().await.expect("closed without an answer")
    }

    /// Reads the content that follows `head`.
    pub async fn content_of(&mut self, head: Head) -> Answer {
        let Head { status, headers } = head;
        let mut answer = Answer { status, headers, content: Vec::new(), complete: false };
        match framing(&answer) {
            Framing::Length(len) => match self.bytes(len).await {
                Some(content) => (answer.content, answer.complete) = (content, true),
                None => answer.content = self.buffer.split().to_vec(),
            },
            Framing::Chunked => loop {
                match self.chunk().await {
                    Some(chunk) if chunk.is_empty() => {
                        answer.complete = true;
                        break;
                    }
                    Some(chunk) => answer.content.extend_from_slice(&chunk),
                    None => break,
                }
            },
            Framing::Close => (answer.content, answer.complete) = (self.rest().await, true),
        }
        answer
    }
}

fn framing(answer: &Answer) -> Framing {
    if answer.status == 204 || answer.status == 304 {
        Framing::Length(0)
    } else if answer.field("transfer-encoding") == "chunked" {
        Framing::Chunked
    } else {
        answer.field("content-length").parse().map_or(Framing::Close, Framing::Length)
    }
}

/// A request's head, with a Host field.
#[must_use]
pub fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> String {
    let mut out = format!("{method} {path} HTTP/1.1\r\nhost: outside.example\r\n");
    for (name, value) in fields {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out + "\r\n"
}

/// `content` as one transfer chunk.
#[must_use]
pub fn transfer_chunk(content: &[u8]) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", content.len()).into_bytes();
    out.extend_from_slice(content);
    out.extend_from_slice(b"\r\n");
    out
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}
