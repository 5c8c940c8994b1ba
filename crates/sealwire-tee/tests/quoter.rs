//! AT-61: quotes are made apart from requests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sealwire_attest::{Bound, Endorsements, Evidence, Kind};
use sealwire_tee::{Attested, Error, Platform, Produced, Quoter, Tee};
use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

const LONG: Duration = Duration::from_secs(600);

/// What the quote of a number is bound to.
fn bound(number: u8) -> Bound {
    Bound::new("test", "test", &[number], &[])
}

/// How its report data begins.
fn first(number: u8) -> u8 {
    bound(number).digest(Kind::Snp, &[])[0]
}

/// Tells when a quote begins, and ends it when told to.
struct Gated {
    begun: mpsc::Sender<u8>,
    go_on: Mutex<mpsc::Receiver<bool>>,
}

impl Tee for Gated {
    fn kind(&self) -> Kind {
        Kind::Snp
    }

    fn produce(&self, report_data: &[u8; 64]) -> Result<Produced, Error> {
        self.begun.send(report_data[0]).unwrap();
        if !self.go_on.lock().unwrap().recv().unwrap() {
            return Err(Error::WrongReport);
        }
        let evidence = Evidence { kind: Kind::Snp, bytes: report_data.to_vec() };
        Ok(Produced { evidence, endorsements: Endorsements::default() })
    }
}

fn gated() -> (Arc<Gated>, mpsc::Receiver<u8>, mpsc::Sender<bool>) {
    let (begun, begins) = mpsc::channel();
    let (go, go_on) = mpsc::channel();
    (Arc::new(Gated { begun, go_on: Mutex::new(go_on) }), begins, go)
}

/// Starts a quote, and returns once the quoter has its request.
async fn started(quoter: &Quoter, number: u8) -> tokio::task::JoinHandle<Result<Attested, Error>> {
    let quoter = quoter.clone();
    let (sent, is_sent) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(async move {
        let quote = quoter.quote(bound(number));
        tokio::pin!(quote);
        // One poll puts the request into the queue.
        let first = poll_once(quote.as_mut()).await;
        sent.send(()).unwrap();
        match first {
            Some(answer) => answer,
            None => quote.await,
        }
    });
    is_sent.await.unwrap();
    task
}

/// The result of one poll.
async fn poll_once<F: Future + ?Sized>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

// AT-61
#[tokio::test]
async fn makes_quotes_in_order() {
    let (tee, begins, go) = gated();
    let quoter = Quoter::spawn(tee, 4, LONG);
    assert_eq!(quoter.kind(), Kind::Snp);
    assert_eq!(quoter.stats().last, None);
    let (one, two) = (started(&quoter, 1).await, started(&quoter, 2).await);
    go.send(true).unwrap();
    go.send(false).unwrap();
    assert_eq!(one.await.unwrap().unwrap().evidence.lead.bytes, bound(1).digest(Kind::Snp, &[]));
    assert!(matches!(two.await.unwrap(), Err(Error::WrongReport)));
    assert_eq!(begins.try_iter().collect::<Vec<_>>(), [first(1), first(2)]);
    let stats = quoter.stats();
    assert_eq!((stats.made, stats.failed, stats.waiting), (1, 1, 0));
    assert!(stats.last.is_some());
}

// AT-01: of several devices the one that makes no evidence is named.
#[test]
fn a_companion_that_fails_is_named() {
    let (lead, _lead_begins, _lead_go) = gated();
    let (gpu, _begins, go) = gated();
    go.send(false).unwrap();
    let error = Platform::new(lead).with_companion("gpu-1".to_owned(), gpu).produce(&bound(1)).unwrap_err();
    assert!(matches!(&error, Error::Companion { label, .. } if label == "gpu-1"), "{error:?}");
    assert!(error.to_string().starts_with("companion `gpu-1`: "), "{error}");
}

// AT-61
#[tokio::test]
async fn the_queue_has_a_limit() {
    let (tee, begins, go) = gated();
    let quoter = Quoter::spawn(tee, 2, LONG);
    let in_work = started(&quoter, 1).await;
    assert_eq!(begins.recv().unwrap(), first(1));
    let waiting = [started(&quoter, 2).await, started(&quoter, 3).await];
    assert_eq!(quoter.stats().waiting, 2);
    assert!(matches!(quoter.quote(bound(4)).await, Err(Error::Busy)));
    assert_eq!(quoter.stats().refused, 1);
    for _ in 0..3 {
        go.send(true).unwrap();
    }
    assert!(in_work.await.unwrap().is_ok());
    for task in waiting {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(quoter.stats().made, 3);
}

// AT-61
#[tokio::test(start_paused = true)]
async fn a_slow_quote_is_given_up_and_so_are_those_behind_it() {
    let (tee, begins, go) = gated();
    let quoter = Quoter::spawn(tee, 4, Duration::from_secs(5));
    let slow = started(&quoter, 1).await;
    let behind = started(&quoter, 2).await;
    assert_eq!(begins.recv().unwrap(), first(1));
    // The runtime's clock stands still while anything can run, and then leaps to the timeout.
    assert!(matches!(slow.await.unwrap(), Err(Error::Timeout)));
    assert!(matches!(behind.await.unwrap(), Err(Error::Timeout)));
    assert_eq!(quoter.stats().timed_out, 2);
    tokio::time::resume();
    // The platform comes back: nothing is made for who has gone, and the next is served.
    let next = started(&quoter, 3).await;
    go.send(true).unwrap();
    go.send(true).unwrap();
    assert_eq!(begins.recv().unwrap(), first(3));
    assert!(next.await.unwrap().is_ok());
}

/// Ends its thread.
struct Dying;

impl Tee for Dying {
    fn kind(&self) -> Kind {
        Kind::Snp
    }

    fn produce(&self, _: &[u8; 64]) -> Result<Produced, Error> {
        panic!("on purpose")
    }
}

// AT-61
#[tokio::test]
async fn a_thread_that_has_ended_is_an_error() {
    let quoter = Quoter::spawn(Arc::new(Dying), 1, LONG);
    assert!(matches!(quoter.quote(bound(0)).await, Err(Error::Stopped)));
    // The receiver goes with the thread, maybe a moment later than the answer.
    while !matches!(quoter.quote(bound(0)).await, Err(Error::Stopped)) {
        tokio::task::yield_now().await;
    }
}
