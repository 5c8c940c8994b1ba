//! What goes through: as it comes, aborted where it is cut, once.

use crate::{
    forge::{MEDIA, PATH, begin, key, open, seal, send},
    support::{Files, stage},
};
use bytes::BytesMut;
use sealwire_gateway::hpke_http::{KeyFile, Step};
use sealwire_http::{
    crypto::random::OsRandom,
    hpke_http::{key::KeyRecord, message::Method},
};
use sealwire_tests::{App, Stage, raw::request, raw::transfer_chunk, redis::Redis};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

// HH-63: what has authenticated is there before the rest is; what is cut is never completed.
#[tokio::test(flavor = "multi_thread")]
async fn requests_stream_and_are_aborted_where_they_are_cut() {
    let files = Files::new();
    let stage = stage(App::count().await, &files, |_| {}).await;
    let key = key(&stage).await;
    let (mut out, mut sealer, reader) = begin(&key, Method::Post, "/", &[]);
    sealer.data(&mut out, &[7; 100_000]).unwrap();
    let mut raw = stage.connect().await;
    raw.send(request("POST", PATH, &[MEDIA, ("transfer-encoding", "chunked")])).await;
    raw.send(transfer_chunk(&out.split())).await;
    stage.app.until("the beginning", |counts| counts.reached == 1).await;
    assert_eq!(stage.app.counts().completed, 0);
    sealer.data(&mut out, b"end").unwrap();
    sealer.finish(&mut out).unwrap();
    raw.send(transfer_chunk(&out)).await.send(b"0\r\n\r\n").await;
    let (status, content, _) = open(&raw.answer().await, reader);
    assert_eq!((status, &content[..]), (200, &b"100003"[..]));

    // Cut at the border of a record, and altered.
    for altered in [false, true] {
        let (mut out, mut sealer, _) = begin(&key, Method::Post, "/", &[]);
        sealer.data(&mut out, &[7; 100_000]).unwrap();
        let mut rest = BytesMut::new();
        sealer.data(&mut rest, b"more").unwrap();
        if altered {
            rest[10] ^= 1;
        } else {
            rest.clear();
        }
        let answer = send(&stage, &[&out[..], &rest].concat()).await;
        assert_eq!((answer.status, answer.text().as_str()), (400, "The sealed request is not valid.\n"));
    }
    let counts = stage.app.until("both to end", |counts| counts.aborted == 2).await;
    assert_eq!(counts.completed, 1);
}

// HH-63: a route that asks for whole requests shows no beginning of one that is cut, and gathers to its cap.
#[tokio::test(flavor = "multi_thread")]
async fn complete_requests_are_gathered() {
    let files = Files::new();
    let stage = stage(App::count().await, &files, |config| {
        config.routes[0].complete_requests = Some(200_000);
    })
    .await;
    let key = key(&stage).await;
    let (mut out, mut sealer, _) = begin(&key, Method::Post, "/", &[]);
    sealer.data(&mut out, &[7; 100_000]).unwrap();
    assert_eq!(send(&stage, &out).await.status, 400);
    assert_eq!(stage.app.counts().reached, 0);
    let whole = seal(&key, Method::Post, "/", &[7; 200_000]);
    assert_eq!(open(&send(&stage, &whole.bytes).await, whole.reader).1, b"200000");
    let long = seal(&key, Method::Post, "/", &[7; 200_001]);
    assert_eq!(open(&send(&stage, &long.bytes).await, long.reader).0, 413);
    assert_eq!(stage.app.counts().reached, 1);
}

