//! The digest of what decides where plaintext goes (AT-44).
//!
//! Hardware proves the code, not its configuration: a host can start the genuine image with an upstream of its own.
//! So a key document carries this digest, and a client pins it, or an operator's signature over it.
//!
//! It is SHA-384 over deterministic CBOR (RFC 8949 section 4.2.1) of
//!
//! ```text
//! [ version text,
//!   authorities: [* text],              normal form, ascending
//!   bodies are logged: bool,            always false: this gateway cannot log them
//!   upstream roots: bytes / null,       SHA-384 over the SHA-384 of each certificate, ascending; null for the system's
//!   routes: [* [path text, methods [* text] / null, upstream text, plaintext bool]] ]     ascending by path
//! ```
//!
//! with paths without a final `/`, methods ascending, and upstreams as `scheme://host:port/base` with the port always
//! there. Configurations that mean the same have the same digest; limits, times, key rotation and TLS of the listener
//! are no part of it.

use crate::{routes::Table, tls::Roots};
use minicbor::{Encoder, encode::write::Write};
use sealwire_crypto::digest::sha384;

/// Names the structure above; another structure gets another name.
pub const VERSION: &str = "sealwire-gateway-configuration/1";

type Written<W> = Result<(), minicbor::encode::Error<<W as Write>::Error>>;

/// `authorities` in normal form.
pub(super) fn digest(authorities: &[String], roots: Option<&Roots>, routes: &Table) -> [u8; 48] {
    let mut out = Vec::new();
    // Writing to a vector cannot fail.
    let _ = write(&mut Encoder::new(&mut out), authorities, roots, routes);
    sha384(&[&out])
}

fn write<W: Write>(
    e: &mut Encoder<W>,
    authorities: &[String],
    roots: Option<&Roots>,
    routes: &Table,
) -> Written<W> {
    let mut authorities: Vec<&str> = authorities.iter().map(String::as_str).collect();
    authorities.sort_unstable();
    e.array(5)?.str(VERSION)?;
    texts(e, &authorities)?;
    e.bool(false)?;
    match roots {
        Some(roots) => e.bytes(roots.digest())?,
        None => e.null()?,
    };
    let mut routes: Vec<_> = routes.iter().collect();
    routes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    e.array(routes.len() as u64)?;
    for route in routes {
        e.array(4)?.str(&route.path)?;
        match &route.methods {
            Some(methods) => {
                let mut methods: Vec<&str> = methods.iter().map(http::Method::as_str).collect();
                methods.sort_unstable();
                texts(e, &methods)?;
            }
            None => {
                e.null()?;
            }
        }
        e.str(&route.target.to_string())?.bool(route.plaintext)?;
    }
    Ok(())
}

fn texts<W: Write>(e: &mut Encoder<W>, texts: &[&str]) -> Written<W> {
    e.array(texts.len() as u64)?;
    texts.iter().try_for_each(|text| e.str(text).map(drop))
}
