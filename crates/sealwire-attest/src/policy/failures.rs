//! What evidence breaks of a rule.

use super::{
    rule::{CompanionRule, Level, Rule},
    schema::Demand,
    values::Accept,
};
use crate::{
    Checks, Claims, Outcome, TcbStatus, UnixTime,
    claims::{Attachment, Companion},
    verdict::Reason,
};
use sealwire_crypto::digest::sha256;
use std::{fmt::Display, time::Duration};

impl Rule {
    /// Every part of the rule that `claims` break, told under the name `rule`; empty where they are accepted. `grace` is
    /// what the policy tolerates beyond an age.
    pub(super) fn failures(
        &self,
        rule: &str,
        claims: &Claims,
        checks: &Checks,
        at: UnixTime,
        grace: Duration,
    ) -> Vec<Reason> {
        let mut failed = Failures { rule, reasons: Vec::new() };
        self.check_root(claims, &mut failed);
        self.check_registers(claims, &mut failed);
        self.check_minimum(claims, &mut failed);
        if self.schema.has_status {
            self.check_status(claims, checks, &mut failed);
        }
        if !self.products.is_empty() && !self.products.iter().any(|product| *product == claims.product) {
            failed.add("product-not-listed", "products", self.products.join(", "), &claims.product);
        }
        self.check_attributes(claims, &mut failed);
        if let Some(most) = self.max_age {
            failed.age(most.saturating_add(grace), claims, at);
        }
        failed.demand(self.crl, "crl", "a CRL", &checks.revocation);
        match claims.tcb_status {
            _ if !self.schema.has_rim => {}
            // Those that were supplied have to be met, asked for or not.
            Some(status @ TcbStatus::Unlisted) => {
                failed.add("tcb-status", "rim", "measurements that the vendor lists", status);
            }
            _ => failed.demand(self.rim, "rim", "signed reference values", &checks.tcb),
        }
        for (index, companion) in self.companions.iter().enumerate() {
            let rule = format!("{rule}.companion[{index}]");
            failed.reasons.extend(companion.failures(&rule, claims, at, grace));
        }
        failed.reasons
    }

    /// Which companions the rule asks something of: their labels.
    pub(super) fn weighed<'c>(&'c self, claims: &'c Claims) -> impl Iterator<Item = &'c String> {
        claims
            .companions
            .iter()
            .filter(|(label, companion)| self.companions.iter().any(|rule| rule.is_about(label, companion)))
            .map(|(label, _)| label)
    }

    fn check_root(&self, claims: &Claims, failed: &mut Failures<'_>) {
        let pins = !self.roots.is_empty() || !self.tpm_keys.is_empty();
        // Where a key's name is pinned, trust ends in that.
        let is_key = |name: &Vec<u8>| sha256(&[name]) == claims.root;
        let pinned = self.roots.contains(&claims.root) || self.tpm_keys.iter().any(is_key);
        if pins && !pinned {
            let roots = self.roots.iter().map(|root| format!("sha256:{}", hex::encode(root)));
            let expected: Vec<_> = roots.chain(self.tpm_keys.iter().map(hex::encode)).collect();
            let found = format!("sha256:{}", hex::encode(claims.root));
            failed.add("root-not-listed", "roots", expected.join(", "), found);
        }
    }

    fn check_registers(&self, claims: &Claims, failed: &mut Failures<'_>) {
        for ((_, name), accepted) in &self.registers {
            let code = match name.as_str() {
                "measurement" => "measurement-not-listed",
                "host-data" => "host-data-not-listed",
                _ => "register-not-listed",
            };
            let found = claims.measurements.get(name.as_str());
            failed.unless_listed(code, name, accepted, found, |bytes| hex::encode(bytes));
        }
        for version in self.schema.versions {
            if let Some(accepted) = self.versions.get(version.claim) {
                let found = claims.versions.get(version.claim);
                failed.unless_listed("version-not-listed", version.key, accepted, found, String::clone);
            }
        }
    }

