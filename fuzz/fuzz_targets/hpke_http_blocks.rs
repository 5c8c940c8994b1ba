#![no_main]
//! Event streams divided into the blocks of hpke-http/3.

use libfuzzer_sys::fuzz_target;
use sealwire_fuzz::divisions;
use sealwire_hpke_http::SseSplitter;

const LIMIT: usize = 500;

fuzz_target!(|input: &[u8]| {
    let [whole, small] = divisions(input).map(|slices| {
        let mut splitter = SseSplitter::new(LIMIT);
        let mut blocks = Vec::new();
        for mut slice in slices {
            loop {
                match splitter.next_block(&mut slice) {
                    Ok(Some(block)) => blocks.push(block.to_vec()),
                    Ok(None) => break,
                    Err(error) => return (blocks, Some(error)),
                }
            }
        }
        (blocks, None)
    });
    assert_eq!(whole, small, "the division of the input changes the result");
    for block in whole.0 {
        assert!(block.len() <= LIMIT && !block.contains(&b'\r'));
        // One empty line, the last.
        let lines: Vec<&[u8]> = block.split(|byte| *byte == b'\n').collect();
        assert!(lines.iter().position(|line| line.is_empty()) == Some(lines.len() - 2));
    }
});
