use crate::{
    base64url,
    canonical::{write_integer, write_string},
    glob,
};

/// One permission: paths, methods, and how often it may be handed on (EN-51).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// which paths (EN-59)
    pub path_glob: String,
    /// which methods, in upper case; all of them where absent
    pub methods: Option<Vec<String>>,
    /// how often it may be handed on; as often as the token where absent
    pub max_delegations: Option<u64>,
}

impl Scope {
    /// Whether it permits `method` on `path` (EN-57). `path` is the one that is forwarded, without its query (SP-68), and
    /// `method` is taken as it is spelt.
    #[must_use]
    pub fn permits(&self, path: &str, method: &str) -> bool {
        self.names(method) && glob::matches(&self.path_glob, path)
    }

    /// Whether all that `child` permits is permitted by this scope (EN-56, SP-69).
    #[must_use]
    pub fn covers(&self, child: &Self) -> bool {
        let methods = match (&self.methods, &child.methods) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(methods)) => methods.iter().all(|method| self.names(method)),
        };
        methods
            && glob::is_delegable(&self.path_glob)
            && glob::is_delegable(&child.path_glob)
            && glob::is_subset(&child.path_glob, &self.path_glob)
    }

    fn names(&self, method: &str) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.iter().any(|one| one == method))
    }

    /// In the order of what is signed (EN-52).
    fn write_canonical(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        if let Some(max) = self.max_delegations {
            out.extend_from_slice(b"\"maxDelegations\":");
            write_integer(max, out);
            out.push(b',');
        }
        if let Some(methods) = &self.methods {
            out.extend_from_slice(b"\"methods\":");
            write_methods(methods, out);
            out.push(b',');
        }
        out.extend_from_slice(b"\"pathGlob\":");
        write_string(&self.path_glob, out);
        out.push(b'}');
    }

    /// In the order of the field.
    fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"pathGlob\":");
        write_string(&self.path_glob, out);
        if let Some(methods) = &self.methods {
            out.extend_from_slice(b",\"methods\":");
            write_methods(methods, out);
        }
        member(",\"maxDelegations\":", self.max_delegations, out);
        out.push(b'}');
    }
}

/// A token (EN-51): `issuer` lets `subject` do what `scopes` say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// `cap-<ms>-<12 hex>@<audience>` (SP-67)
    pub id: String,
    /// who permits
    pub issuer: String,
    /// who is permitted
    pub subject: String,
    /// what
    pub scopes: Vec<Scope>,
    /// since when, in milliseconds since the Unix epoch
    pub issued_at: u64,
    /// until when, not included
    pub expires_at: u64,
    /// how many tokens stand before it
    pub delegation_depth: u64,
    /// the token before; none for the first
    pub parent_token_id: Option<String>,
    /// how many tokens may follow
    pub max_delegations: Option<u64>,
    /// name of the issuer's key
    pub key_id: String,
    /// Ed25519, over [`Token::canonical`]
    pub signature: [u8; 64],
}

impl Token {
    /// What is signed (EN-52).
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(b"{\"delegationDepth\":");
        write_integer(self.delegation_depth, &mut out);
        member(",\"expiresAt\":", Some(self.expires_at), &mut out);
        text(",\"id\":", Some(&self.id), &mut out);
        member(",\"issuedAt\":", Some(self.issued_at), &mut out);
        text(",\"issuer\":", Some(&self.issuer), &mut out);
        text(",\"keyId\":", Some(&self.key_id), &mut out);
        member(",\"maxDelegations\":", self.max_delegations, &mut out);
        text(",\"parentTokenId\":", self.parent_token_id.as_deref(), &mut out);
        out.extend_from_slice(b",\"scopes\":");
        write_array(&self.scopes, Scope::write_canonical, &mut out);
        text(",\"subject\":", Some(&self.subject), &mut out);
        text(",\"version\":", Some(super::VERSION), &mut out);
        out.push(b'}');
        out
    }

    /// Its audience, which is what follows the last `@` of its id (SP-67).
    #[must_use]
    pub fn audience(&self) -> Option<&str> {
        self.id.rsplit_once('@').map(|(_, audience)| audience)
    }

    /// Whether one of its scopes permits this (EN-57, SP-68).
    #[must_use]
    pub fn permits(&self, path: &str, method: &str) -> bool {
        self.scopes.iter().any(|scope| scope.permits(path, method))
    }

    pub(super) fn write_json(&self, out: &mut Vec<u8>) {
        text("{\"id\":", Some(&self.id), out);
        text(",\"version\":", Some(super::VERSION), out);
        text(",\"issuer\":", Some(&self.issuer), out);
        text(",\"subject\":", Some(&self.subject), out);
        out.extend_from_slice(b",\"scopes\":");
        write_array(&self.scopes, Scope::write_json, out);
        member(",\"issuedAt\":", Some(self.issued_at), out);
        member(",\"expiresAt\":", Some(self.expires_at), out);
        member(",\"delegationDepth\":", Some(self.delegation_depth), out);
        text(",\"parentTokenId\":", self.parent_token_id.as_deref(), out);
        member(",\"maxDelegations\":", self.max_delegations, out);
        text(",\"keyId\":", Some(&self.key_id), out);
        text(",\"signature\":", Some(&base64url::encode(self.signature)), out);
        out.push(b'}');
    }
}

pub(super) fn write_array<T>(items: &[T], write: impl Fn(&T, &mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

fn write_methods(methods: &[String], out: &mut Vec<u8>) {
    write_array(methods, |method, out| write_string(method, out), out);
}

fn text(name: &str, value: Option<&str>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        out.extend_from_slice(name.as_bytes());
        write_string(value, out);
    }
}

fn member(name: &str, value: Option<u64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        out.extend_from_slice(name.as_bytes());
        write_integer(value, out);
    }
}