    fn check_minimum(&self, claims: &Claims, failed: &mut Failures<'_>) {
        let Some(Level::AtLeast(minimum)) = &self.minimum_tcb else { return };
        let Some(levels) = &self.schema.levels else { return };
        for component in levels.components {
            let rule = format!("minimum-tcb.{}", component.name);
            let minimum = minimum.components.get(component.name);
            // Who updates the firmware and is refused all the same has to be told that only a new launch helps.
            if let (Some(minimum), Some((launch, now))) = (minimum, claims.launched_below(component.name))
                && launch < *minimum
            {
                let expected = format!("at least {minimum}, at launch and now");
                failed.add("tcb-too-old", &rule, expected, format!("{launch} at launch, {now} now"));
                continue;
            }
            match (minimum, claims.lowest_tcb(component.name)) {
                (Some(minimum), found) => failed.at_least(&rule, minimum, found.as_ref()),
                // A component that the policy's author did not think of is not a component at any level. Where the
                // vendor judges whole levels, the rest of them is its business.
                (None, Some(found)) if levels.is_complete => {
                    failed.add("tcb-unlisted", &rule, "a minimum", found);
                }
                (None, _) => {}
            }
        }
        if let Some(evaluation) = &minimum.evaluation {
            failed.at_least("minimum-tcb.evaluation", evaluation, claims.tcb_evaluation.as_ref());
        }
        if let Some(date) = &minimum.date {
            failed.at_least("minimum-tcb.date", date, claims.tcb_date.as_ref());
        }
    }

    /// What the vendor says of the level. Without its word there is nothing to go by.
    fn check_status(&self, claims: &Claims, checks: &Checks, failed: &mut Failures<'_>) {
        let default = [TcbStatus::UpToDate];
        let accepted: &[TcbStatus] = match &self.tcb_statuses {
            Some(Accept::Listed(listed)) => listed,
            Some(Accept::Any(_)) => &TcbStatus::ALL,
            None => &default,
        };
        let any = matches!(self.tcb_statuses, Some(Accept::Any(_)));
        let missing = match (claims.tcb_status, &checks.tcb) {
            // Not even under `any`: the vendor has withdrawn its word, or never gave it.
            (Some(status), _)
                if matches!(status, TcbStatus::Revoked | TcbStatus::Unlisted)
                    || !accepted.contains(&status) =>
            {
                let accepted =
                    accepted.iter().filter(|s| !matches!(s, TcbStatus::Revoked | TcbStatus::Unlisted));
                failed.add("tcb-status", "tcb-statuses", list(accepted), status);
                None
            }
            (_, Outcome::NotSupplied(what)) => Some(what.as_str()),
            (None, _) => Some("none"),
            _ => None,
        };
        // Whoever brings the evidence can leave out what speaks against it: `any` status is one that was told.
        if let (Some(found), Demand::Required) = (missing, self.collateral) {
            let expected = "what the vendor says of the firmware level";
            failed.add("endorsement-missing", "collateral", expected, found);
        }
        let allowed: &[String] = match &self.advisories {
            Some(Accept::Any(_)) => return,
            Some(Accept::Listed(listed)) => listed,
            // What is up to date has what the advisories call for, and so has a part of it without a status of the whole.
            None if any || matches!(claims.tcb_status, None | Some(TcbStatus::UpToDate)) => return,
            None => &[],
        };
        let others: Vec<_> =
            claims.advisories.iter().filter(|advisory| !allowed.contains(advisory)).collect();
        if !others.is_empty() {
            let expected = if allowed.is_empty() { "none".to_owned() } else { list(allowed) };
            failed.add("advisory", "advisories", expected, list(others));
        }
    }

    fn check_attributes(&self, claims: &Claims, failed: &mut Failures<'_>) {
        if claims.debug && !self.debug {
            failed.add("debug", "debug", "false", "true");
        }
        let attribute = |name: &str| claims.attributes.get(name).copied();
        let told = |found: Option<u64>| found.map_or_else(|| "none".to_owned(), |found| found.to_string());
        if let Some(name) = self.schema.migration
            && attribute(name) != Some(0)
            && !self.migration
        {
            failed.add("migration-agent", name, "false", "true");
        }
        if self.schema.has_vmpl {
            let vmpl = attribute("vmpl");
            let accepted: &[u64] = match &self.vmpl {
                Some(Accept::Any(_)) => &[0, 1, 2, 3],
                Some(Accept::Listed(levels)) => levels,
                None => &[0],
            };
            if !vmpl.is_some_and(|vmpl| accepted.contains(&vmpl)) {
                failed.add("vmpl", "vmpl", list(accepted), told(vmpl));
            }
        }
        for (name, expected) in &self.attributes {
            let found = attribute(name);
            if found != Some(expected.number()) {
                failed.add("attribute", &format!("attributes.{name}"), expected, expected.told(found));
            }
        }
    }
}

