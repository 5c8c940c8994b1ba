//! Names of upstreams.

use crate::routes::is_localhost;
use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    task::{Context, Poll},
    vec,
};
use tower::Service;

/// The system's resolver for all names but `localhost`, which is this machine whatever the system says (RFC 6761
/// section 6.3): plain http goes there, and nowhere else (OB-46).
#[derive(Clone)]
pub(super) struct Resolver(GaiResolver);

impl Resolver {
    pub(super) fn new() -> Self {
        Self(GaiResolver::new())
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Service::<Name>::poll_ready(&mut self.0, cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        if is_localhost(name.as_str()) {
            // The connector puts in the port.
            let addresses = vec![(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
            return Box::pin(async { Ok(addresses.into_iter()) });
        }
        let addresses = self.0.call(name);
        Box::pin(async move { Ok(addresses.await?.collect::<Vec<_>>().into_iter()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // OB-46
    #[tokio::test]
    async fn localhost_is_this_machine() {
        for name in ["localhost", "LOCALHOST", "app.localhost"] {
            let addresses = Resolver::new().call(name.parse().unwrap()).await.unwrap();
            assert!(addresses.clone().count() > 0);
            assert!(addresses.into_iter().all(|address| address.ip().is_loopback()), "{name}");
        }
    }
}
