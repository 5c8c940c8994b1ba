//! Requests in clear: what passes, and what does not.

use crate::support::{
    NAME, application, ask, config, get, named, plain, plain_route, recorder, rest, send, start, status,
    until,
};
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sealwire_gateway::config::Route;
use sealwire_http::{Body, body};
use tower::service_fn;

#[tokio::test]
async fn a_plain_route_passes_a_request_as_it_is() {
    let (upstream, seen) = recorder().await;
    let gateway = start(plain(upstream)).await;
    let answer = ask(
        gateway.address(),
        "POST /a/b?c=d",
        "x-mine: 1\r\nx-mine: 2\r\nconnection: x-hop\r\nx-hop: gone\r\nkeep-alive: 5\r\nte: gzip\r\n\
         cookie: a=1\r\ncookie: b=2\r\nupgrade: websocket\r\nforwarded: for=me\r\ncontent-length: 5\r\n\r\nhello",
    )
    .await;
    assert_eq!(status(&answer), 200);
    assert!(answer.ends_with("seen"), "{answer}");
    let seen = seen.lock().unwrap()[0].clone();
    assert_eq!(seen.line, "POST /a/b?c=d");
    assert_eq!(seen.content, "hello");
    assert_eq!(seen.headers[header::HOST], NAME);
    assert_eq!(seen.headers.get_all("x-mine").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(seen.headers[header::COOKIE], "a=1; b=2");
    assert_eq!(
        seen.headers[header::FORWARDED],
        "for=me",
        "nothing is added, and nothing of the caller's is taken"
    );
    for gone in
        ["x-hop", "keep-alive", "te", "upgrade", "connection", "via", "x-forwarded-for", "x-forwarded-host"]
    {
        assert!(!seen.headers.contains_key(gone), "{gone}: {:?}", seen.headers);
    }
}

#[tokio::test]
async fn an_answer_passes_as_it_is() {
    let upstream = application(service_fn(|_| async {
        let mut response = Response::new(body::full("content"));
        *response.status_mut() = http::StatusCode::IM_A_TEAPOT;
        let headers = response.headers_mut();
        headers.append(header::SET_COOKIE, HeaderValue::from_static("a=1"));
        headers.append(header::SET_COOKIE, HeaderValue::from_static("b=2"));
        headers.insert("keep-alive", HeaderValue::from_static("timeout=5"));
        headers.insert("x-mine", HeaderValue::from_static("1"));
        Ok(response)
    }))
    .await;
    let gateway = start(plain(upstream)).await;
    let answer = get(gateway.address(), "/").await;
    assert_eq!(status(&answer), 418);
    for there in [
        "set-cookie: a=1\r\n",
        "set-cookie: b=2\r\n",
        "x-mine: 1\r\n",
        "content-length: 7\r\n",
        "\r\n\r\ncontent",
    ] {
        assert!(answer.contains(there), "{there}: {answer}");
    }
    assert!(!answer.contains("timeout=5"), "{answer}");
}

#[tokio::test]
async fn http2_is_passed_on_too() {
    let (upstream, seen) = recorder().await;
    let mut config = plain(upstream);
    config.authorities = Vec::new();
    let gateway = start(config).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Body>();
    let request =
        Request::post(format!("http://{}/x", gateway.address())).body(body::full("content")).unwrap();
    let response = client.request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "seen");
    let seen = seen.lock().unwrap()[0].clone();
    assert_eq!(seen.headers[header::HOST], gateway.address().to_string().as_str());
    assert_eq!(seen.content, "content");
}

