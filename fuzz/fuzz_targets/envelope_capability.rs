#![no_main]
//! Fields of capability chains (SP-10, SP-66), and globs.

use libfuzzer_sys::fuzz_target;
use sealwire_envelope::{
    capability::{Verifier, field, parse_field},
    glob,
};

fuzz_target!(|input: &[u8]| {
    if let Ok(tokens) = parse_field(input) {
        assert_eq!(parse_field(field(&tokens).as_bytes()).as_ref(), Ok(&tokens));
        for token in &tokens {
            assert!(std::str::from_utf8(&token.canonical()).is_ok());
        }
        // Nobody is a root.
        assert!(Verifier::default().verify(tokens, 1_712_500_000_000).is_err());
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some((glob, path)) = text.split_once('\n').filter(|_| text.len() <= 512) else { return };
    let (matches, subset) = (glob::matches(glob, path), glob::is_subset(path, glob));
    let literal = |text: &str| !text.contains(['*', '?']);
    if literal(path) && glob::is_delegable(glob) && subset {
        assert!(matches, "a path without wildcards is matched by what covers it");
    }
});
