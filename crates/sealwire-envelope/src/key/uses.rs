/// What a key is for (SP-17). A signature that was made for one thing says nothing about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Use {
    /// envelopes of requests, queues, connections
    Envelope,
    /// envelopes of responses (SP-31)
    Response,
    /// webhooks (EN-47)
    Webhook,
    /// capability tokens (SP-63)
    Capability,
    /// checkpoints of an audit log (SP-73)
    Audit,
    /// streams of the legacy form (SP-58)
    Stream,
    /// documents of keys (SP-21)
    Discovery,
}

impl Use {
    /// Every use.
    pub const ALL: [Self; 7] = [
        Self::Envelope,
        Self::Response,
        Self::Webhook,
        Self::Capability,
        Self::Audit,
        Self::Stream,
        Self::Discovery,
    ];

    /// The name in documents and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Envelope => "envelope",
            Self::Response => "response",
            Self::Webhook => "webhook",
            Self::Capability => "capability",
            Self::Audit => "audit",
            Self::Stream => "stream",
            Self::Discovery => "discovery",
        }
    }

    /// The use of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// A set of uses; `[envelope]` unless said otherwise (SP-17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uses(u8);

impl Default for Uses {
    fn default() -> Self {
        Self::from(Use::Envelope)
    }
}

impl Uses {
    /// Whether `one` is among them.
    #[must_use]
    pub fn contains(self, one: Use) -> bool {
        self.0 & bit(one) != 0
    }

    /// Those in the set, in the order of SP-17.
    pub fn iter(self) -> impl Iterator<Item = Use> {
        Use::ALL.into_iter().filter(move |one| self.contains(*one))
    }
}

impl From<Use> for Uses {
    fn from(one: Use) -> Self {
        Self(bit(one))
    }
}

impl FromIterator<Use> for Uses {
    fn from_iter<I: IntoIterator<Item = Use>>(uses: I) -> Self {
        Self(uses.into_iter().fold(0, |set, one| set | bit(one)))
    }
}

fn bit(one: Use) -> u8 {
    1 << one as u8
}
