//! What a channel keeps in memory while much goes through it, and somebody reads slowly.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]
#![allow(clippy::large_futures, reason = "the test holds both ends of a channel")]

#[path = "channel/ends.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod ends;

use bytes::Bytes;
use ends::{AUTHORITY, http};
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use peak_alloc::PeakAlloc;
use sealwire_http::{Body, BoxError, body};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::net::{TcpListener, TcpStream};
use tower::Service;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MUCH: usize = 100 << 20;
const PIECE: usize = 1 << 16;
/// The windows of both sides together are 2 MiB; the rest is buffers.
const BOUND: usize = 6 << 20;

/// Content of so many bytes, made when it is asked for, and how much was.
fn content() -> (Arc<AtomicUsize>, Body) {
    let made = Arc::new(AtomicUsize::new(0));
    let pieces = stream::unfold(Arc::clone(&made), |made| async {
        let before = made.fetch_add(PIECE, Ordering::SeqCst);
        let byte = u8::try_from(before / PIECE % 251).unwrap();
        (before < MUCH).then(|| (Ok::<_, BoxError>(Frame::data(Bytes::from(vec![byte; PIECE]))), made))
    });
    (made, body::boxed(StreamBody::new(pieces)))
}

/// Reads everything; every 8 MiB only goes on once nothing more can be sent meanwhile.
async fn read_slowly(mut content: Body, made: &AtomicUsize) -> usize {
    let (mut read, mut stalls) = (0, 0);
    while let Some(frame) = content.frame().await {
        let Ok(data) = frame.unwrap().into_data() else { continue };
        for byte in data.iter() {
            assert_eq!(usize::from(*byte), read / PIECE % 251);
            read += 1;
        }
        if read >> 23 > stalls {
            stalls = read >> 23;
            let (mut before, mut same) = (0, 0);
            while same < 5000 {
                tokio::task::yield_now().await;
                let now = made.load(Ordering::SeqCst);
                same = if now == before { same + 1 } else { 0 };
                before = now;
            }
            let ahead = before.saturating_sub(read);
            // What the kernel keeps of a connection over loopback is not ours.
            assert!(ahead < BOUND + (16 << 20), "{ahead} bytes ahead of the reader");
        }
    }
    read
}

// SE-37, SE-38
#[test]
fn memory_has_a_bound_however_slow_the_reader() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (a, b) = tokio::join!(TcpStream::connect(address), listener.accept());
        let made = Arc::new(std::sync::Mutex::new(None));
        let mut carried = http(a.unwrap(), b.unwrap().0, {
            let made = Arc::clone(&made);
            move |request: Request<Body>| {
                let uploaded: Option<Arc<AtomicUsize>> = made.lock().unwrap().take();
                let made = Arc::clone(&made);
                async move {
                    if let Some(uploaded) = uploaded {
                        let read = read_slowly(request.into_body(), &uploaded).await;
                        return Response::new(body::full(read.to_string()));
                    }
                    let (making, content) = content();
                    *made.lock().unwrap() = Some(making);
                    Response::new(content)
                }
            }
        })
        .await;
        let uri = format!("https://{AUTHORITY}/");

        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        let (making, upload) = content();
        *made.lock().unwrap() = Some(making);
        let answer = carried.channel.call(Request::post(&uri).body(upload).unwrap()).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), MUCH.to_string());
        let there = ALLOCATOR.peak_usage() - before;

        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        let answer = carried.channel.call(Request::get(&uri).body(body::empty()).unwrap()).await.unwrap();
        let making = made.lock().unwrap().take().unwrap();
        assert_eq!(read_slowly(answer.into_body(), &making).await, MUCH);
        let back = ALLOCATOR.peak_usage() - before;

        println!("{} KiB there, {} KiB back", there >> 10, back >> 10);
        assert!(there < BOUND && back < BOUND, "{there} there, {back} back");
        drop(carried.channel);
        carried.connection.await.unwrap().unwrap();
        carried.server.await.unwrap().unwrap();
    });
}
