//! The wire hpke-http/3, and its predecessor 1.x.
