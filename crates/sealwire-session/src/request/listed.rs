//! The Attested Header List of bound mode (SE-31): what shows outside, under the header MAC.

/// Length-prefixed values, joined. Both sides build it: the client from what it sends, the server from what arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed(Vec<u8>);

impl Listed {
    /// Of hidden mode and channels: nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Of bound mode; `query` is empty where there is none.
    #[must_use]
    pub fn target(method: &str, authority: &str, path: &str, query: &str) -> Self {
        let mut listed = Self::default();
        for value in [method, authority, path, query] {
            listed.push(value.as_bytes());
        }
        listed
    }

    /// Adds a field.
    pub fn field(&mut self, name: &str, value: &[u8]) {
        self.push(name.as_bytes());
        self.push(value);
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn push(&mut self, value: &[u8]) {
        let len = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(value);
    }
}
