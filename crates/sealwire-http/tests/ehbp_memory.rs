//! What EHBP keeps in memory while much goes through it, and where a length lies (EH-25).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use peak_alloc::PeakAlloc;
use sealwire_crypto::random::OsRandom;
use sealwire_ehbp::{Limits, client, field::RESPONSE_NONCE, frame::Opened};
use sealwire_http::{
    Body, BoxError, SystemClock, body,
    server::{
        EhbpRules, RouteRules, Routes,
        ehbp::{
            EhbpLayer, SecondTries, Settings,
            keys::{self, Keys},
        },
    },
};
use sealwire_message::bhttp::RequestHead;
use std::{convert::Infallible, num::NonZeroU32, sync::Arc, time::Duration};
use tower::{Layer, Service, service_fn};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const FRAME: usize = 8 << 10;
const FRAMES: usize = 8 << 10;
/// What is gathered of an answer before it leaves, twice, and a few frames.
const BOUND: usize = 1 << 20;

struct Taken;

impl Routes for Taken {
    fn rules(&self, _: &RequestHead) -> RouteRules {
        RouteRules { ehbp: Some(EhbpRules::default()), ..RouteRules::default() }
    }
}

fn keys() -> Arc<Keys> {
    let settings = keys::Settings { overlap: Duration::from_secs(60), register_capacity: 16 };
    Arc::new(Keys::new(settings, Arc::new(SystemClock), &OsRandom).unwrap())
}

fn settings(keys: &Arc<Keys>) -> Settings {
    Settings {
        keys: keys.clone(),
        routes: Arc::new(Taken),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        limits: Limits::default(),
        second_tries: Arc::new(SecondTries::per_second(NonZeroU32::MIN)),
        header_time: Duration::from_secs(600),
        idle_time: Duration::from_secs(600),
        gathered: 1 << 20,
    }
}

/// A request with frames that are made when they are asked for, and what opens its answer.
fn request(keys: &Keys) -> (Request<Body>, client::Answer) {
    let config = keys.set().current().config().clone();
    let client::Request { enc, content, answer } =
        client::Request::new(&config, &Limits::default(), &OsRandom).unwrap();
    let frames = stream::unfold((content, 0), |(mut content, made)| async move {
        let mut frame = BytesMut::new();
        content.frame(&mut frame, &[0x55; FRAME]).unwrap();
        (made < FRAMES).then(|| (Ok::<_, BoxError>(Frame::data(frame.freeze())), (content, made + 1)))
    });
    let request = Request::post("http://app.example/")
        .header("host", "app.example")
        .header("ehbp-encapsulated-key", enc.to_field())
        .body(body::boxed(StreamBody::new(frames)))
        .unwrap();
    (request, answer)
}

// EH-25, EH-42: 64 MiB through both directions, and a length of 4 GiB, in less than a MiB.
#[test]
fn memory_stays_flat() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let keys = keys();
        let echo = service_fn(|request: Request<Body>| async {
            Ok::<_, Infallible>(Response::new(request.into_body()))
        });
        let mut service = EhbpLayer::new(settings(&keys)).layer(echo);
        let (request, answer) = request(&keys);

        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        let response = service.call(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let nonce = response.headers()[RESPONSE_NONCE].as_bytes().to_vec();
        let nonce = sealwire_ehbp::ResponseNonce::from_field(&nonce).unwrap();
        let mut opener = answer.open(&nonce, &Limits::default()).unwrap();
        let (mut content, mut read) = (response.into_body(), 0);
        while let Some(frame) = content.frame().await {
            opener.push(frame.unwrap().data_ref().unwrap());
            while let Some(Opened::Frame(content)) = opener.next_frame().unwrap() {
                read += content.len();
            }
        }
        assert_eq!(read, FRAME * FRAMES);
        let through = ALLOCATOR.peak_usage() - before;

        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        let lie = Bytes::from_static(&[0xff; 4]);
        let pending = stream::once(async move { Ok::<_, BoxError>(Frame::data(lie)) });
        let pending = futures_util::StreamExt::chain(pending, stream::pending());
        let (request, _) = self::request(&keys);
        let request = request.map(|_| body::boxed(StreamBody::new(pending)));
        assert_eq!(service.call(request).await.unwrap().status(), 400);
        let lied = ALLOCATOR.peak_usage() - before;

        println!("{} KiB through, {} KiB for a length", through >> 10, lied >> 10);
        assert!(through < BOUND && lied < BOUND, "{through} through, {lied} for a length");
    });
}
