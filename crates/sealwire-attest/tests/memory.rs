//! AT-08: what a verification takes of memory: no kind more than 1 MiB, whatever is supplied.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::accepted;
use peak_alloc::PeakAlloc;
use sealwire_attest::{Verifier, verify::Expected};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const BOUND: usize = 1024 * 1024;

// AT-08: one test, so that nothing else of this process allocates beside it.
#[test]
fn no_kind_allocates_more_than_a_mebibyte() {
    let samples = accepted::genuine().into_iter().chain([accepted::development(), accepted::tpm()]);
    for sample in samples {
        // What is parsed once for all verifiers is not the sample's.
        let run = || {
            let verifier = Verifier::new(sample.trust.clone());
            verifier.verify(&sample.evidence, &sample.endorsements, Expected::Unbound, sample.at).unwrap()
        };
        drop(run());
        let before = ALLOCATED.current_usage();
        ALLOCATED.reset_peak_usage();
        drop(run());
        let taken = ALLOCATED.peak_usage() - before;
        println!("{}: {} KiB", sample.name, taken / 1024);
        assert!(taken < BOUND, "{} takes {taken} bytes", sample.name);
    }
}
