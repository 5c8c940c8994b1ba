//! Signatures: Ed25519 for operators and identities, ML-DSA and SLH-DSA for identities that outlast quantum computers;
//! ECDSA and RSA as hardware vendors and their certificates use them.

pub mod ecdsa;
pub mod ecdsa_p256;
pub mod ecdsa_p384;
pub mod ed25519;
pub mod ml_dsa;
pub mod ml_dsa_65;
pub mod rsa_pkcs1;
pub mod rsa_pss_sha384;
pub mod slh_dsa_sha2_192f;