impl CompanionRule {
    fn is_about(&self, label: &str, companion: &Companion) -> bool {
        companion.claims.kind == self.rule.kind() && self.label.as_ref().is_none_or(|own| own == label)
    }

    /// Every companion that the rule is about has to pass, and there has to be one: another GPU beside a good one is
    /// not passed over.
    fn failures(&self, rule: &str, lead: &Claims, at: UnixTime, grace: Duration) -> Vec<Reason> {
        let mut failed = Failures { rule, reasons: Vec::new() };
        let mut is_there = false;
        for (label, companion) in &lead.companions {
            if !self.is_about(label, companion) {
                continue;
            }
            is_there = true;
            let Companion { claims, checks, attachment } = companion;
            if self.attachment == Some(Attachment::Proven) && *attachment != Attachment::Proven {
                failed.add(
                    "companion-attachment",
                    "attachment",
                    Attachment::Proven.name(),
                    attachment.name(),
                );
            }
            failed.reasons.extend(self.rule.failures(rule, claims, checks, at, grace));
        }
        if !is_there {
            let labels: Vec<_> = lead
                .companions
                .iter()
                .map(|(label, found)| format!("{label} ({})", found.claims.kind))
                .collect();
            let found = if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
            let label = self.label.as_ref().map(|label| format!(" labelled {label}")).unwrap_or_default();
            failed.add("companion-missing", "kind", format!("{}{label}", self.rule.kind()), found);
        }
        failed.reasons
    }
}

/// Collects what failed under one rule.
struct Failures<'a> {
    rule: &'a str,
    reasons: Vec<Reason>,
}

impl Failures<'_> {
    fn add(&mut self, code: &'static str, key: &str, expected: impl Display, found: impl Display) {
        self.reasons.push(Reason {
            code,
            rule: format!("{}.{key}", self.rule),
            expected: expected.to_string(),
            found: found.to_string(),
        });
    }

    fn unless_listed<T: PartialEq>(
        &mut self,
        code: &'static str,
        key: &str,
        accepted: &Accept<T>,
        found: Option<&T>,
        told: impl Fn(&T) -> String,
    ) {
        let Accept::Listed(values) = accepted else { return };
        if !found.is_some_and(|found| values.contains(found)) {
            let expected: Vec<_> = values.iter().map(&told).collect();
            self.add(code, key, expected.join(", "), found.map_or_else(|| "none".to_owned(), told));
        }
    }

    fn at_least<T: PartialOrd + Display>(&mut self, rule: &str, minimum: &T, found: Option<&T>) {
        match found {
            Some(found) if found >= minimum => {}
            Some(found) => self.add("tcb-too-old", rule, format!("at least {minimum}"), found),
            None => self.add("tcb-too-old", rule, format!("at least {minimum}"), "none"),
        }
    }

    /// AT-06
    fn demand(&mut self, demand: Demand, key: &str, what: &str, outcome: &Outcome) {
        let found = match (demand, outcome) {
            (Demand::IfAvailable, _) | (_, Outcome::Passed(_)) => return,
            (_, Outcome::NotSupplied(why) | Outcome::NotAvailable(why)) => why,
            _ => "none",
        };
        self.add("endorsement-missing", key, what, found);
    }

    /// Of evidence whose hardware has a clock.
    fn age(&mut self, most: Duration, claims: &Claims, at: UnixTime) {
        let age = claims.made_at.map(|made_at| at.since(made_at));
        if age.is_none_or(|age| age > most) {
            let found = age.map_or_else(|| "unknown".to_owned(), |age| format!("{} s", age.as_secs()));
            self.add("evidence-too-old", "max-age", format!("at most {} s", most.as_secs()), found);
        }
    }
}

fn list<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(", ")
}
