//! The encrypted HTTP body protocol.
