//! Every way in which a document or its chain can be wrong, shown on enclaves that never existed.

mod chains;
mod crls;
mod differential;
mod documents;
pub(crate) mod forge;
