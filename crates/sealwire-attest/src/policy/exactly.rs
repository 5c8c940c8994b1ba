//! A policy file that accepts what is shown now, for `sealwire policy init`.

use super::schema::{Need, Products, Roots, Schema};
use crate::{Checks, Claims, Outcome, TcbStatus, Verified, claims::Companion};
use sealwire_crypto::digest::sha256;
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
    let _ = writeln!(out, "\n[[accept]]\nkind = \"{}\"", claims.kind);
    let _ = rule(&mut out, claims, verified.checks());
    for (label, Companion { claims, checks, .. }) in &claims.companions {
        let _ = writeln!(
            out,
            "\n# Evidence that comes with it.\n[[accept.companion]]\nkind = \"{}\"",
            claims.kind
        );
        let _ = writeln!(out, "label = \"{label}\"");
        let _ = rule(&mut out, claims, checks);
    }
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

/// The rule behind `kind`, and behind the label of a companion.
fn rule(out: &mut String, claims: &Claims, checks: &Checks) -> std::fmt::Result {
    let schema = Schema::of(claims.kind);
    roots(out, schema, claims)?;
    registers(out, schema, claims)?;
    versions(out, schema, claims)?;
    level(out, schema, claims, checks)?;
    if !matches!(schema.products, Products::None) && !claims.development {
        writeln!(out, "products = [\"{}\"]", claims.product)?;
    }
    if schema.has_rim && claims.tcb_status == Some(TcbStatus::Unlisted) {
        writeln!(out, "# REFUSED: the vendor lists other measurements than these.")?;
    } else if schema.has_rim {
        rim(out, schema, claims, checks)?;
    }
    match checks.revocation {
        Outcome::Passed(_) => demand(out, "crl", "", true)?,
        // The roots of these need not publish one.
        _ if matches!(schema.roots, Roots::Development | Roots::Enrolment) => {
            writeln!(out, "crl = \"if-available\"")?;
        }
        _ => demand(out, "crl", "CRL", false)?,
    }
    attributes(out, schema, claims)
}

fn roots(out: &mut String, schema: &Schema, claims: &Claims) -> std::fmt::Result {
    match schema.roots {
        Roots::Vendor(_) => return Ok(()),
        Roots::Development => writeln!(
            out,
            "# Evidence of a development machine: it protects nothing. Its root, made on that machine:"
        )?,
        Roots::Enrolment if sha256(&[&claims.hardware_id]) == claims.root => {
            writeln!(
                out,
                "# The name of the attestation key of this one TPM, which nobody else vouches for."
            )?;
            return writeln!(out, "tpm-keys = [\"{}\"]", hex::encode(&claims.hardware_id));
        }
        Roots::Enrolment => {
            writeln!(out, "# The enrolment CA, which certified the attestation key of the TPM.")?;
        }
    }
    writeln!(out, "roots = [\"sha256:{}\"]", hex::encode(claims.root))
}

