//! What is sealed: heads of requests and answers, and the rules that they keep to (HH-25 to HH-31).

mod authority;
mod fields;
mod head;
mod headers;
mod length;
mod method;
mod target;
mod vector;

pub use authority::same_origin;
pub use fields::{Fields, Iter};
pub use head::{Mode, RequestHead, ResponseHead};
pub use headers::{request_fields, response_fields};
pub(crate) use length::{Remaining, response_length};
pub use method::Method;
