//! AMD SEV-SNP: attestation reports and their chains.

pub mod report;
