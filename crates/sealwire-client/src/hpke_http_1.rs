//! What belongs to hpke-http 1.x alone.

use crate::Environment;
use sealwire_http::{
    client::hpke_http_1::Settings as Layer,
    complete::Completeness,
    hpke_http::legacy::{Credential, Limits},
};
use std::{sync::Arc, time::Duration};

/// How hpke-http 1.x is spoken, and as whom. Its pre-shared keys are a type of their own: none is good for version 3 (HH-105).
#[derive(Clone)]
pub struct HpkeHttp1 {
    /// the pre-shared key and its id, which everybody on the way sees
    pub credential: Arc<Credential>,
    /// limits
    pub limits: Limits,
    /// what tells the end of an answer, which this wire does not (HH-97)
    pub completeness: Completeness,
}

impl HpkeHttp1 {
    /// With the defaults.
    #[must_use]
    pub fn new(credential: Arc<Credential>) -> Self {
        Self { credential, limits: Limits::default(), completeness: Completeness::default() }
    }

    pub(crate) fn layer(&self, idle_time: Duration, environment: &Environment) -> Layer {
        Layer {
            limits: self.limits,
            idle_time,
            completeness: self.completeness.clone(),
            random: environment.random.clone(),
        }
    }
}
