//! Where no other instance is, whatever the registry says: on this machine, and at what is on its link.
//!
//! The gateway guards what listens on loopback: the application takes plain requests of whoever reaches it. In bound mode, and
//! with the method ATTEST, method, path and fields of what is forwarded are whatever a stranger has written there (SE-31). So a
//! registry that named the application for an instance would have it served to everybody. At addresses of the link clouds
//! have services that hand the machine's own credentials to it.

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    task::{Context, Poll},
    vec,
};
use tower::Service;

/// The system's resolver, without addresses that are too near.
#[derive(Clone)]
pub(crate) struct Elsewhere {
    names: GaiResolver,
    /// instances are said to be on this machine, so there is nothing to guard
    is_here: bool,
}

impl Elsewhere {
    /// For an instance that says that it is at `advertise`: one that is on loopback has its like there.
    pub(super) fn than(advertise: &str) -> Self {
        let uri: Option<Uri> = advertise.parse().ok();
        let host = uri.as_ref().and_then(Uri::host);
        let is_here =
            host.is_some_and(|host| crate::routes::is_localhost(host) || literal(host).is_some_and(is_near));
        Self { names: GaiResolver::new(), is_here }
    }

    /// Whether another instance may be at `host`; what a name stands for is asked when it is resolved.
    pub(super) fn may_be(&self, host: &str) -> bool {
        literal(host).is_none_or(|ip| self.may_be_at(ip))
    }

    fn may_be_at(&self, ip: IpAddr) -> bool {
        self.is_here || !is_near(ip)
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// This machine, in any spelling, or something on its link.
fn is_near(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let is_of_link = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    ip.is_loopback() || ip.is_unspecified() || is_of_link
}

impl Service<Name> for Elsewhere {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Service::<Name>::poll_ready(&mut self.names, cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (this, addresses) = (self.clone(), self.names.call(name));
        Box::pin(async move {
            let addresses = addresses.await?.filter(|address| this.may_be_at(address.ip()));
            Ok(addresses.collect::<Vec<_>>().into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEAR: [&str; 9] = [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
    ];

    // SE-44: the registry's word leads to no place that the gateway guards.
    #[test]
    fn an_instance_is_not_on_this_machine() {
        let elsewhere = Elsewhere::than("http://10.0.0.5:8443");
        for host in NEAR {
            assert!(!elsewhere.may_be(host), "{host}");
        }
        for host in ["10.0.0.6", "[fd00::6]", "gateway-2.internal"] {
            assert!(elsewhere.may_be(host), "{host}");
        }
        // Of instances that are said to be here, as on a machine for development, others are here.
        for advertise in ["http://127.0.0.1:8443", "http://localhost:8443", "http://[::1]:8443/"] {
            assert!(Elsewhere::than(advertise).may_be("127.0.0.1"), "{advertise}");
        }
    }

    // SE-44: nor by a name.
    #[tokio::test]
    async fn a_name_of_this_machine_leads_nowhere() {
        let resolved = async |advertise: &str| {
            let mut elsewhere = Elsewhere::than(advertise);
            elsewhere.call("localhost".parse().unwrap()).await.unwrap().count()
        };
        assert_eq!(resolved("http://10.0.0.5:8443").await, 0);
        assert!(resolved("http://127.0.0.1:8443").await > 0);
    }
}
