//! The hello (section 5.1).

use super::{Config, ExpectServerFlight, Ticket};
use crate::{
    Error,
    message::{ClientHello, Resumption},
    schedule::Early,
    suite::Group,
    transcript,
};
use sealwire_crypto::{
    aead::Sequence,
    kx,
    random::{self, Random},
};
use std::sync::Arc;

/// The first message, and what is awaited after it.
pub struct Started {
    /// to be sent
    pub hello: Vec<u8>,
    /// key and iv of early data, where they were asked for: the chunks go behind the hello (SE-42)
    pub early: Option<Sequence>,
    /// the answer
    pub next: ExpectServerFlight,
}

/// Begins a handshake for `authority`, which is in normal form. `known` is the hash of a key document that the client
/// has accepted already; `now` is Unix milliseconds. Early data are for a request that the server may see twice, or
/// that its route permits; they need a ticket.
///
/// # Errors
/// No randomness; [`Error::NoCommonSuite`] for a configuration that offers nothing; [`Error::Ticket`] for early data
/// without a ticket, or a ticket for another authority or of a suite that is not offered.
pub fn start(
    config: Arc<Config>,
    authority: &str,
    known: Option<[u8; 48]>,
    ticket: Option<Ticket>,
    early: bool,
    now: u64,
    random: &dyn Random,
) -> Result<Started, Error> {
    let first = *config.groups.first().ok_or(Error::NoCommonSuite)?;
    if config.suites.is_empty() || config.schemes.is_empty() {
        return Err(Error::NoCommonSuite);
    }
    let fits = |ticket: &Ticket| ticket.authority == authority && config.suites.contains(&ticket.suite);
    if !ticket.as_ref().map_or(!early, fits) {
        return Err(Error::Ticket);
    }
    let random_bytes = random::array(random)?;
    let offer = kx::Offer::generate(first, random)?;
    let aeads = config.suites.iter().map(|suite| suite.aead.id()).collect();
    let resumption = ticket.as_ref().map(|ticket| Resumption {
        ticket: ticket.ticket.clone(),
        age: now.saturating_sub(ticket.received),
        without_agreement: config.without_agreement,
        binder: vec![0; ticket.suite.hash().hash_len()],
    });
    let hello = ClientHello {
        random: random_bytes,
        authority: authority.to_owned(),
        groups: config.groups.iter().map(|group| group.id()).collect(),
        shares: vec![(first.id(), offer.share().to_vec())],
        aeads,
        schemes: config.schemes.iter().map(|scheme| scheme.id()).collect(),
        evidence: config.evidence,
        attests: config.attests,
        known,
        early,
        resumption,
    };
    let mut bytes = hello.encode();
    let mut sequence = None;
    if let Some(ticket) = &ticket {
        let schedule = Early::new(ticket.suite, Some(&ticket.psk));
        bind(&mut bytes, ticket, &schedule)?;
        if early {
            let hash = ticket.suite.hash().hash();
            sequence = Some(schedule.traffic(&transcript::of_client(hash, &bytes))?.sequence(0)?);
        }
    }
    let next = ExpectServerFlight::new(
        config,
        authority.to_owned(),
        known,
        bytes.clone(),
        offer,
        ticket,
        early,
        now,
    );
    Ok(Started { hello: bytes, early: sequence, next })
}

/// Puts the binder where zeros are: it covers all before it (SE-03).
fn bind(hello: &mut [u8], ticket: &Ticket, schedule: &Early) -> Result<(), Error> {
    let hash = ticket.suite.hash();
    let at = hello.len().saturating_sub(hash.hash_len());
    let (covered, binder) = hello.split_at_mut_checked(at).ok_or(Error::Binder)?;
    let covered = transcript::of_client(hash.hash(), covered);
    binder.copy_from_slice(schedule.binder_key()?.sign(&[covered.as_bytes()]).as_bytes());
    Ok(())
}

/// A share of another group, after a retry.
pub(super) fn another(group: Group, random: &dyn Random) -> Result<kx::Offer, Error> {
    Ok(kx::Offer::generate(group, random)?)
}