fn registers(out: &mut String, schema: &Schema, claims: &Claims) -> std::fmt::Result {
    for register in schema.written() {
        let name = register.name();
        match claims.measurements.get(name) {
            Some(value) if register.need == Need::Required || value.iter().any(|byte| *byte != 0) => {
                comment(out, register.holds)?;
                writeln!(out, "{name} = [\"{}\"]", hex::encode(value))?;
            }
            None if register.need == Need::Required => {
                writeln!(out, "# WARNING: {}: not in the evidence.", register.holds)?;
                writeln!(out, "{name} = {{ any = \"the evidence did not have it\" }}")?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn versions(out: &mut String, schema: &Schema, claims: &Claims) -> std::fmt::Result {
    for version in schema.versions {
        comment(out, version.holds)?;
        match claims.versions.get(version.claim) {
            // Written as TOML writes strings: the text is the hardware's.
            Some(found) => writeln!(out, "{} = [{}]", version.key, toml::Value::from(found.as_str()))?,
            None => writeln!(out, "{} = {{ any = \"the evidence did not say it\" }}", version.key)?,
        }
    }
    Ok(())
}

fn level(out: &mut String, schema: &Schema, claims: &Claims, checks: &Checks) -> std::fmt::Result {
    let Some(levels) = &schema.levels else { return Ok(()) };
    writeln!(out, "# The lowest firmware level that is accepted. Raise it when the vendor announces fixes.")?;
    let known = |name: &str| levels.components.iter().any(|component| component.name == name);
    let components = claims.tcb.keys().filter(|name| known(name));
    let mut minimum: Vec<_> =
        components.filter_map(|name| Some(format!("{name} = {}", claims.lowest_tcb(name)?))).collect();
    if schema.has_status {
        minimum.extend(claims.tcb_evaluation.map(|number| format!("evaluation = {number}")));
    }
    writeln!(out, "minimum-tcb = {{ {} }}", minimum.join(", "))?;
    if !schema.has_status {
        return Ok(());
    }
    if claims.tcb_status.is_none() || matches!(checks.tcb, Outcome::NotSupplied(_)) {
        writeln!(
            out,
            "# WARNING: what the vendor says of this level did not come with the evidence. With the next line it need\n\
             # never come: firmware with KNOWN HOLES IS ACCEPTED as long as whoever brings the evidence leaves out\n\
             # what speaks against it. Supply the collateral, and remove the line."
        )?;
        writeln!(out, "collateral = \"if-available\"")?;
    }
    match claims.tcb_status {
        None | Some(TcbStatus::UpToDate) => {}
        Some(status @ (TcbStatus::Revoked | TcbStatus::Unlisted)) => {
            writeln!(
                out,
                "# REFUSED: the vendor calls this level {status}, so nothing makes it acceptable."
            )?;
        }
        Some(status) => {
            writeln!(out, "# WARNING: the vendor does not call this level up to date.")?;
            writeln!(out, "tcb-statuses = [\"UpToDate\", \"{status}\"]")?;
            let advisories: Vec<_> =
                claims.advisories.iter().map(|id| toml::Value::from(id.as_str()).to_string()).collect();
            if !advisories.is_empty() {
                writeln!(out, "advisories = [{}]", advisories.join(", "))?;
            }
        }
    }
    Ok(())
}

/// Without signed reference values the measurements themselves say what runs.
fn rim(out: &mut String, schema: &Schema, claims: &Claims, checks: &Checks) -> std::fmt::Result {
    let is_there = matches!(checks.tcb, Outcome::Passed(_));
    let measurements: Vec<_> =
        claims.measurements.iter().filter(|(name, _)| schema.register(name).is_some()).collect();
    if !is_there && measurements.is_empty() {
        writeln!(out, "# REFUSED: neither signed reference values nor measurements came with the evidence.")?;
        return writeln!(out, "rim = \"required\"");
    }
    demand(out, "rim", "signed reference values", is_there)?;
    for (name, value) in measurements.into_iter().filter(|_| !is_there) {
        writeln!(out, "{name} = [\"{}\"]", hex::encode(value))?;
    }
    Ok(())
}

fn demand(out: &mut String, key: &str, what: &str, is_there: bool) -> std::fmt::Result {
    if is_there {
        return writeln!(out, "{key} = \"required\"");
    }
    writeln!(out, "# No {what} came with the evidence. \"required\" is safer, once one is supplied.")?;
    writeln!(out, "{key} = \"if-available\"")
}

fn attributes(out: &mut String, schema: &Schema, claims: &Claims) -> std::fmt::Result {
    let attribute = |name: &str| claims.attributes.get(name).copied().unwrap_or_default();
    if schema.has_vmpl {
        writeln!(out, "vmpl = {}", attribute("vmpl"))?;
    }
    if claims.debug && claims.development {
        writeln!(out, "debug = true")?;
    } else if claims.debug {
        writeln!(
            out,
            "# REFUSED: the host reads a guest that can be debugged, so nothing makes this one acceptable."
        )?;
        writeln!(out, "debug = false")?;
    }
    if let Some(name) = schema.migration.filter(|name| attribute(name) != 0) {
        writeln!(out, "# The guest may be taken, with its keys, to another machine.")?;
        writeln!(out, "{name} = true")?;
    }
    let pinned: Vec<_> = schema
        .pinned_attributes
        .iter()
        .filter_map(|name| Some(format!("{name} = {}", claims.attributes.get(name)?)))
        .collect();
    if !pinned.is_empty() {
        writeln!(out, "attributes = {{ {} }}", pinned.join(", "))?;
    }
    Ok(())
}

/// A sentence of its own.
fn comment(out: &mut String, text: &str) -> std::fmt::Result {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    writeln!(out, "# {}{}.", first.map(String::from).unwrap_or_default(), letters.as_str())
}
