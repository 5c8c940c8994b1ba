//! What belongs to hpke-http alone.

use crate::{Environment, Error};
use http::uri::PathAndQuery;
use sealwire_http::{
    client::hpke_http::Settings as Layer,
    hpke_http::{Compression, Credential, Limits},
    wire::HPKE_HTTP_PATH,
};
use std::{sync::Arc, time::Duration};

/// How hpke-http is spoken, and as whom.
#[derive(Clone)]
pub struct HpkeHttp {
    /// the pre-shared key and its id, which everybody on the way sees (HH-69)
    pub credential: Arc<Credential>,
    /// path of the endpoint, no query (HH-04)
    pub endpoint: PathAndQuery,
    /// limits
    pub limits: Limits,
    /// whether requests are compressed; off unless it is certain that no content holds a secret beside something that
    /// another has chosen (HH-60)
    pub compression: Compression,
}

impl HpkeHttp {
    /// With the defaults: the endpoint of gateways, no compression.
    #[must_use]
    pub fn new(credential: Arc<Credential>) -> Self {
        Self {
            credential,
            endpoint: PathAndQuery::from_static(HPKE_HTTP_PATH),
            limits: Limits::default(),
            compression: Compression::default(),
        }
    }

    /// HH-04, HH-35
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.endpoint.query().is_some() || !self.endpoint.path().starts_with('/') {
            return Err(Error::Settings("the endpoint of hpke-http is a path, without a query (HH-04)"));
        }
        let beyond = |_| Error::Settings("a limit of hpke-http is beyond what the wire allows (HH-35)");
        self.limits.validate().map(drop).map_err(beyond)
    }

    pub(crate) fn layer(&self, idle_time: Duration, environment: &Environment) -> Layer {
        Layer {
            limits: self.limits,
            compression: self.compression,
            idle_time,
            clock: environment.clock.clone(),
            random: environment.random.clone(),
        }
    }
}
