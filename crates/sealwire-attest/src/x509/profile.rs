use super::Algorithm;
use der::oid::ObjectIdentifier;

/// What one vendor's chains look like. Anything else in them is refused, also where X.509 would permit it.
#[derive(Debug)]
pub(crate) struct Profile {
    /// what certificates and CRLs are signed with
    pub(crate) algorithms: &'static [Algorithm],
    /// critical extensions that are looked at, besides basic constraints and key usage
    pub(crate) understood: &'static [ObjectIdentifier],
    /// what the key of the leaf is for
    pub(crate) leaf: LeafUse,
}

/// What the key of a leaf is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeafUse {
    /// signatures
    Sign,
    /// encryption to it, or key agreement (endorsement keys of TPMs)
    Decrypt,
}
