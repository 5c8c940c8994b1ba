#![no_main]
//! Frames and statements of signed streams, both versions (SP-10, SP-54, SP-55).

use libfuzzer_sys::fuzz_target;
use sealwire_envelope::stream::{Data, Frame, Mode, Statement, legacy::Chunk};

fuzz_target!(|input: &[u8]| {
    for mode in [Mode::Sig, Mode::Mac] {
        if let Ok(frame) = Frame::from_json(mode, input) {
            assert_eq!(Frame::from_json(mode, frame.to_json().as_bytes()).as_ref(), Ok(&frame));
        }
        let mut rest = input;
        while let Ok(Some((frame, len))) = Frame::from_bytes(mode, rest) {
            let (taken, after) = rest.split_at(len);
            assert_eq!(frame.to_bytes(), taken, "one frame has one form");
            assert!(matches!(frame.data, Data::Text(_) | Data::Binary(_)));
            rest = after;
        }
    }
    if let Ok(chunk) = Chunk::from_json(input) {
        assert_eq!(Chunk::from_json(chunk.to_json().as_bytes()).as_ref(), Ok(&chunk));
    }
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(statement) = Statement::from_text(text)
    {
        assert_eq!(statement.to_text(), text, "one statement has one form");
    }
});
