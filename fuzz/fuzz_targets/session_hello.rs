#![no_main]
//! First messages of sessions, and what a server makes of them.

use libfuzzer_sys::fuzz_target;
use sealwire_crypto::random::OsRandom;
use sealwire_session::{
    Identity,
    message::{ClientHello, HelloAgain, Retry, Type},
    server::{Config, Once, Received, Server},
};
use std::sync::LazyLock;

/// Everything is fresh: the register is not what is fuzzed.
struct Fresh;

impl Once for Fresh {
    fn take(&self, _: [u8; 16], _: u64, _: u64) -> bool {
        true
    }
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let identity = Identity::generate(false, &OsRandom).unwrap();
    Server::new(Config::default(), [1; 16], identity, &OsRandom).unwrap()
});

fuzz_target!(|input: &[u8]| {
    let kind = Type::of(input);
    if let Ok(hello) = ClientHello::decode(input) {
        assert_eq!(kind, Ok(Type::ClientHello));
        assert_eq!(hello.encode(), input, "one value has one encoding");
    }
    if let Ok(again) = HelloAgain::decode(input) {
        assert_eq!(kind, Ok(Type::HelloAgain));
        assert_eq!(again.encode(), input, "one value has one encoding");
    }
    if let Ok(retry) = Retry::decode(input) {
        assert_eq!(kind, Ok(Type::Retry));
        assert_eq!(retry.encode(), input, "one value has one encoding");
    }
    match SERVER.receive(input, false, 0, &Fresh, &OsRandom) {
        Ok(Received::Retry(retry)) => assert!(Retry::decode(&retry).is_ok()),
        Ok(Received::Hello(hello)) => {
            // Nobody has made a ticket here.
            assert!(hello.remembered().is_none());
            // What is asked of every hello, whatever comes of it.
            let _ = hello.answer(&SERVER, true, &OsRandom);
        }
        Err(_) => {}
    }
});
