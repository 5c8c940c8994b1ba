//! Between the two names of one service: that of the gateway inside the channel, and that of the proxy outside.

use super::guard::{Guard, LocalHost};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use sealwire_attest::key_document::authority;

/// Fields of a request that concern this connection and nobody beyond (RFC 9110 section 7.6.1). `connection` may name
/// more; the wire drops those, and most of these too, but an upgrade that is not taken must not get that far.
const HOP: [HeaderName; 4] = [
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
];

/// Fields of a response that name a place.
const PLACES: [HeaderName; 2] = [header::LOCATION, header::CONTENT_LOCATION];

/// Makes the fields of a request those of a request to the gateway.
pub(super) fn request(headers: &mut HeaderMap, guard: &Guard, authority: &str) {
    remove_named_by_connection(headers);
    for name in HOP {
        headers.remove(name);
    }
    headers.remove(header::HOST);
    let beyond = format!("https://{authority}");
    if let Some(origin) = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok())
        && guard.is_local_origin(origin)
        && let Ok(origin) = HeaderValue::from_str(&beyond)
    {
        headers.insert(header::ORIGIN, origin);
    }
    if let Some(referer) = headers.get(header::REFERER).and_then(|referer| referer.to_str().ok()) {
        let (origin, rest) = split_origin(referer);
        if guard.is_local_origin(origin)
            && let Ok(referer) = HeaderValue::from_str(&format!("{beyond}{rest}"))
        {
            headers.insert(header::REFERER, referer);
        }
    }
}

/// Makes places at the gateway places at the proxy.
pub(super) fn response(headers: &mut HeaderMap, local: &LocalHost, authority: &str) {
    for name in PLACES {
        let moved: Option<HeaderValue> = headers
            .get(&name)
            .and_then(|place| place.to_str().ok())
            .and_then(|place| localised(place, local, authority))
            .and_then(|place| HeaderValue::from_str(&place).ok());
        if let Some(moved) = moved {
            headers.insert(name, moved);
        }
    }
}

/// The place at the proxy that stands for one at the gateway; `None` for any other place.
fn localised(place: &str, local: &LocalHost, ours: &str) -> Option<String> {
    let (origin, rest) = split_origin(place);
    let (scheme, host) = origin.split_once("//")?;
    let default_port = match scheme.to_ascii_lowercase().as_str() {
        "http:" => 80,
        "https:" | "" => authority::DEFAULT_PORT,
        _ => return None,
    };
    let normal = authority::normalise(host, default_port).ok()?;
    (normal == ours).then(|| format!("{}{rest}", local.origin()))
}

/// Scheme and authority, and what follows. Nothing is parsed further: a fragment, or a path that is no valid URI,
/// passes as it is.
fn split_origin(place: &str) -> (&str, &str) {
    let Some((scheme, rest)) = place.split_once("//").filter(|(scheme, _)| !scheme.contains(['/', '?', '#']))
    else {
        return ("", place);
    };
    let host = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    place.split_at_checked(scheme.len() + 2 + host).unwrap_or(("", place))
}

fn remove_named_by_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use proptest::prelude::*;

    const OURS: &str = "app.example:8443";

    fn guard() -> Guard {
        Guard::new("127.0.0.1:8080".parse().unwrap(), &[], &["https://pages.example".to_owned()]).unwrap()
    }

    fn local() -> LocalHost {
        let head = Request::get("/").header("host", "localhost:8080").body(()).unwrap().into_parts().0;
        guard().check(&head).unwrap()
    }

    #[test]
    fn places_at_the_gateway_become_local() {
        for (place, becomes) in [
            ("https://app.example:8443/a?b#c", Some("http://localhost:8080/a?b#c")),
            ("http://app.example:8443", Some("http://localhost:8080")),
            ("HTTPS://APP.Example:8443?q", Some("http://localhost:8080?q")),
            ("//app.example:8443/x", Some("http://localhost:8080/x")),
            ("https://app.example:8443/ä", Some("http://localhost:8080/ä")),
            ("/relative", None),
            ("relative//app.example:8443/", None),
            ("?next=https://app.example:8443/", None),
            ("https://app.example/", None),
            ("https://other.example:8443/", None),
            ("https://app.example:8443@evil.example/", None),
            ("https://app.example:8443.evil.example/", None),
            ("https://app.example:8443\\evil/", Some("http://localhost:8080\\evil/")),
            ("ftp://app.example:8443/", None),
            ("", None),
        ] {
            assert_eq!(localised(place, &local(), OURS).as_deref(), becomes, "{place}");
        }
    }

    #[test]
    fn the_standard_port_may_be_left_out() {
        for (place, becomes) in [
            ("https://app.example/", true),
            ("https://app.example:443/", true),
            ("//app.example/", true),
            ("http://app.example/", true),
            ("http://app.example:443/", false),
        ] {
            assert_eq!(localised(place, &local(), "app.example").is_some(), becomes, "{place}");
        }
    }

    #[test]
    fn a_local_page_is_one_of_the_gateways() {
        let mut headers = HeaderMap::new();
        headers.insert("origin", HeaderValue::from_static("http://localhost:8080"));
        headers.insert("referer", HeaderValue::from_static("http://localhost:8080/page?x"));
        request(&mut headers, &guard(), OURS);
        assert_eq!(headers["origin"], "https://app.example:8443");
        assert_eq!(headers["referer"], "https://app.example:8443/page?x");

        headers.insert("origin", HeaderValue::from_static("https://pages.example"));
        headers.insert("referer", HeaderValue::from_static("https://pages.example/"));
        request(&mut headers, &guard(), OURS);
        assert_eq!(headers["origin"], "https://pages.example");
        assert_eq!(headers["referer"], "https://pages.example/");
    }

    #[test]
    fn fields_of_the_connection_stay_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "localhost:8080"),
            ("connection", "Upgrade, X-Mine, bad name"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABkAAQAAP__"),
            ("x-mine", "1"),
            ("expect", "100-continue"),
            ("proxy-authorization", "Basic x"),
            ("proxy-connection", "keep-alive"),
            ("authorization", "Bearer y"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.append("connection", HeaderValue::from_static("http2-settings"));
        request(&mut headers, &guard(), OURS);
        headers.remove("connection");
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["authorization"]);
    }

    proptest! {
        #[test]
        fn any_place_can_be_looked_at(place in any::<String>()) {
            let (origin, rest) = split_origin(&place);
            prop_assert_eq!(format!("{origin}{rest}"), place.clone());
            let _ = localised(&place, &local(), OURS);
        }
    }
}
