//! Every way in which a report, its chain or a manifest can be wrong, shown on GPUs that never existed.

mod chains;
pub(crate) mod forge;
pub(crate) mod manifests;
mod reports;
mod swid;
