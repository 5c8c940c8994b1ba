//! What a local proxy leads to: an attested gateway, or a server whose key the user vouches for.

use super::status;
use http::{Request, Response};
use sealwire_client::{Connector, Error, pinned, ra_tunnel};
use sealwire_http::Body;
use serde_json::Value;
use std::future::Future;
use tower::Service;

/// Takes requests to the far side, and tells what is known of it.
pub trait Far:
    Service<Request<Body>, Response = Response<Body>, Error = Error, Future: Send> + Clone + Send + Sync + 'static
{
    /// The authority that requests name.
    fn authority(&self) -> &str;

    /// What is known, for the status page: members of a JSON object, `state` and `attested` among them.
    fn describe(&self) -> Value;

    /// Says goodbye, where the wire has a way to.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

impl Far for Connector {
    fn authority(&self) -> &str {
        Self::authority(self)
    }

    fn describe(&self) -> Value {
        status::attested(&self.status())
    }

    async fn close(&self) {
        Self::close(self).await;
    }
}

impl Far for pinned::Connector {
    fn authority(&self) -> &str {
        Self::authority(self)
    }

    fn describe(&self) -> Value {
        status::pinned(&self.status())
    }

    async fn close(&self) {}
}

impl Far for ra_tunnel::Connector {
    fn authority(&self) -> &str {
        Self::authority(self)
    }

    fn describe(&self) -> Value {
        status::tunnel_v0(&self.status())
    }

    /// The wire has no word for it: the connection ends with its last user.
    async fn close(&self) {}
}
