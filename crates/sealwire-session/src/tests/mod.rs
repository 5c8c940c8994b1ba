//! Attacks by somebody who has all that the protocol is made of, except for keys of others (SE-14).

#[path = "../../tests/common/mod.rs"]
mod common;
mod downgrade;
mod hand;
mod in_the_middle;
