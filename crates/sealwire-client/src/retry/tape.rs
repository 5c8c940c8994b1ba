//! A body that can be sent again: what has streamed is kept, up to a cap.

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use sealwire_http::{Body, BoxError, body};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

/// Bytes of a body that are kept; a frame counts as at least [`FRAME`]. A longer body cannot be sent again once more than this has streamed.
pub(super) const CAP: usize = 64 << 10;
/// What a frame costs, however little it carries.
const FRAME: usize = 64;

/// A request's body, to be played once for each attempt.
pub(super) struct Tape(Option<Arc<Mutex<Reel>>>);

struct Reel {
    /// frames that have streamed, unless they were let go
    kept: Vec<Kept>,
    cost: usize,
    source: Source,
    /// frames were let go: no attempt can start any more
    lost: bool,
    /// the attempt that may play
    turn: u64,
    /// how to tell that attempt that its turn is over: it waits for frames that go to another
    waiting: Option<Waker>,
}

#[derive(Clone)]
enum Kept {
    Data(Bytes),
    Trailers(http::HeaderMap),
}

enum Source {
    Open(Body),
    Ended,
    Failed,
}

/// The attempt was given up for a later one, which has the body now.
#[derive(Debug, thiserror::Error)]
#[error("superseded by a later attempt")]
struct Superseded;

impl Tape {
    pub(super) fn new(body: Body) -> Self {
        if body.is_end_stream() {
            return Self(None);
        }
        Self(Some(Arc::new(Mutex::new(Reel {
            kept: Vec::new(),
            cost: 0,
            source: Source::Open(body),
            lost: false,
            turn: 0,
            waiting: None,
        }))))
    }

    /// The body from its beginning; an earlier attempt that still plays it fails. `None` when it is no longer whole.
    pub(super) fn play(&self) -> Option<Body> {
        let Some(shared) = &self.0 else { return Some(body::empty()) };
        let mut reel = lock(shared);
        if !reel.is_whole() {
            return None;
        }
        reel.turn += 1;
        let turn = reel.turn;
        let superseded = reel.waiting.take();
        drop(reel);
        if let Some(superseded) = superseded {
            superseded.wake();
        }
        Some(body::boxed(Attempt { shared: shared.clone(), turn, position: 0 }))
    }

    /// Whether [`Self::play`] would give a body.
    pub(super) fn is_whole(&self) -> bool {
        self.0.as_ref().is_none_or(|shared| lock(shared).is_whole())
    }

    /// Whether the caller's body failed.
    pub(super) fn has_failed(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| matches!(lock(shared).source, Source::Failed))
    }

    /// There will be no further attempt: keeps nothing more. The last attempt plays on.
    pub(super) fn let_go(self) {
        if let Some(shared) = &self.0 {
            lock(shared).lost = true;
        }
    }
}

fn lock(reel: &Mutex<Reel>) -> MutexGuard<'_, Reel> {
    // A poisoned reel is one whose source panicked: it has no more frames.
    reel.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reel {
    fn is_whole(&self) -> bool {
        !self.lost && !matches!(self.source, Source::Failed)
    }

    fn keep(&mut self, frame: &Frame<Bytes>) {
        if self.lost {
            return;
        }
        match (frame.data_ref(), frame.trailers_ref()) {
            (Some(data), _) if data.len().max(FRAME) <= CAP - self.cost => {
                self.cost += data.len().max(FRAME);
                self.kept.push(Kept::Data(data.clone()));
            }
            (Some(_), _) => {
                self.lost = true;
                self.kept = Vec::new();
            }
            (None, Some(trailers)) => self.kept.push(Kept::Trailers(trailers.clone())),
            (None, None) => {}
        }
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Source::Open(body) = &mut self.source else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => self.keep(frame),
            Some(Err(_)) => self.source = Source::Failed,
            None => self.source = Source::Ended,
        }
        Poll::Ready(frame)
    }

    /// Data bytes kept from `position` on.
    fn kept_from(&self, position: usize) -> u64 {
        let rest = self.kept.iter().skip(position);
        rest.map(|kept| if let Kept::Data(data) = kept { data.len() as u64 } else { 0 }).sum()
    }
}

/// One play of a tape.
struct Attempt {
    shared: Arc<Mutex<Reel>>,
    turn: u64,
    position: usize,
}

