//! HTTP/1.1 by hand, so that a test sees every byte.

#![allow(dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// One side of a connection.
pub struct Wire<S = TcpStream> {
    stream: S,
    read: Vec<u8>,
}

/// A start line and fields, names in lower case and sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub start: String,
    pub fields: Vec<(String, String)>,
}

impl Head {
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }
}

impl Wire {
    pub async fn connect(to: SocketAddr) -> Self {
        Self::over(TcpStream::connect(to).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub fn over(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    pub async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Sends a chunk of a chunked body.
    pub async fn send_chunk(&mut self, data: &[u8]) {
        let chunk = [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat();
        self.send(chunk).await;
    }

    /// Reads more; false at the end.
    async fn more(&mut self) -> bool {
        self.stream.read_buf(&mut self.read).await.is_ok_and(|read| read > 0)
    }

    pub async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.windows(2).position(|two| two == b"\r\n") {
                let line = self.read.drain(..end + 2).collect::<Vec<_>>();
                return Some(String::from_utf8(line[..end].to_vec()).unwrap());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    pub async fn head(&mut self) -> Option<Head> {
        let start = self.line().await?;
        let mut fields = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                fields.sort_unstable();
                return Some(Head { start, fields });
            }
            let (name, value) = line.split_once(':').unwrap();
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    pub async fn exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.read.len() < length {
            if !self.more().await {
                return None;
            }
        }
        Some(self.read.drain(..length).collect())
    }

    /// The next chunk of a chunked body, empty at its end; `None` when it is cut.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(&self.line().await?, 16).unwrap();
        if length == 0 {
            while !self.line().await?.is_empty() {}
            return Some(Vec::new());
        }
        let data = self.exactly(length).await?;
        self.line().await?;
        Some(data)
    }

    /// The body that a head announces; `None` when it is cut.
    pub async fn body(&mut self, head: &Head) -> Option<Vec<u8>> {
        if head.get("transfer-encoding") == Some("chunked") {
            let mut whole = Vec::new();
            loop {
                match self.chunk().await? {
                    chunk if chunk.is_empty() => return Some(whole),
                    chunk => whole.extend_from_slice(&chunk),
                }
            }
        }
        let length = head.get("content-length").map_or(0, |length| length.parse().unwrap());
        self.exactly(length).await
    }

    /// A whole message.
    pub async fn message(&mut self) -> Option<(Head, Vec<u8>)> {
        let head = self.head().await?;
        let body = self.body(&head).await?;
        Some((head, body))
    }
}

/// One request on a connection of its own; `fields` are whole lines without their ends.
pub async fn ask(to: SocketAddr, start: &str, fields: &[&str], body: &[u8]) -> (Head, Vec<u8>) {
    let mut wire = Wire::connect(to).await;
    wire.send(request(start, fields, body)).await;
    wire.message().await.expect("an answer")
}

pub fn request(start: &str, fields: &[&str], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{start} HTTP/1.1\r\n");
    for field in fields {
        text += field;
        text += "\r\n";
    }
    if !body.is_empty() {
        text += &format!("content-length: {}\r\n", body.len());
    }
    text += "\r\n";
    [text.as_bytes(), body].concat()
}