// HH-62: what is longer than a record holds is 502 with a way out; HH-60: compression is off unless a route asks.
#[tokio::test(flavor = "multi_thread")]
async fn long_answers_are_told_and_lengths_tell_nothing_of_what_is_inside() {
    let files = Files::new();
    let change = |compress| {
        move |config: &mut sealwire_gateway::Config| {
            config.hpke_http.as_mut().unwrap().max_body = 100_000;
            config.routes[0].compress_responses = compress;
        }
    };
    let plain = stage(App::echo().await, &files, change(false)).await;
    let squeezed = stage(App::echo().await, &files, change(true)).await;
    let ask = async |stage: &Stage, content: &[u8]| {
        let sealed = seal(&key(stage).await, Method::Post, "/", content);
        (send(stage, &sealed.bytes).await, sealed.reader)
    };
    let (long, _) = ask(&plain, &[b'a'; 100_001]).await;
    assert_eq!(long.status, 502);
    assert!(long.text().contains("--wire session"), "{}", long.text());
    let random: Vec<u8> = (0..50_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (same, other) = (ask(&plain, &[b'a'; 50_000]).await.0, ask(&plain, &random).await.0);
    assert_eq!(same.content.len(), other.content.len(), "not compressed");
    let (short, reader) = ask(&squeezed, &[b'a'; 50_000]).await;
    assert!(short.content.len() < 1000);
    assert_eq!(open(&short, reader).1, vec![b'a'; 50_000]);
}

/// A gateway whose keys outlive it.
async fn configured(files: &Files, redis: Option<&Redis>) -> Stage {
    let path = files.path("keys.toml");
    if !path.exists() {
        files.private("keys.toml", &KeyFile::generate(&OsRandom).unwrap().to_text());
    }
    stage(App::echo().await, files, |config| {
        let wire = config.hpke_http.as_mut().unwrap();
        wire.keys = Some(path);
        match redis {
            Some(redis) => wire.store_redis = Some(redis.url()),
            None => wire.store_file = Some(files.path("replays.redb")),
        }
    })
    .await
}

// HH-16, HH-65: a key that outlives its server remembers what it took.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_refused_after_a_restart() {
    let redis = Redis::start();
    for redis in [None, Some(&redis)] {
        let files = Files::new();
        let first = configured(&files, redis).await;
        let sealed = seal(&key(&first).await, Method::Post, "/", b"once");
        assert_eq!(send(&first, &sealed.bytes).await.status, 200);
        let Stage { gateway, .. } = first;
        // Dropped, not shut down: nothing is written at the end.
        drop(gateway);
        let second = loop {
            // The file of the store is free once the last task of the first has gone.
            let text = std::fs::File::open(files.path("keys.toml")).unwrap();
            if text.try_lock().is_ok() {
                drop(text);
                break configured(&files, redis).await;
            }
            tokio::task::yield_now().await;
        };
        let again = send(&second, &sealed.bytes).await;
        assert_eq!((again.status, second.app.counts().reached), (409, 0), "{}", again.text());
        let fresh = seal(&key(&second).await, Method::Post, "/", b"twice");
        assert_eq!(open(&send(&second, &fresh.bytes).await, fresh.reader).1, b"twice");
    }
}

// HH-17, HH-65: instances that share keys share a store; without it nothing is taken.
#[tokio::test(flavor = "multi_thread")]
async fn instances_share_one_store_and_refuse_without_it() {
    let redis = Redis::start();
    let files = Files::new();
    let (one, two) = (configured(&files, Some(&redis)).await, configured(&files, Some(&redis)).await);
    let sealed = seal(&key(&one).await, Method::Post, "/", b"once");
    assert_eq!(send(&one, &sealed.bytes).await.status, 200);
    assert_eq!(send(&two, &sealed.bytes).await.status, 409);
    let fresh = seal(&key(&one).await, Method::Post, "/", b"twice");
    drop(redis);
    assert_eq!(send(&two, &fresh.bytes).await.status, 503);
    assert_eq!(two.app.counts().reached, 0);
}

// HH-41: step by step, and no step left out.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_in_steps() {
    let files = Files::new();
    let stage = configured(&files, None).await;
    let file = || KeyFile::parse(&std::fs::read_to_string(files.path("keys.toml")).unwrap()).unwrap();
    let advertised = async || {
        let record = KeyRecord::parse(&stage.get(PATH).await.content).unwrap();
        String::from_utf8(record.recipient().id().to_vec()).unwrap()
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let old = key(&stage).await;
    let (mut next, first) = (file(), file());
    assert!(matches!(next.step(now, Duration::from_secs(90_000), &OsRandom), Ok(Step::Added { .. })));
    let added = next.to_text();
    let Ok(Step::Advertised { id, .. }) = next.step(now, Duration::from_secs(90_000), &OsRandom) else {
        panic!()
    };
    // Advertised before it is accepted everywhere.
    files.private("keys.toml", &next.to_text());
    let refused = stage.gateway.reload(stage.config.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("not accepted yet"), "{refused}");
    assert_eq!(advertised().await, first.advertised_id());
    for (text, wanted) in [(added, first.advertised_id()), (next.to_text(), id.as_str())] {
        files.private("keys.toml", &text);
        stage.gateway.reload(stage.config.clone()).await.unwrap();
        assert_eq!(advertised().await, wanted);
        // Whoever has the old key may still use it.
        let sealed = seal(&old, Method::Post, "/", b"old");
        assert_eq!(send(&stage, &sealed.bytes).await.status, 200);
    }
    // Taken out too early.
    let mut gone = file();
    gone.step(now + 100_000, Duration::ZERO, &OsRandom).unwrap();
    files.private("keys.toml", &gone.to_text());
    assert!(
        stage.gateway.reload(stage.config.clone()).await.unwrap_err().to_string().contains("may still use")
    );
    assert_eq!(send(&stage, &seal(&old, Method::Post, "/", b"old").bytes).await.status, 200);
}
