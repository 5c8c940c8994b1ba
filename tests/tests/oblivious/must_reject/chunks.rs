//! OB-108 to OB-114: chunked messages that are cut, put together wrongly, or too long.
//!
//! What comes before any chunk has authenticated is answered like a wrong key; what comes after is answered inside, and
//! the application's exchange is aborted, never completed (OB-25).

use super::{Application, Numbers, Row, Table};
use sealwire_http::wire::OBLIVIOUS_PATH;
use sealwire_tests::{
    App,
    message::{ByHand, Form, Opener, head, plaintext},
    raw::{request, transfer_chunk},
};

/// A request in three parts that each end where a chunk may: its head, and content before and after.
fn parts() -> [Vec<u8>; 3] {
    let whole = plaintext(&head("POST", "/v1"), &[7; 200]);
    let (rest, end) = whole.split_at(whole.len() - 50);
    let (start, middle) = rest.split_at(rest.len() - 100);
    [start.to_vec(), middle.to_vec(), end.to_vec()]
}

impl Table {
    /// A message whose first chunk is good, and of which `wrong` makes the rest.
    async fn after_the_head(&self, id: &str, status: u16, wrong: impl FnOnce(&mut ByHand, [Vec<u8>; 3])) {
        let [start, middle, end] = parts();
        let (mut hand, opener) = self.stage.sealing().await.by_hand();
        hand.chunk(b"", &start);
        let before = hand.out.len();
        wrong(&mut hand, [start, middle, end]);
        let id = format!("{id}, after the head");
        let row = Row { before, ..Row::new(&id, Form::Chunked, &hand.out) };
        self.inside(&row, Opener::Chunked(opener), status, "message", Application::Aborted).await;
    }

    /// A message that is wrong from its first chunk on.
    async fn wrong_at_once(&self, id: &str, wrong: impl FnOnce(&mut ByHand, [Vec<u8>; 3])) {
        let (mut hand, _) = self.stage.sealing().await.by_hand();
        wrong(&mut hand, parts());
        let id = format!("{id}, from the start");
        let row = Row::new(&id, Form::Chunked, &hand.out);
        self.key(&row).await;
    }
}

// ON-21
#[tokio::test]
async fn ob_108_end_without_a_final_chunk() {
    let table = Table::start().await;
    table.after_the_head("OB-108", 400, |hand, [_, middle, _]| hand.chunk(b"", &middle)).await;
    table
        .after_the_head("OB-108, all content there", 400, |hand, [_, middle, end]| {
            hand.chunk(b"", &middle);
            hand.chunk(b"", &end);
        })
        .await;
    table
        .wrong_at_once("OB-108", |hand, [start, ..]| {
            hand.chunk(b"", &start);
            hand.out.pop();
        })
        .await;
    // Without content nothing needs to be streamed: the request waits for its end, and never reaches anybody.
    let (sealed, opener) = table.stage.sealing().await.cut(&[&plaintext(&head("GET", "/v1"), b"")]);
    let row = Row::new("OB-108, GET", Form::Chunked, &sealed);
    table.inside(&row, Opener::Chunked(opener), 400, "message", Application::NotReached).await;
}

// ON-23, ON-24
#[tokio::test]
async fn ob_109_additional_data_of_the_other_kind() {
    let table = Table::start().await;
    let whole = |[start, middle, end]: [Vec<u8>; 3]| [start, middle, end].concat();
    table
        .after_the_head("OB-109, final", 400, |hand, [_, middle, end]| {
            hand.last(b"", &[middle, end].concat());
        })
        .await;
    table.wrong_at_once("OB-109, final", |hand, parts| hand.last(b"", &whole(parts))).await;
    table
        .after_the_head("OB-109, not final", 400, |hand, [_, middle, end]| {
            hand.chunk(b"final", &middle);
            hand.last(b"final", &end);
        })
        .await;
    table.wrong_at_once("OB-109, not final", |hand, parts| hand.chunk(b"final", &whole(parts))).await;
}

