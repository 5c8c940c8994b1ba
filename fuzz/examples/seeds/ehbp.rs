//! EHBP: frames, key configurations, fields, tokens.

use super::{Result, seed};
use bytes::BytesMut;
use sealwire_ehbp::{Limits, client};
use sealwire_fuzz::{EHBP, Fixed};

pub(super) fn seeds() -> Result {
    let limits = Limits::default();
    let mut request = client::Request::new(EHBP.config(), &limits, &Fixed)?;
    let mut frames = BytesMut::new();
    for part in [&b"{\"prompt\":"[..], b"\"hi\"}"] {
        request.content.frame(&mut frames, part)?;
    }
    seed("ehbp_request", "frames", &frames)?;
    seed("ehbp_request", "empty-between", [&[0; 4][..], &frames, &[0; 8]].concat())?;
    seed("ehbp_request", "long", [&[0xff; 4][..], &frames].concat())?;
    seed("ehbp_request", "cut", &frames[..frames.len() - 1])?;

    let key = EHBP.config().encode();
    seed("ehbp_outside", "bare", &key)?;
    seed("ehbp_outside", "list", [&[0, 41][..], &key].concat())?;
    seed("ehbp_outside", "field", request.enc.to_field())?;
    seed("ehbp_outside", "token", request.answer.token().to_json().as_bytes())?;

    // Not what the target's token opens, but of the form.
    seed("ehbp_response", "frames", &frames)?;
    seed("ehbp_response", "empty", [&[0; 4 * 9][..], &frames].concat())
}
