//! Requests whose outside is under their MAC, on the hop from one instance to another.

use super::fleet::{Balancer, Member, connect, send, settings};
use http::{Method, StatusCode};
use sealwire_client::{Settings, Wire};
use sealwire_gateway::Config;
use sealwire_tests::{App, redis::Redis, stage::AUTHORITY};

// SE-44, SE-31: the name that a bound request was sent to is under its MAC, and goes along on the hop; so does the content
// of a GET.
#[tokio::test]
async fn bound_requests_keep_their_outside_on_the_hop() {
    let (app, redis) = (App::echo().await, Redis::start());
    let url = redis.url();
    let balancer = Balancer::before(&[]).await;
    let named = |config: &mut Config| {
        let aliases = &mut config.session.authority_aliases;
        aliases.insert(balancer.address.to_string(), AUTHORITY.to_owned());
    };
    let first = Member::with(&app, Some(&url), named).await;
    let second = Member::with(&app, Some(&url), named).await;
    balancer.route(&[first.listen, second.listen]);
    let bound = Settings { bound: Some(Vec::new()), ..settings(balancer.address, Wire::Session) };
    let connector = connect(bound).await;
    for said in ["", "content of a GET"] {
        for method in [Method::GET, Method::POST] {
            // An odd number of each, so that every kind comes to both.
            for _ in 0..3 {
                let answer = send(&connector, method.clone(), "/v1?x", said).await.unwrap();
                assert_eq!(answer, (StatusCode::OK, said.into()), "{method}");
            }
        }
    }
    let counts = connector.status().counts;
    assert_eq!((counts.failed, counts.resent, counts.renewals), (0, 0, 0));
    let hop = |member: &Member| String::from_utf8_lossy(&member.tap.forth.lock().unwrap()).into_owned();
    assert!((hop(&first) + &hop(&second)).contains(" /v1?x HTTP/1.1"), "nothing went by the hop");
}
