//! Rules: which names there may be, and who may do what to them (SE-20 (b)).

use sealwire_attest::{Appraised, Claims, UnixTime, revocation, verdict::Denial};
use sealwire_http::{
    Attested,
    server::session::CallerPolicy,
    session::secret::{BadName, Name},
};
use std::{fmt, sync::Arc};

/// The names that a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    Exactly(Name),
    /// every name below this one
    Below(Name),
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, BadName> {
        match text.strip_suffix("/*") {
            Some(prefix) => prefix.parse().map(Self::Below),
            None => text.parse().map(Self::Exactly),
        }
    }

    fn fits(&self, name: &Name) -> bool {
        match self {
            Self::Exactly(exactly) => exactly == name,
            Self::Below(prefix) => {
                name.as_str().strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('/'))
            }
        }
    }

    /// Longer is more; what is exact is more than any prefix.
    fn weight(&self) -> (bool, usize) {
        match self {
            Self::Exactly(name) => (true, name.as_str().len()),
            Self::Below(prefix) => (false, prefix.as_str().len()),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(name) => name.fmt(f),
            Self::Below(prefix) => write!(f, "{prefix}/*"),
        }
    }
}

/// A policy, and what it comes to with every file that it names.
#[derive(Clone)]
pub(crate) struct Judge {
    pub(crate) digest: [u8; 48],
    pub(crate) policy: Arc<CallerPolicy>,
    /// whether it names keys that sign revocation lists
    pub(crate) takes_lists: bool,
}

impl Judge {
    /// Holds a caller against it, as if its evidence were shown now.
    pub(super) fn accepts(&self, caller: &Attested, at: UnixTime) -> Result<Appraised<Claims>, Denial> {
        self.policy.accepts(caller, at)
    }
}

/// One rule.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) pattern: Pattern,
    pub(crate) read: Judge,
    /// none where only operators write
    pub(crate) write: Option<Judge>,
    /// of operators, ascending
    pub(crate) keys: Vec<[u8; 32]>,
}

impl Rule {
    /// Whether both say the same, so that a secret that was written under one can go on under the other.
    fn is(&self, other: &Self) -> bool {
        let write = |rule: &Self| rule.write.as_ref().map(|judge| judge.digest);
        self.pattern == other.pattern
            && self.read.digest == other.read.digest
            && write(self) == write(other)
            && self.keys == other.keys
    }

    fn judges(&self) -> impl Iterator<Item = &Judge> {
        [Some(&self.read), self.write.as_ref()].into_iter().flatten()
    }
}

/// All rules, the one that goes first first.
#[derive(Clone)]
pub(crate) struct Rules(Vec<Rule>);

impl Rules {
    /// `rules` have distinct patterns.
    pub(crate) fn new(mut rules: Vec<Rule>) -> Self {
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.pattern.weight()));
        Self(rules)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// The one rule that holds for a name.
    pub(super) fn of(&self, name: &Name) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.pattern.fits(name))
    }

    /// The names that rules name exactly.
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().filter_map(|rule| match &rule.pattern {
            Pattern::Exactly(name) => Some(name),
            Pattern::Below(_) => None,
        })
    }

    /// Whether a name has the same rule in both.
    pub(super) fn agree_on(&self, name: &Name, other: &Self) -> bool {
        self.of(name).zip(other.of(name)).is_some_and(|(ours, theirs)| ours.is(theirs))
    }

    /// Gives a revocation list to every policy that takes one.
    ///
    /// # Errors
    /// The first reason why one does not take it; the others have it.
    pub(crate) fn take_list(&self, bytes: &[u8]) -> Result<(), revocation::Error> {
        let taking = self.0.iter().flat_map(Rule::judges).filter(|judge| judge.takes_lists);
        taking.map(|judge| judge.policy.take_list(bytes).map(drop)).fold(Ok(()), Result::and)
    }

    /// Goes on with the lists that the policies of `earlier` have taken: their serials only go up.
    pub(crate) fn carry_on(&mut self, earlier: &Self) {
        for rule in &mut self.0 {
            for judge in [Some(&mut rule.read), rule.write.as_mut()].into_iter().flatten() {
                let mut known = earlier.0.iter().flat_map(Rule::judges);
                if let Some(known) = known.find(|known| known.digest == judge.digest) {
                    judge.policy = known.policy.clone();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_attest::Policy;

    fn rule(pattern: &str, read: u8) -> Rule {
        let policy = Arc::new(CallerPolicy::new(Policy::without_policy()));
        let judge = Judge { digest: [read; 48], policy, takes_lists: false };
        Rule { pattern: Pattern::parse(pattern).unwrap(), read: judge, write: None, keys: vec![[1; 32]] }
    }

    fn of<'a>(rules: &'a Rules, name: &str) -> Option<&'a Rule> {
        rules.of(&name.parse().unwrap())
    }

    // SE-20 (b)
    #[test]
    fn the_longest_rule_holds() {
        let rules = Rules::new(["db/*", "db/a", "db/a/*", "x"].map(|pattern| rule(pattern, 0)).into());
        for (name, expected) in [
            ("db/a", Some("db/a")),
            ("db/a/b", Some("db/a/*")),
            ("db/a/b/c", Some("db/a/*")),
            ("db/b", Some("db/*")),
            ("db/ab", Some("db/*")),
            ("db", None),
            ("dbx/a", None),
            ("x", Some("x")),
            ("x/y", None),
            ("X", None),
        ] {
            let found = of(&rules, name).map(|rule| rule.pattern.to_string());
            assert_eq!(found.as_deref(), expected, "{name}");
        }
        for bad in ["", "*", "/*", "db*", "*/a", "db/*/a", "db/**", "db/", "../*"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }

    // SE-20 (b): a secret goes on where its rule is the same, whatever else is configured.
    #[test]
    fn rules_agree_on_a_name_or_do_not() {
        let old = Rules::new(vec![rule("db/*", 1), rule("x", 1)]);
        let agree = |new: Vec<Rule>, name: &str| Rules::new(new).agree_on(&name.parse().unwrap(), &old);
        assert!(agree(vec![rule("db/*", 1)], "db/a"));
        assert!(agree(vec![rule("y", 2), rule("db/*", 1)], "db/a"));
        assert!(!agree(vec![rule("db/*", 2)], "db/a"), "other readers");
        assert!(!agree(vec![rule("db/*", 1), rule("db/a", 1)], "db/a"), "another rule");
        assert!(!agree(vec![rule("x", 1)], "db/a"), "no rule");
        let with = |change: fn(&mut Rule)| {
            let mut changed = rule("x", 1);
            change(&mut changed);
            vec![changed]
        };
        assert!(agree(with(|_| ()), "x"));
        assert!(!agree(with(|rule| rule.keys.clear()), "x"), "other operators");
        assert!(!agree(with(|rule| rule.write = Some(rule.read.clone())), "x"), "other writers");
        assert!(!agree(vec![], "y"));
    }
}
