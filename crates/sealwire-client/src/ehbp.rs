//! What belongs to EHBP alone.

use crate::Environment;
use sealwire_http::{
    client::ehbp::{Settings as Layer, WithoutContent},
    complete::Completeness,
    ehbp::Limits,
};
use std::time::Duration;

/// How EHBP is spoken.
#[derive(Debug, Clone, Default)]
pub struct Ehbp {
    /// limits
    pub limits: Limits,
    /// what tells the end of an answer, which this wire does not (EH-22)
    pub completeness: Completeness,
    /// what becomes of requests that have nothing to seal (EH-23)
    pub without_content: WithoutContent,
}

impl Ehbp {
    pub(crate) fn layer(&self, idle_time: Duration, environment: &Environment) -> Layer {
        Layer {
            limits: self.limits,
            idle_time,
            completeness: self.completeness.clone(),
            without_content: self.without_content,
            random: environment.random.clone(),
        }
    }
}