// ON-25, ON-27
#[tokio::test]
async fn ob_110_chunks_in_another_order() {
    let table = Table::start().await;
    let framed = |hand: &mut ByHand, sealed: &[u8]| {
        hand.length(sealed.len() as u64);
        hand.out.extend_from_slice(sealed);
    };
    table
        .after_the_head("OB-110, swapped", 400, |hand, [_, middle, end]| {
            let (first, second) = (hand.seal(b"", &middle), hand.seal(b"", &end));
            framed(hand, &second);
            framed(hand, &first);
            hand.last(b"final", b"");
        })
        .await;
    table
        .wrong_at_once("OB-110, swapped", |hand, [start, middle, end]| {
            let (first, second) = (hand.seal(b"", &start), hand.seal(b"", &middle));
            framed(hand, &second);
            framed(hand, &first);
            hand.last(b"final", &end);
        })
        .await;
    table
        .after_the_head("OB-110, repeated", 400, |hand, [_, middle, end]| {
            let middle = hand.seal(b"", &middle);
            framed(hand, &middle);
            framed(hand, &middle);
            hand.last(b"final", &end);
        })
        .await;
    table
        .after_the_head("OB-110, dropped", 400, |hand, [_, middle, end]| {
            hand.seal(b"", &middle);
            hand.last(b"final", &end);
        })
        .await;
    table
        .wrong_at_once("OB-110, dropped", |hand, [start, middle, end]| {
            hand.seal(b"", &start);
            hand.chunk(b"", &middle);
            hand.last(b"final", &end);
        })
        .await;
    let (mut other, _) = table.stage.sealing().await.by_hand();
    table
        .after_the_head("OB-110, spliced", 400, |hand, [start, middle, end]| {
            other.seal(b"", &start);
            let spliced = other.seal(b"", &middle);
            framed(hand, &spliced);
            hand.last(b"final", &end);
        })
        .await;
}

// ON-28, OB-154: neither the end nor nothing.
#[tokio::test]
async fn ob_111_empty_chunk() {
    let table = Table::start().await;
    table
        .after_the_head("OB-111", 400, |hand, [_, middle, end]| {
            hand.chunk(b"", b"");
            hand.last(b"final", &[middle, end].concat());
        })
        .await;
    table
        .wrong_at_once("OB-111", |hand, [start, middle, end]| {
            hand.chunk(b"", b"");
            hand.last(b"final", &[start, middle, end].concat());
        })
        .await;
}

// ON-32, OB-155: the answer comes although nothing follows the length, and the request has not ended.
#[tokio::test]
async fn ob_112_length_alone() {
    let table = Table::start().await;
    let above = (64 << 10) + 16 + 1;
    for len in [1, 15, 16, above, 1 << 32, (1 << 62) - 1] {
        for after_the_head in [false, true] {
            let id = format!("OB-112, {len}, after the head: {after_the_head}");
            let before = Numbers::of(&table.stage).await;
            let (mut hand, opener) = table.stage.sealing().await.by_hand();
            if after_the_head {
                hand.chunk(b"", &parts()[0]);
            }
            let start = hand.out.len();
            hand.length(len);
            // No message is shorter (OB-100): what is too short is not looked at.
            hand.out.extend_from_slice(&[0; 16]);
            let mut raw = table.stage.connect().await;
            let fields = [("content-type", Form::Chunked.media_type()), ("transfer-encoding", "chunked")];
            raw.send(request("POST", OBLIVIOUS_PATH, &fields))
                .await
                .send(transfer_chunk(&hand.out[..start]))
                .await;
            if after_the_head {
                let reached = before.counts.reached + 1;
                table.stage.app.until(&id, |counts| counts.reached == reached).await;
            }
            let answer = raw.send(transfer_chunk(&hand.out[start..])).await.answer().await;
            if after_the_head {
                table.settle(&id, &before, Form::Chunked, "message", "answered", Application::Aborted).await;
                let inner = Opener::Chunked(opener).open(&answer);
                assert_eq!((inner.status, inner.complete), (400, true), "{id}");
            } else {
                table.settle(&id, &before, Form::Chunked, "key", "refused", Application::NotReached).await;
                assert_eq!(answer.status, 400, "{id}");
            }
            // Nobody reads the rest of that request.
            table.stage.works(&mut table.stage.connect().await).await;
        }
    }
}

