//! The licences of all dependencies against `deny.toml`.
//!
//! cargo-deny checks more and takes minutes to build; what is wanted here is a page over `cargo metadata`.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use crate::shell::root;

#[derive(Deserialize)]
struct Deny {
    licenses: Licences,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

/// One crate, in tests only.
#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

/// What the lists come to.
struct Rules {
    allowed: Vec<Licensee>,
    in_tests: BTreeMap<String, Vec<Licensee>>,
}

pub(crate) fn check() -> Result<()> {
    let rules = Rules::read(&root().join("deny.toml"))?;
    let mut checked = 0;
    let mut refused = Vec::new();
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        let metadata = MetadataCommand::new()
            .manifest_path(root().join(manifest))
            .other_options(["--locked".to_owned()])
            .exec()
            .with_context(|| format!("cannot list the dependencies of {manifest}"))?;
        let shipped = shipped(&metadata)?;
        for package in &metadata.packages {
            checked += 1;
            refused.extend(rules.objection(package, shipped.contains(&package.id)));
        }
    }
    if !refused.is_empty() {
        refused.sort();
        refused.dedup();
        bail!("licences that deny.toml does not allow:\n  {}", refused.join("\n  "));
    }
    println!("{checked} packages, every licence allowed");
    Ok(())
}

impl Rules {
    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let deny: Deny = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let exceptions = deny.licenses.exceptions.into_iter();
        Ok(Self {
            allowed: licensees(&deny.licenses.allow)?,
            in_tests: exceptions.map(|e| Ok((e.name, licensees(&e.allow)?))).collect::<Result<_>>()?,
        })
    }

    /// What is wrong with a package, if anything.
    fn objection(&self, package: &Package, shipped: bool) -> Option<String> {
        let name = format!("{} {}", package.name, package.version);
        let Some(licence) = &package.license else {
            return Some(format!("{name}: names no licence"));
        };
        // Lax: older packages write `MIT/Apache-2.0`.
        let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else {
            return Some(format!("{name}: `{licence}` is not an SPDX expression"));
        };
        let allows = |extra: &[Licensee]| {
            expression
                .evaluate(|wanted| self.allowed.iter().chain(extra).any(|licence| licence.satisfies(wanted)))
        };
        if allows(&[]) {
            return None;
        }
        match self.in_tests.get(package.name.as_str()) {
            Some(extra) if allows(extra) && !shipped => None,
            Some(extra) if allows(extra) => {
                Some(format!("{name}: `{licence}` is for tests only, and this is shipped"))
            }
            _ => Some(format!("{name}: `{licence}`")),
        }
    }
}

fn licensees(names: &[String]) -> Result<Vec<Licensee>> {
    names.iter().map(|name| Licensee::parse(name).with_context(|| format!("deny.toml: `{name}`"))).collect()
}

/// Everything that packages under `crates/` depend on otherwise than for their tests.
fn shipped(metadata: &Metadata) -> Result<HashSet<&PackageId>> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata resolved nothing")?;
    let crates = metadata.workspace_root.join("crates");
    let mut found: HashSet<&PackageId> = HashSet::new();
    let mut open: Vec<&PackageId> = metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| package.manifest_path.starts_with(&crates))
        .map(|package| &package.id)
        .collect();
    while let Some(id) = open.pop() {
        if !found.insert(id) {
            continue;
        }
        let node =
            resolve.nodes.iter().find(|node| &node.id == id).context("a package that is not resolved")?;
        let wanted = node.deps.iter().filter(|dependency| {
            dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
        });
        open.extend(wanted.map(|dependency| &dependency.pkg));
    }
    Ok(found)
}
