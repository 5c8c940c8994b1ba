//! Reference integrity manifests as NVIDIA serves them: SWID tags (ISO/IEC 19770-2:2015) in XML with an XML signature.
//!
//! Of XML and of XML signatures only the one form is read that NVIDIA writes. What is signed is all of the document but
//! the signature, and there is nothing in it whose place is not fixed, so that nothing can be moved, wrapped or added.

mod canonical;
mod document;
mod signature;

pub(crate) use document::{Swid, looks_like};
