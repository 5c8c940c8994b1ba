#![no_main]
//! A client's authentication and its answer, the first messages of channels, and closes.

use libfuzzer_sys::fuzz_target;
use sealwire_session::message::{
    ChannelOpen, ChannelOpened, ClientCredential, ClientFinish, Close, Closed, FinishAnswer,
};

fuzz_target!(|input: &[u8]| {
    if let Ok(finish) = ClientFinish::decode(input) {
        assert_eq!(finish.encode(), input, "one value has one encoding");
    }
    if let Ok(answer) = FinishAnswer::decode(input) {
        assert_eq!(answer.encode(), input, "one value has one encoding");
    }
    if let Ok(credential) = ClientCredential::decode(input) {
        assert_eq!(credential.encode(), input, "one value has one encoding");
    }
    if let Ok(open) = ChannelOpen::decode(input) {
        assert_eq!(open.encode(), input, "one value has one encoding");
    }
    if let Ok(opened) = ChannelOpened::decode(input) {
        assert_eq!(opened.encode(), input, "one value has one encoding");
    }
    if let Ok(close) = Close::decode(input) {
        assert_eq!(close.encode(), input, "one value has one encoding");
    }
    if let Ok(closed) = Closed::decode(input) {
        assert_eq!(closed.encode(), input, "one value has one encoding");
    }
});
