//! Signatures: Ed25519 for operators, ECDSA P-384 and RSA-PSS for SEV-SNP reports and their chains.

pub mod ecdsa_p384;
pub mod ed25519;
pub mod rsa_pss_sha384;
