//! A gateway that answers what a test wants: its keys and evidence are genuine, its answers need not be.

use crate::{document::Server, message::Form};
use axum::{Router, body::Body, extract::Request, response::Response, routing::post};
use bytes::{BufMut, BytesMut};
use http::{StatusCode, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use sealwire_crypto::{aead::Aead, hpke::Symmetric, kdf::Hkdf, kem::Kem, random::OsRandom};
use sealwire_http::wire::OBLIVIOUS_PATH;
use sealwire_message::chunk::Opened as Chunk;
use sealwire_oblivious::{
    Limits,
    gateway::{self, ChunkedReply, GatewayKey, Header, SingleReply},
    media,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A request that has been opened.
pub struct Opened {
    /// its form
    pub form: Form,
    /// the Binary HTTP inside
    pub plaintext: Vec<u8>,
    reply: Reply,
}

enum Reply {
    Single(SingleReply),
    Chunked(ChunkedReply),
}

impl Opened {
    fn new(key: &GatewayKey, form: Form, sealed: &[u8]) -> Self {
        let limits = Limits::default();
        let (header, key) = Header::parse(sealed, |_| Some(key)).unwrap();
        match form {
            Form::Single => {
                let opened = gateway::open_single(header, key, sealed.into(), &limits).unwrap();
                let reply = Reply::Single(opened.reply);
                Self { form, plaintext: opened.plaintext.to_vec(), reply }
            }
            Form::Chunked => {
                let (prefix, rest) = sealed.split_at(header.prefix_len());
                let mut opened = gateway::open_chunked(header, key, prefix, &limits).unwrap();
                opened.chunks.push(rest);
                opened.chunks.end();
                let mut plaintext = Vec::new();
                while let Some(Chunk::Chunk(chunk) | Chunk::Final(chunk)) =
                    opened.chunks.next_chunk().unwrap()
                {
                    plaintext.extend_from_slice(&chunk);
                }
                Self { form, plaintext, reply: Reply::Chunked(opened.reply) }
            }
        }
    }

    /// An answer in chunks of these plaintexts, the last one final.
    #[must_use]
    pub fn chunks(&self, plaintexts: &[&[u8]]) -> Parts {
        let Reply::Chunked(reply) = &self.reply else { panic!("not a chunked exchange") };
        let mut out = BytesMut::new();
        let mut sealer = reply.start(&mut out, &OsRandom).unwrap();
        let nonce = out.split().to_vec();
        let (last, others) = plaintexts.split_last().unwrap();
        let mut chunks = Vec::new();
        for plaintext in others {
            sealer.chunk(&mut out, &[plaintext]).unwrap();
            chunks.push(out.split().to_vec());
        }
        sealer.finish(&mut out, &[last]).unwrap();
        chunks.push(out.to_vec());
        Parts { nonce, chunks }
    }

    /// The sealed form of an answer; every time another.
    #[must_use]
    pub fn seal(&self, plaintext: &[u8]) -> Vec<u8> {
        match &self.reply {
            Reply::Single(reply) => {
                let mut message = reply.buffer(plaintext.len());
                message.put_slice(plaintext);
                reply.seal(message, &OsRandom).unwrap().to_vec()
            }
            Reply::Chunked(reply) => {
                let mut out = BytesMut::new();
                reply.start(&mut out, &OsRandom).unwrap().finish(&mut out, &[plaintext]).unwrap();
                out.to_vec()
            }
        }
    }
}

/// A chunked answer in its parts.
pub struct Parts {
    /// what it begins with
    pub nonce: Vec<u8>,
    /// each chunk behind its length, the final one last
    pub chunks: Vec<Vec<u8>>,
}

impl Parts {
    /// Joined again, in any order.
    #[must_use]
    pub fn joined(&self, order: &[usize]) -> Vec<u8> {
        let chunks = order.iter().map(|at| self.chunks[*at].as_slice());
        std::iter::once(self.nonce.as_slice()).chain(chunks).collect::<Vec<_>>().concat()
    }
}

/// Media type of an answer of a form.
#[must_use]
pub fn media_type(form: Form) -> &'static str {
    match form {
        Form::Single => media::RESPONSE,
        Form::Chunked => media::CHUNKED_RESPONSE,
    }
}

/// An outer answer.
#[must_use]
pub fn outer(status: u16, media_type: &str, content: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(content));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert(CONTENT_TYPE, media_type.parse().unwrap());
    response
}

/// A running one.
pub struct FakeGateway {
    /// publishes its keys, takes requests
    pub server: Server,
    posts: Arc<AtomicUsize>,
}

impl FakeGateway {
    /// Answers each request as `answer` says.
    pub async fn start(answer: impl Fn(Opened) -> Response + Send + Sync + 'static) -> Self {
        let suite = Symmetric { kdf: Hkdf::Sha256, aead: Aead::Aes128Gcm };
        let key = Arc::new(GatewayKey::generate(9, Kem::X25519, &[suite], &OsRandom).unwrap());
        let published = [(9, key.config().encode())];
        let posts = Arc::new(AtomicUsize::new(0));
        let (count, answer) = (posts.clone(), Arc::new(answer));
        let take = move |request: Request| async move {
            count.fetch_add(1, Ordering::SeqCst);
            let (parts, content) = request.into_parts();
            let chunked = parts.headers[CONTENT_TYPE] == media::CHUNKED_REQUEST;
            let form = if chunked { Form::Chunked } else { Form::Single };
            let sealed = content.collect().await.unwrap().to_bytes();
            answer(Opened::new(&key, form, &sealed))
        };
        let router = Router::new().route(OBLIVIOUS_PATH, post(take));
        Self { server: Server::publishing(&published, router).await, posts }
    }

    /// Sealed requests that have come.
    #[must_use]
    pub fn posts(&self) -> usize {
        self.posts.load(Ordering::SeqCst)
    }
}
