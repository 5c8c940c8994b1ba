//! SE-77: a thousand requests of one session at once, whose pieces come in any order, and some of which never come.

use crate::{
    common::{Gateway, NOW, establish},
    ends::{answer, read},
};
use bytes::BytesMut;
use fastrand::Rng;
use sealwire_crypto::random::OsRandom;
use sealwire_message::chunk;
use sealwire_session::{
    Limits, client,
    request::{Binder, Listed, Mode, Opened, Padding},
    server::{self, Table},
};

const COUNT: usize = 1000;

// SE-77, SE-32: each answer that arrives is the one to its request, whatever became of the others.
#[test]
fn se_77_a_thousand_requests_at_once() {
    let gateway = Gateway::new(server::Config::default());
    let (client, server) = establish(&gateway, &client::Config::default(), None, *NOW).unwrap();
    let (id, secrets) = (client.id, &client.secrets.request);
    let table = Table::new(Limits::default());
    table.insert(Box::new(server), (), *NOW);
    let limits = chunk::Limits::default();
    let listed = Listed::nothing();
    let mut rng = Rng::with_seed(77);

    // All are sent before anything is answered. One in ten is lost, one in ten comes twice.
    let mut awaited = Vec::new();
    let mut arriving = Vec::new();
    for number in 0..COUNT {
        let ticket = secrets.ticket(&id, number as u64, Mode::Hidden, &listed, &OsRandom).unwrap();
        let (mut sealer, await_) = secrets.seal(ticket).unwrap().sealing(Padding::To(64), limits);
        let mut body = BytesMut::new();
        sealer.seal(&mut body, format!("request {number}").as_bytes()).unwrap();
        sealer.seal(&mut body, &[b'.'; 100]).unwrap();
        sealer.finish(&mut body, &[]).unwrap();
        awaited.push(await_);
        let times = [0, 1, 1, 1, 1, 1, 1, 1, 1, 2][rng.usize(0..10)];
        arriving.extend((0..times).map(|_| (number, ticket, body.clone().freeze())));
    }
    rng.shuffle(&mut arriving);

    // Their pieces come in turns: every request is open while the others are.
    let mut open = Vec::new();
    let mut refused = 0;
    for (number, ticket, body) in arriving {
        match table.admit(&id, ticket, Mode::Hidden, &listed, *NOW) {
            Ok(granted) => {
                let (opener, reply) = granted.keys.opening(limits);
                open.push((number, body, opener, Some(reply), Vec::new()));
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 50 && open.len() > 800);
    let mut answers: Vec<(usize, Binder, BytesMut)> = Vec::new();
    while !open.is_empty() {
        let at = rng.usize(0..open.len());
        let (number, body, opener, reply, data) = &mut open[at];
        let piece = body.split_to(rng.usize(1..80).min(body.len()));
        opener.push(&piece);
        if body.is_empty() {
            opener.end();
        }
        let mut is_complete = false;
        while let Some(opened) = opener.next_data().unwrap() {
            is_complete = matches!(opened, Opened::Final(_));
            let (Opened::Data(more) | Opened::Final(more)) = opened;
            data.extend_from_slice(&more);
        }
        if is_complete {
            assert_eq!(*data, [format!("request {number}").as_bytes(), &[b'.'; 100]].concat());
            let (binder, sealer) = reply.take().unwrap().begin(Padding::Off, limits, &OsRandom).unwrap();
            let mut body = BytesMut::new();
            sealer.finish(&mut body, &[&answer(format!("request {number}").as_bytes())]).unwrap();
            answers.push((*number, binder, body));
            open.swap_remove(at);
        }
    }

    // The answers come in any order, too; one in ten is lost, and a loss is nobody else's.
    rng.shuffle(&mut answers);
    let mut awaited: Vec<_> = awaited.into_iter().map(Some).collect();
    let mut answered = 0;
    for (number, binder, body) in answers {
        if rng.u8(0..10) > 0 {
            let data =
                awaited[number].take().unwrap().receive(&binder).and_then(|opener| read(opener, &body));
            assert_eq!(data.unwrap(), answer(format!("request {number}").as_bytes()));
            answered += 1;
        }
    }
    assert!(answered > 700);
}
