#![no_main]
//! Lines of audit logs, both versions (SP-10, SP-71, SP-73).

use libfuzzer_sys::fuzz_target;
use sealwire_envelope::audit::{Checkpoint, Entry, Keys, legacy, verify};

fuzz_target!(|input: &[u8]| {
    if let Ok(entry) = legacy::Entry::from_json(input) {
        assert_eq!(legacy::Entry::from_json(entry.to_json().as_bytes()).as_ref(), Ok(&entry));
    }
    let _ = legacy::from_json_array(input);
    let Ok(text) = std::str::from_utf8(input) else { return };
    for line in text.lines() {
        if let Ok(entry) = Entry::from_line(line) {
            assert_eq!(entry.to_line(), line, "one entry has one form");
        }
        if let Ok(checkpoint) = Checkpoint::from_line(line) {
            assert_eq!(checkpoint.to_line(), line, "one checkpoint has one form");
            assert!(Entry::from_line(line).is_err());
        }
    }
    let report = verify(text.lines(), None, None, &Keys::default());
    assert!(report.last.is_none(), "nobody may sign");
    assert_eq!(report.length, report.unsealed);
});
