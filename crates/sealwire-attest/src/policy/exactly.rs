//! A policy file that accepts what is shown now, for `sealwire policy init`.

use crate::{Claims, Kind, Outcome, Verified};
use std::fmt::Write as _;

pub(super) fn exactly(
    verified: &Verified<Claims>,
    config_digest: Option<&[u8; 48]>,
    operator_key: Option<&[u8; 32]>,
) -> String {
    let claims = verified.get();
    let mut out = String::from(
        "# Accepts exactly what was attested when this file was written.\n\
         # Compare the values with those of a build of your own before you rely on it: a policy made from\n\
         # what a service shows proves only that the service has not changed since.\n\
         version = 1\n\n\
         # Of the key document: the longest lifetime, the greatest age, and what is tolerated beyond that age.\n\
         max-lifetime = \"24h\"\nmax-age = \"24h\"\ngrace = \"0s\"\n\n",
    );
    let _ = operator(&mut out, config_digest, operator_key);
    let _ = match claims.kind {
        Kind::Snp | Kind::Development => snp(&mut out, claims, &verified.checks().revocation),
        _ => todo!(),
    };
    out
}

fn operator(
    out: &mut String,
    config_digest: Option<&[u8; 48]>,
    operator_key: Option<&[u8; 32]>,
) -> std::fmt::Result {
    if let Some(key) = operator_key {
        writeln!(out, "# The operator, who signs names, configuration and measurement.")?;
        writeln!(out, "operator-keys = [\"ed25519:{}\"]", hex::encode(key))?;
    }
    // A key covers changes of the configuration, which a digest beside it would undo: any one of the two is enough.
    if let (Some(digest), None) = (config_digest, operator_key) {
        writeln!(
            out,
            "# The configuration that decides where plaintext goes (sealwire gateway --print-config-digest)."
        )?;
        writeln!(out, "config-digests = [\"sha384:{}\"]", hex::encode(digest))?;
    }
    if config_digest.is_none() && operator_key.is_none() {
        writeln!(
            out,
            "# WARNING: whoever starts the genuine code is accepted, wherever it then sends what it reads."
        )?;
        writeln!(out, "# Replace this by operator-keys or config-digests.")?;
        writeln!(out, "any-operator = true")?;
    }
    Ok(())
}

fn snp(out: &mut String, claims: &Claims, revocation: &Outcome) -> std::fmt::Result {
    let register = |name: &str| hex::encode(claims.measurements.get(name).map_or(&[][..], Vec::as_slice));
    let attribute = |name: &str| claims.attributes.get(name).copied().unwrap_or_default();
    writeln!(out, "\n[[accept]]\nkind = \"{}\"", claims.kind)?;
    if claims.development {
        writeln!(
            out,
            "# Evidence of a development machine: it protects nothing. Its root, made on that machine:"
        )?;
        writeln!(out, "roots = [\"sha256:{}\"]", hex::encode(claims.root))?;
    }
    writeln!(out, "# Launch measurement: firmware, and what it measured of kernel and command line.")?;
    writeln!(out, "measurement = [\"{}\"]", register("measurement"))?;
    writeln!(out, "# What the host set at launch.")?;
    writeln!(out, "host-data = [\"{}\"]", register("host-data"))?;
    for name in ["id-key-digest", "author-key-digest"] {
        if claims.measurements.get(name).is_some_and(|digest| digest.iter().any(|byte| *byte != 0)) {
            writeln!(out, "{name} = [\"{}\"]", register(name))?;
        }
    }
    writeln!(out, "# The lowest firmware level that is accepted. Raise it when AMD announces fixes.")?;
    let levels = claims.tcb.iter().map(|(name, version)| format!("{name} = {version}")).collect::<Vec<_>>();
    writeln!(out, "minimum-tcb = {{ {} }}", levels.join(", "))?;
    if !claims.development {
        writeln!(out, "products = [\"{}\"]", claims.product)?;
    }
    let crl = match revocation {
        Outcome::Passed(_) => "required",
        _ if claims.development => "if-available",
        _ => {
            writeln!(out, "# No CRL came with the evidence. \"required\" is safer, once one is supplied.")?;
            "if-available"
        }
    };
    writeln!(out, "crl = \"{crl}\"")?;
    writeln!(out, "vmpl = {}", attribute("vmpl"))?;
    if claims.debug && claims.development {
        writeln!(out, "debug = true")?;
    } else if claims.debug {
        writeln!(
            out,
            "# REFUSED: the host reads a guest that can be debugged, so nothing makes this one acceptable."
        )?;
        writeln!(out, "debug = false")?;
    }
    if attribute("migration-agent") != 0 {
        writeln!(out, "# A migration agent may take the guest, and its keys, to another machine.")?;
        writeln!(out, "migration-agent = true")?;
    }
    Ok(())
}