// ON-31
#[tokio::test]
async fn ob_112_length_above_what_follows() {
    let table = Table::start().await;
    let longer = |hand: &mut ByHand, plaintext: &[u8]| {
        let sealed = hand.seal(b"", plaintext);
        hand.length(sealed.len() as u64 + 1);
        hand.out.extend_from_slice(&sealed);
    };
    table.after_the_head("OB-112", 400, |hand, [_, middle, _]| longer(hand, &middle)).await;
    table.wrong_at_once("OB-112", |hand, [start, ..]| longer(hand, &start)).await;
}

// ON-30, ON-33
#[tokio::test]
async fn ob_113_cut_and_trailing_bytes() {
    let table = Table::start().await;
    table.after_the_head("OB-113, half a length", 400, |hand, _| hand.out.push(0x40)).await;
    table.after_the_head("OB-113, no tag", 400, |hand, _| hand.length(0)).await;
    table
        .after_the_head("OB-113, part of a tag", 400, |hand, _| {
            hand.last(b"final", b"");
            hand.out.pop();
        })
        .await;
    table
        .after_the_head("OB-113, bytes after the end", 400, |hand, [_, middle, end]| {
            hand.last(b"final", &[middle, end].concat());
            hand.out.push(0);
        })
        .await;
    table
        .after_the_head("OB-113, another final chunk", 400, |hand, [_, middle, end]| {
            hand.last(b"final", &[middle, end].concat());
            hand.last(b"final", b"");
        })
        .await;
    table
        .wrong_at_once("OB-113, bytes after the end", |hand, parts| {
            hand.last(b"final", &parts.concat());
            hand.out.push(0);
        })
        .await;
}

// The number of chunks has a limit too, 2^24, which is tested where chunks are read.
#[tokio::test]
async fn ob_114_more_than_the_limit() {
    let limit = 8192;
    let table = Table::before(App::count().await, |config| {
        config.limits.single_request = limit;
        config.limits.message = limit;
    })
    .await;
    let sealing = table.stage.sealing().await;
    for (over, status) in [(0, 200), (1, 413)] {
        let empty = plaintext(&head("POST", "/v1"), &[7; 4000]).len() - 4000;
        let message = plaintext(&head("POST", "/v1"), &vec![7; limit - empty + over]);
        assert_eq!(message.len(), limit + over);
        for chunk in [limit + over, 1000] {
            let chunks: Vec<&[u8]> = message.chunks(chunk).collect();
            let (sealed, opener) = sealing.chunked(&chunks);
            let id = format!("OB-114, {over} over in {} chunks", chunks.len());
            let row = Row::new(&id, Form::Chunked, &sealed);
            let opener = Opener::Chunked(opener);
            match (over, chunks.len()) {
                (0, _) => {
                    let (_, answer) = super::send(
                        &table.stage,
                        "POST",
                        &[("content-type", row.form.media_type())],
                        &sealed,
                    )
                    .await;
                    assert_eq!(opener.open(&answer).status, status, "{id}");
                }
                // Nothing has authenticated: there is no context to answer in.
                (_, 1) => {
                    table.key(&row).await;
                }
                _ => {
                    let before = sealed.len() - chunks.last().unwrap().len() - 17;
                    let row = Row { before, ..row };
                    table.inside(&row, opener, status, "message", Application::Aborted).await;
                }
            }
        }
        // OB-70: a single message shows its length outside.
        let (sealed, opener) = sealing.single(&message);
        let row = Row::new("OB-114, single", Form::Single, &sealed);
        if over == 0 {
            let (_, answer) =
                super::send(&table.stage, "POST", &[("content-type", row.form.media_type())], &sealed).await;
            assert_eq!(Opener::Single(opener).open(&answer).status, status);
        } else {
            table.outside(&row, status).await;
        }
    }
}
