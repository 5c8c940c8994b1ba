//! Sealed requests and their answers (TrR, section 7). Keys for each request, so that they run in parallel and come in
//! any order; nothing is shared between two of them but the secret that their keys come from.

mod answer;
mod field;
mod frame;
mod keys;
mod listed;
mod window;

#[cfg(test)]
pub(crate) use keys::tests::ticket_with as test_ticket;

pub use answer::AwaitAnswer;
pub use field::{Binder, Ticket, base_id, parse_base_id};
pub(crate) use field::{from_field, to_field};
pub use frame::{Opened, Opener, PADDING_STEP, Padding, SHORT, Sealer};
pub use keys::{Admitted, Mode, Reply, RequestKeys};
pub use listed::Listed;
pub use window::Window;

/// Name of the field that tells the session.
pub const BASE_ID: &str = "attest-base-id";
/// Name of the field that carries number, random bytes and MAC (SE-34).
pub const TICKET: &str = "attest-ticket";
/// Name of the field of an answer that binds it to its request (SE-34).
pub const BINDER: &str = "attest-binder";
/// Name of the field that lists the outer fields under the MAC, in bound mode (SE-31).
pub const LISTED: &str = "attest-listed";
/// Name of the inner field of an answer that says why nothing was acted upon (SE-43).
pub const REFUSED: &str = "attest-refused";
