//! gRPC from an ordinary client through the local proxy and the gateway to an ordinary service (SE-37).

mod service;

use super::Whole;
use bytes::Bytes;
use futures_util::{StreamExt, future::join_all, stream};
use http::uri::PathAndQuery;
use sealwire_client::Wire;
use sealwire_tests::{tap::Tap, within};
use service::{Service, Text};
use std::time::Duration;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};

const SECRET: &str = "Ada Lovelace";

/// The way to a service, which speaks HTTP/2 alone.
async fn whole(service: &Service, tapped: bool) -> Whole {
    Whole::made(service.address, |config| config.routes[0].upstream_http2 = true, |_| {}, tapped).await
}

/// A client of the local port, as it would be of the service.
async fn client(whole: &Whole) -> Grpc<Channel> {
    let to = Endpoint::from_shared(format!("http://{}", whole.connect.address())).unwrap();
    let mut client = Grpc::new(within("a connection", to.connect()).await.unwrap());
    ready(&mut client).await;
    client
}

async fn ready(client: &mut Grpc<Channel>) {
    within("readiness", client.ready()).await.unwrap();
}

fn method(name: &str) -> PathAndQuery {
    format!("/test.Echo/{name}").parse().unwrap()
}

async fn say(client: &mut Grpc<Channel>, what: Request<String>) -> Result<tonic::Response<String>, Status> {
    ready(client).await;
    within("an answer", client.unary(what, method("Say"), Text)).await
}

// SE-37: all four kinds of calls, and metadata; outside nothing of them shows.
#[tokio::test]
async fn all_kinds_of_calls_arrive_and_nothing_shows() {
    let service = Service::start().await;
    let whole = whole(&service, true).await;
    let tap: &Tap = whole.tap.as_ref().unwrap();
    let mut client = client(&whole).await;

    let mut request = Request::new(SECRET.to_owned());
    request.metadata_mut().insert("x-mine", "of mine".parse().unwrap());
    request.metadata_mut().insert_bin("x-raw-bin", MetadataValue::from_bytes(b"\0\xff"));
    let answer = say(&mut client, request).await.unwrap();
    assert_eq!(answer.metadata().get("x-mine").unwrap(), "of mine");
    assert_eq!(
        answer.metadata().get_bin("x-raw-bin").unwrap().to_bytes().unwrap(),
        Bytes::from_static(b"\0\xff")
    );
    assert_eq!(answer.into_inner(), SECRET);

    ready(&mut client).await;
    let words = stream::iter(["first", "second", "third"].map(str::to_owned));
    let joined = client.client_streaming(Request::new(words), method("Join"), Text);
    assert_eq!(within("an answer", joined).await.unwrap().into_inner(), "first second third");

    ready(&mut client).await;
    let counted = client.server_streaming(Request::new("1000".to_owned()), method("Count"), Text);
    let counted = within("an answer", counted).await.unwrap().into_inner();
    let numbers: Vec<_> = within("all", counted.map(Result::unwrap).collect()).await;
    assert_eq!(numbers, (0..1000).map(|number| number.to_string()).collect::<Vec<_>>());

    for seen in [SECRET, "test.Echo", "of mine", "grpc"] {
        assert!(!tap.saw(seen.as_bytes()), "{seen}");
    }
    let seen = &service.calls()[0];
    assert_eq!(seen.headers["te"], "trailers");
    assert_eq!(seen.headers["content-type"], "application/grpc");
    let counts = whole.connect.status().counts;
    assert_eq!((counts.channels, counts.grpc, counts.failed), (1, 3, 0));
}

// SE-37: both sides of a call stream at the same time.
#[tokio::test]
async fn both_sides_stream() {
    let service = Service::start().await;
    let whole = whole(&service, false).await;
    let mut client = client(&whole).await;
    let (say, heard) = tokio::sync::mpsc::channel::<String>(1);
    let saying = stream::unfold(heard, |mut heard| async { heard.recv().await.map(|word| (word, heard)) });
    let talking = client.streaming(Request::new(saying), method("Talk"), Text);
    let (answer, ()) =
        tokio::join!(within("an answer", talking), async { say.send("0".to_owned()).await.unwrap() });
    let mut echo = answer.unwrap().into_inner();
    for number in 0..20 {
        let word = within("an echo", echo.message()).await.unwrap().unwrap();
        assert_eq!(word, number.to_string());
        say.send((number + 1).to_string()).await.unwrap();
    }
    assert_eq!(within("an echo", echo.message()).await.unwrap().unwrap(), "20");
    drop(say);
    assert!(within("the end", echo.message()).await.unwrap().is_none());
}

fn is_the_failure(status: &Status) {
    assert_eq!((status.code(), status.message()), (Code::NotFound, "keine Ärztin"));
    assert_eq!(status.details(), b"\0\xff");
    assert_eq!(status.metadata().get("x-why").unwrap(), "because");
}

