//! Fields that concern one connection and not the message (RFC 9110 section 7.6.1).

use super::list;
use http::{
    HeaderMap, HeaderName,
    header::{CONNECTION, CONTENT_LENGTH, TE, TRANSFER_ENCODING, UPGRADE},
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Removes the connection-specific fields and those that `connection` names (OB-33). `te` stays if it says
/// exactly `trailers`.
///
/// To be called before a field is added or read that the sender must not be able to take away by naming it.
pub fn remove_connection_fields(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = list::members(headers, &CONNECTION)
            .filter_map(|name| HeaderName::from_bytes(name).ok())
            .collect();
        for name in named {
            // `te` is governed by its value alone, as in HTTP/2 (RFC 9113 section 8.2.2), where nothing can
            // name it.
            if name != TE {
                headers.remove(name);
            }
        }
    }
    // A length beside a transfer coding is not the content's (RFC 9112 section 6.3).
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    for name in [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    let mut te = headers.get_all(TE).iter();
    if !(te.next().is_some_and(|value| value == "trailers") && te.next().is_none()) {
        headers.remove(TE);
    }
}
