//! Event logs of firmware (TCG PC Client Platform Firmware Profile, section 10): parsing and replay.

/// Longest event log in bytes.
pub const MAX_LEN: usize = 192 * 1024;