// SE-37: how a call failed, with its message, details and metadata, before its answer and behind it.
#[tokio::test]
async fn failures_arrive_whole() {
    let service = Service::start().await;
    let whole = whole(&service, false).await;
    let mut client = client(&whole).await;
    let failed = client.unary(Request::new(String::new()), method("Fail"), Text);
    is_the_failure(&within("an answer", failed).await.unwrap_err());
    ready(&mut client).await;
    let failing = client.server_streaming(Request::new(String::new()), method("FailLate"), Text);
    let mut messages = within("an answer", failing).await.unwrap().into_inner();
    for word in ["one", "two"] {
        assert_eq!(within("a message", messages.message()).await.unwrap().unwrap(), word);
    }
    is_the_failure(&within("the end", messages.message()).await.unwrap_err());
    ready(&mut client).await;
    let unknown = client.unary(Request::new(String::new()), method("Nothing"), Text);
    assert_eq!(within("an answer", unknown).await.unwrap_err().code(), Code::Unimplemented);
    assert_eq!(whole.connect.status().counts.failed, 0);
}

// SE-37: who goes away is gone at the service too.
#[tokio::test]
async fn a_cancelled_call_ends_at_the_service() {
    let service = Service::start().await;
    let whole = whole(&service, false).await;
    let mut client = client(&whole).await;
    let waiting = client.server_streaming(Request::new(String::new()), method("Wait"), Text);
    let mut messages = within("an answer", waiting).await.unwrap().into_inner();
    assert_eq!(within("a message", messages.message()).await.unwrap().unwrap(), "wait");
    service.until("the call", |all, gone| (all, gone) == (1, 0)).await;
    drop(messages);
    service.until("its cancellation", |all, gone| (all, gone) == (1, 1)).await;
    assert_eq!(say(&mut client, Request::new("on".to_owned())).await.unwrap().into_inner(), "on");
    assert_eq!(whole.connect.status().counts.channels, 1);
}

// SE-37: the service learns of the deadline, and the caller does not wait longer.
#[tokio::test]
async fn a_deadline_is_kept() {
    let service = Service::start().await;
    let whole = whole(&service, false).await;
    let mut client = client(&whole).await;
    let mut request = Request::new(String::new());
    request.set_timeout(Duration::from_millis(300));
    let waiting = client.server_streaming(request, method("Wait"), Text);
    let ended = match within("an answer", waiting).await {
        Err(status) => status,
        Ok(messages) => {
            // Its head came in time: the deadline is for that alone in tonic. The service was told of it all the same.
            drop(messages);
            Status::deadline_exceeded("")
        }
    };
    assert!(matches!(ended.code(), Code::DeadlineExceeded | Code::Cancelled), "{ended}");
    assert_eq!(service.calls()[0].headers["grpc-timeout"], "300000u");
}

// SE-37: many calls at once, some of them long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once() {
    let service = Service::start().await;
    let whole = whole(&service, false).await;
    let first = client(&whole).await;
    let calls = (0..200_usize).map(|number| {
        let mut client = first.clone();
        async move {
            let said = format!("{number} ").repeat(if number % 50 == 0 { 200_000 } else { 10 });
            assert!(say(&mut client, Request::new(said.clone())).await.unwrap().into_inner() == said);
        }
    });
    join_all(calls).await;
    let counts = whole.connect.status().counts;
    assert_eq!((counts.channels, counts.grpc, counts.failed, counts.resent), (1, 200, 0, 0));
}

// SE-43: a call that a gateway took along when it ended is not made twice, and the next one works.
#[tokio::test]
async fn a_restart_ends_calls_and_repeats_none() {
    let service = Service::start().await;
    let change = |config: &mut sealwire_gateway::Config| {
        config.routes[0].upstream_http2 = true;
        config.limits.drain_time = Duration::from_millis(1);
    };
    let mut whole = Whole::made(service.address, change, |_| {}, false).await;
    let mut client = client(&whole).await;
    let waiting = client.server_streaming(Request::new(String::new()), method("Wait"), Text);
    let mut messages = within("an answer", waiting).await.unwrap().into_inner();
    assert_eq!(within("a message", messages.message()).await.unwrap().unwrap(), "wait");
    whole.restart().await;
    let end = within("the end", messages.message()).await;
    assert!(end.is_err(), "{end:?}");
    assert_eq!(service.calls().len(), 1);
    assert_eq!(say(&mut client, Request::new("on".to_owned())).await.unwrap().into_inner(), "on");
    assert_eq!(service.calls().len(), 2);
    let counts = whole.connect.status().counts;
    assert_eq!((counts.renewals, counts.failed), (1, 0), "{counts:?}");
}

// The oblivious wire has no channel, and its callers hear what to do in the words of gRPC.
#[tokio::test]
async fn the_oblivious_wire_says_what_to_do() {
    let service = Service::start().await;
    let other = |settings: &mut sealwire::connect::ConnectSettings| settings.client.wire = Wire::Oblivious;
    let whole = Whole::with(service.address, |_| {}, other).await;
    let refused = say(&mut client(&whole).await, Request::new(SECRET.to_owned())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert!(refused.message().contains("--wire session"), "{refused}");
    assert!(service.calls().is_empty());
}