impl HttpBody for Attempt {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let shared = self.shared.clone();
        let mut reel = lock(&shared);
        if reel.turn != self.turn {
            return Poll::Ready(Some(Err(Superseded.into())));
        }
        if let Some(kept) = reel.kept.get(self.position) {
            self.position += 1;
            return Poll::Ready(Some(Ok(match kept.clone() {
                Kept::Data(data) => Frame::data(data),
                Kept::Trailers(trailers) => Frame::trailers(trailers),
            })));
        }
        if reel.lost {
            reel.kept = Vec::new();
        }
        let Poll::Ready(frame) = reel.poll_source(cx) else {
            reel.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        };
        // Whatever is kept from here on, this attempt has had it.
        self.position = reel.kept.len();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let reel = lock(&self.shared);
        reel.turn == self.turn
            && self.position >= reel.kept.len()
            && match &reel.source {
                Source::Open(body) => body.is_end_stream(),
                Source::Ended => true,
                Source::Failed => false,
            }
    }

    fn size_hint(&self) -> SizeHint {
        let reel = lock(&self.shared);
        let kept = reel.kept_from(self.position);
        let source = match &reel.source {
            Source::Open(body) => body.size_hint(),
            Source::Ended | Source::Failed => SizeHint::with_exact(0),
        };
        let mut hint = SizeHint::new();
        hint.set_lower(source.lower().saturating_add(kept));
        if let Some(upper) = source.upper().and_then(|upper| upper.checked_add(kept)) {
            hint.set_upper(upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use http_body_util::{BodyExt, StreamBody};
    use proptest::prelude::*;

    fn streamed(frames: Vec<Vec<u8>>) -> Body {
        let frames = frames.into_iter().map(|data| Ok::<_, BoxError>(Frame::data(Bytes::from(data))));
        body::boxed(StreamBody::new(futures_util::stream::iter(frames)))
    }

    fn collect(body: Body) -> Vec<u8> {
        body.collect().now_or_never().unwrap().unwrap().to_bytes().to_vec()
    }

    proptest! {
        // SE-43: the second attempt sends what the first did, wherever the first stopped.
        #[test]
        fn every_play_gives_the_whole_body(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9000), 0..20),
            stop in 0..25usize,
        ) {
            let whole = frames.concat();
            let fits = frames.iter().map(|data| data.len().max(FRAME)).sum::<usize>() <= CAP;
            let tape = Tape::new(streamed(frames));
            let mut first = tape.play().unwrap();
            for _ in 0..stop {
                let _ = first.frame().now_or_never().unwrap();
            }
            match tape.play() {
                Some(second) => prop_assert_eq!(collect(second), whole),
                None => prop_assert!(!fits),
            }
        }

        #[test]
        fn the_length_is_known_if_the_source_knows_it(length in 0..2 * CAP, polled: bool) {
            let tape = Tape::new(body::full(vec![1; length]));
            let mut first = tape.play().unwrap();
            prop_assert_eq!(first.size_hint().exact(), Some(length as u64));
            if polled {
                let _ = first.frame().now_or_never().unwrap();
                prop_assert_eq!(first.size_hint().exact(), Some(0));
                prop_assert!(first.is_end_stream());
            }
            if let Some(second) = tape.play() {
                prop_assert_eq!(second.size_hint().exact(), Some(length as u64));
            }
        }
    }

    #[test]
    fn the_cap_holds_for_many_small_frames() {
        let tape = Tape::new(streamed(vec![vec![1]; CAP / FRAME + 1]));
        assert_eq!(collect(tape.play().unwrap()).len(), CAP / FRAME + 1);
        assert!(!tape.is_whole());
        assert!(tape.play().is_none());
    }

    // Whoever sends the earlier play must not wait for frames that go to the later one.
    #[tokio::test]
    async fn an_earlier_play_ends_when_a_later_begins() {
        let (to, from) = tokio::sync::mpsc::channel::<Result<Frame<Bytes>, BoxError>>(1);
        let frames =
            futures_util::stream::unfold(from, |mut from| async { from.recv().await.map(|f| (f, from)) });
        let tape = Tape::new(body::boxed(StreamBody::new(frames)));
        let first = tokio::spawn(tape.play().unwrap().collect());
        tokio::task::yield_now().await;
        let second = tape.play().unwrap();
        let error = first.await.unwrap().unwrap_err();
        assert!(error.is::<Superseded>());
        to.send(Ok(Frame::data(Bytes::from_static(b"x")))).await.unwrap();
        drop(to);
        assert_eq!(second.collect().await.unwrap().to_bytes(), "x");
    }

    #[test]
    fn a_failed_source_is_known() {
        let frames = vec![Ok(Frame::data(Bytes::from_static(b"x"))), Err(BoxError::from("broken"))];
        let tape = Tape::new(body::boxed(StreamBody::new(futures_util::stream::iter(frames))));
        assert!(!tape.has_failed());
        assert!(tape.play().unwrap().collect().now_or_never().unwrap().is_err());
        assert!(tape.has_failed());
        assert!(tape.play().is_none());
    }

    #[test]
    fn what_is_let_go_is_freed_and_the_last_play_goes_on() {
        let tape = Tape::new(streamed(vec![vec![1; 10], vec![2; 10], vec![3; 10]]));
        let mut play = tape.play().unwrap();
        let _ = play.frame().now_or_never().unwrap();
        let shared = tape.0.clone().unwrap();
        tape.let_go();
        assert_eq!(collect(play).len(), 20);
        assert!(lock(&shared).kept.is_empty());
    }

    #[test]
    fn trailers_are_replayed() {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("sum", http::HeaderValue::from_static("1"));
        let frames = vec![
            Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"x"))),
            Ok(Frame::trailers(trailers.clone())),
        ];
        let tape = Tape::new(body::boxed(StreamBody::new(futures_util::stream::iter(frames))));
        for _ in 0..2 {
            let collected = tape.play().unwrap().collect().now_or_never().unwrap().unwrap();
            assert_eq!(collected.trailers(), Some(&trailers));
        }
    }
}
