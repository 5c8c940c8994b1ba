#![no_main]
//! Operators' statements in PEM.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::key_document::operator::OperatorStatement;

fuzz_target!(|input: &str| {
    let Ok(statement) = OperatorStatement::from_pem(input) else { return };
    let _ = statement.verify();
    let pem = statement.to_pem();
    assert_eq!(OperatorStatement::from_pem(&pem).as_ref(), Ok(&statement));
    assert_eq!(OperatorStatement::from_pem(&pem).map(|again| again.to_pem()), Ok(pem));
});