#[tokio::test]
async fn a_head_has_the_length_of_what_it_leaves_out() {
    let gateway = start(plain(named("twelve bytes").await)).await;
    let answer = ask(gateway.address(), "HEAD /", "").await;
    assert_eq!(status(&answer), 200);
    assert!(answer.contains("content-length: 12\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

// Never a pass-through, unless the route says so.
#[tokio::test]
async fn a_protected_route_says_how_it_is_reached() {
    let (upstream, seen) = recorder().await;
    let mut config = config();
    config.routes = vec![Route::new("/", format!("http://{upstream}")), plain_route("/open", upstream)];
    let gateway = start(config).await;
    for line in ["GET /", "POST /secret", "DELETE /openly", "OPTIONS *"] {
        let answer = ask(gateway.address(), line, "content-length: 0\r\n").await;
        assert_eq!(status(&answer), 403, "{line}");
        assert!(answer.contains("content-type: application/problem+json\r\n"), "{answer}");
        assert!(answer.contains("link: </.well-known/sealwire>"), "{answer}");
        assert!(answer.contains("takes sealed requests only"), "{answer}");
    }
    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(status(&get(gateway.address(), "/open/x").await), 200);
    for path in ["/open/../secret", "/open/%2e%2e/secret", "/Open", "/open%2f..%2fsecret"] {
        assert!([400, 403].contains(&status(&get(gateway.address(), path).await)), "{path}");
    }
    assert_eq!(seen.lock().unwrap().len(), 1);
}

// OB-46, OB-131
#[tokio::test]
async fn only_names_that_are_served_are_answered() {
    let (upstream, seen) = recorder().await;
    let mut config = plain(upstream);
    config.authorities = vec!["a.example".to_owned(), "b.example:8443".to_owned()];
    let gateway = start(config).await;
    let with_host = async |host: &str| {
        let head = format!("GET / HTTP/1.1\r\n{host}connection: close\r\n\r\n");
        let mut stream = send(gateway.address(), head).await;
        status(&until(&mut stream, "\r\n\r\n").await)
    };
    for host in ["host: a.example\r\n", "host: A.Example:443\r\n", "host: b.example:8443\r\n"] {
        assert_eq!(with_host(host).await, 200, "{host}");
    }
    for host in
        ["host: c.example\r\n", "host: b.example\r\n", "host: a.example:8443\r\n", "host: localhost\r\n"]
    {
        assert_eq!(with_host(host).await, 403, "{host}");
    }
    for host in ["", "host: a.example\r\nhost: b.example:8443\r\n", "host: a.example\r\nhost: a.example\r\n"]
    {
        assert_eq!(with_host(host).await, 400, "{host}");
    }
    let absolute = async |line: &str| {
        let head = format!("{line} HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n");
        let mut stream = send(gateway.address(), head).await;
        status(&until(&mut stream, "\r\n\r\n").await)
    };
    assert_eq!(absolute("GET http://a.example/").await, 200);
    assert_eq!(absolute("GET http://b.example:8443/").await, 400, "said twice, and differently");
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn routes_choose_upstream_and_method() {
    let (a, b) = (named("a").await, named("b").await);
    let mut config = config();
    let mut reading = plain_route("/b", b);
    reading.methods = Some(vec!["GET".to_owned(), "HEAD".to_owned()]);
    config.routes = vec![plain_route("/a", a), reading];
    let gateway = start(config).await;
    assert!(get(gateway.address(), "/a/x").await.ends_with("\r\n\r\na"));
    assert!(get(gateway.address(), "/b").await.ends_with("\r\n\r\nb"));
    assert_eq!(status(&get(gateway.address(), "/c").await), 404);
    let answer = ask(gateway.address(), "POST /b", "content-length: 0\r\n").await;
    assert_eq!(status(&answer), 405);
    assert!(answer.contains("allow: GET, HEAD\r\n"), "{answer}");
    assert_eq!(status(&ask(gateway.address(), "TRACE /a", "").await), 405);
}

// OB-46
#[tokio::test]
async fn there_are_no_tunnels() {
    let gateway = start(plain(named("never").await)).await;
    let mut stream =
        send(gateway.address(), format!("CONNECT {NAME}:443 HTTP/1.1\r\nhost: {NAME}:443\r\n\r\n")).await;
    let answer = until(&mut stream, "\r\n\r\n").await;
    assert_eq!(status(&answer), 501, "{answer}");
}

#[tokio::test]
async fn one_caller_cannot_use_more_than_its_rate() {
    let (upstream, seen) = recorder().await;
    let mut config = plain(upstream);
    config.routes[0].requests_per_second = Some(2);
    let gateway = start(config).await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(get(gateway.address(), "/").await);
    }
    let refused: Vec<_> = codes.iter().filter(|answer| status(answer) == 429).collect();
    assert!(!refused.is_empty());
    assert!(refused.iter().all(|answer| answer.contains("retry-after: 1\r\n")));
    assert_eq!(seen.lock().unwrap().len(), 4 - refused.len());
}

#[tokio::test]
async fn a_base_path_goes_before_the_requests() {
    let (upstream, seen) = recorder().await;
    let mut config = config();
    let mut route = Route::new("/", format!("http://{upstream}/base/"));
    route.plaintext = true;
    config.routes = vec![route];
    let gateway = start(config).await;
    get(gateway.address(), "/x?y=z").await;
    assert_eq!(seen.lock().unwrap()[0].line, "GET /base/x?y=z");
    assert_eq!(status(&ask(gateway.address(), "OPTIONS *", "").await), 400);
}

// An answer of HTTP/1.0 ends with its connection, so one that is cut would look whole.
#[tokio::test]
async fn http_1_0_is_refused_in_clear() {
    let (upstream, seen) = recorder().await;
    let gateway = start(plain(upstream)).await;
    let mut caller = send(gateway.address(), format!("GET /a HTTP/1.0\r\nhost: {NAME}\r\n\r\n")).await;
    let answer = rest(&mut caller).await;
    assert!(answer.starts_with("HTTP/1.0 505") && answer.contains("proxy_http_version"), "{answer}");
    assert!(seen.lock().unwrap().is_empty());
}
