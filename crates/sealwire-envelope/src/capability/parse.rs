//! The header field (EN-53), read strictly (SP-66).

use sealwire_crypto::digest::sha256;

use super::{Error, MAX_FIELD, MAX_GLOB, MAX_SCOPES, MAX_TOKENS, Scope, Token, VERSION, token::write_array};
use crate::{
    base64url,
    identifier::Charset,
    json::{self, DOCUMENT_DEPTH, Reader},
};

/// The field value of a chain, root first.
#[must_use]
pub fn field(chain: &[Token]) -> String {
    let mut out = Vec::with_capacity(chain.len().saturating_mul(512));
    write_array(chain, Token::write_json, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// What a request names as `chain` when it comes with this field value (SP-27, SP-64).
#[must_use]
pub fn field_digest(value: &[u8]) -> String {
    base64url::encode(sha256(&[value]))
}

/// The tokens of a field value, root first. Nothing is verified yet but that each one has the form that it must have.
///
/// # Errors
/// [`Error::Malformed`]
pub fn parse_field(value: &[u8]) -> Result<Vec<Token>, Error> {
    if value.len() > MAX_FIELD {
        return Err(Error::Malformed);
    }
    let mut tokens = Vec::new();
    json::read(value, DOCUMENT_DEPTH, |reader| {
        reader.array(|reader| {
            tokens.push(read_token(reader)?);
            if tokens.len() > MAX_TOKENS { Err(json::Error::TooDeep) } else { Ok(()) }
        })
    })
    .map_err(|_| Error::Malformed)?;
    if tokens.iter().all(is_well_formed) { Ok(tokens) } else { Err(Error::Malformed) }
}

fn read_token(reader: &mut Reader<'_>) -> Result<Token, json::Error> {
    let (mut id, mut version, mut issuer, mut subject, mut scopes) = (None, None, None, None, None);
    let (mut issued_at, mut expires_at, mut depth, mut signature, mut key_id) =
        (None, None, None, None, None);
    let (mut parent_token_id, mut max_delegations) = (None, None);
    reader.object(|name, reader| {
        match name {
            "id" => id = Some(reader.string()?.into_owned()),
            "version" => version = Some(reader.string()?),
            "issuer" => issuer = Some(reader.string()?.into_owned()),
            "subject" => subject = Some(reader.string()?.into_owned()),
            "scopes" => scopes = Some(read_scopes(reader)?),
            "issuedAt" => issued_at = Some(reader.integer()?),
            "expiresAt" => expires_at = Some(reader.integer()?),
            "delegationDepth" => depth = Some(reader.integer()?),
            "parentTokenId" => parent_token_id = Some(reader.string()?.into_owned()),
            "maxDelegations" => max_delegations = Some(reader.integer()?),
            "keyId" => key_id = Some(reader.string()?.into_owned()),
            "signature" => signature = base64url::decode_array(&*reader.string()?).ok(),
            _ => return Err(json::Error::UnknownMember),
        }
        Ok(())
    })?;
    if json::required(version)? != VERSION {
        return Err(json::Error::WrongKind);
    }
    Ok(Token {
        id: json::required(id)?,
        issuer: json::required(issuer)?,
        subject: json::required(subject)?,
        scopes: json::required(scopes)?,
        issued_at: json::required(issued_at)?,
        expires_at: json::required(expires_at)?,
        delegation_depth: json::required(depth)?,
        parent_token_id,
        max_delegations,
        key_id: json::required(key_id)?,
        signature: json::required(signature)?,
    })
}

fn read_scopes(reader: &mut Reader<'_>) -> Result<Vec<Scope>, json::Error> {
    let mut scopes = Vec::new();
    reader.array(|reader| {
        scopes.push(read_scope(reader)?);
        if scopes.len() > MAX_SCOPES { Err(json::Error::TooDeep) } else { Ok(()) }
    })?;
    Ok(scopes)
}

fn read_scope(reader: &mut Reader<'_>) -> Result<Scope, json::Error> {
    let (mut path_glob, mut methods, mut max_delegations) = (None, None, None);
    reader.object(|name, reader| {
        match name {
            "pathGlob" => path_glob = Some(reader.string()?.into_owned()),
            "methods" => {
                let names = methods.insert(Vec::new());
                reader.array(|reader| {
                    names.push(reader.string()?.into_owned());
                    Ok::<_, json::Error>(())
                })?;
            }
            "maxDelegations" => max_delegations = Some(reader.integer()?),
            _ => return Err(json::Error::UnknownMember),
        }
        Ok(())
    })?;
    Ok(Scope { path_glob: json::required(path_glob)?, methods, max_delegations })
}

/// SP-06 and SP-69, for tokens that come and for tokens that are made.
pub(super) fn is_well_formed(token: &Token) -> bool {
    let names = [&token.id, &token.issuer, &token.subject, &token.key_id];
    names.into_iter().chain(&token.parent_token_id).all(|name| Charset::Visible.admits(name))
        && token.scopes.len() <= MAX_SCOPES
        && token.scopes.iter().all(is_well_formed_scope)
}

fn is_well_formed_scope(scope: &Scope) -> bool {
    // No path that passes SP-80 has any other character.
    let glob = (1..=MAX_GLOB).contains(&scope.path_glob.len())
        && scope.path_glob.bytes().all(|byte| byte.is_ascii_graphic());
    glob && scope.methods.iter().flatten().all(|method| is_method(method))
}

/// A token of RFC 9110 in upper case.
fn is_method(method: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=MAX_GLOB).contains(&method.len()) && method.bytes().all(allowed)
}
