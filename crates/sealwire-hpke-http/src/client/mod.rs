//! The client's side. Every request is sealed afresh: a retry is a new request (HH-39).

#[cfg(test)]
mod known_answers;
mod request;
mod response;

pub use request::{RequestSealer, Target, start};
pub use response::{Event, ResponseReader};
