//! Signed envelopes on the wire 7h3/0.1.
