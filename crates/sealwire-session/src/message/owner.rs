//! Which instance a message is for (SE-44).

use super::{ClientHello, Close, HelloAgain, Retry, Type, head};
use crate::{Error, SESSION_ID_LEN, SessionId};
use sealwire_attest::cbor::Reader;

/// An instance of a gateway, by the id in its key document.
pub type Instance = [u8; 16];

/// The instance that made what a message rests on, as the message has it: the ticket of a hello, the token of a hello
/// again, the session of a finish or a close. `None` where there is nothing, or nothing that can be read.
///
/// A hint for whoever passes messages on: nothing of it has been verified. Of a finish its beginning will do.
#[must_use]
pub fn owner(message: &[u8]) -> Option<Instance> {
    let made = match Type::of(message).ok()? {
        Type::ClientHello => ClientHello::decode(message).ok()?.resumption?.ticket,
        Type::HelloAgain => Retry::decode(HelloAgain::decode(message).ok()?.retry).ok()?.token,
        Type::ClientFinish => session(message).ok()?.to_vec(),
        Type::Close => Close::decode(message).ok()?.session.to_vec(),
        _ => return None,
    };
    made.first_chunk().copied()
}

/// The session of a finish, which stands before all that is long in it.
fn session(beginning: &[u8]) -> Result<SessionId, Error> {
    let mut reader = Reader::new(beginning);
    let mut fields = reader.fields()?;
    head(&mut reader, &mut fields)?;
    fields.required(&mut reader, 2)?;
    Ok(reader.fixed::<SESSION_ID_LEN>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{ClientFinish, EvidenceMode, Resumption};

    const OWNER: Instance = [0x5a; 16];

    /// `OWNER`, and more behind it.
    fn made() -> Vec<u8> {
        [&OWNER[..], &[0xff; 40]].concat()
    }

    fn hello(ticket: Option<Vec<u8>>) -> ClientHello {
        ClientHello {
            random: [1; 32],
            authority: "app.example".to_owned(),
            groups: vec![0x1d],
            shares: vec![(0x1d, vec![7; 32])],
            aeads: vec![2],
            schemes: vec![1],
            evidence: EvidenceMode::Identity,
            attests: false,
            known: None,
            early: false,
            resumption: ticket.map(|ticket| Resumption {
                ticket,
                age: 5,
                without_agreement: false,
                binder: vec![3; 48],
            }),
        }
    }

    // SE-44
    #[test]
    fn every_message_tells_whose_it_is() {
        let session: SessionId = *made().first_chunk().unwrap();
        let retry = Retry { token: made(), group: None }.encode();
        let (first, sealed) = (hello(None).encode(), vec![9; 100_000]);
        let finish = ClientFinish { session, sealed: &sealed }.encode();
        for message in [
            hello(Some(made())).encode(),
            HelloAgain { hello: &first, retry: &retry, share: None }.encode(),
            Close { session, mac: [4; 32] }.encode(),
            finish[..100].to_vec(),
            finish,
        ] {
            assert_eq!(owner(&message), Some(OWNER));
        }
    }

    // SE-44: what does not say whose it is, or is cut before it does, is nobody's.
    #[test]
    fn everything_else_is_nobodys() {
        let (first, full) = (hello(None).encode(), hello(Some(made())).encode());
        assert_eq!(owner(&first), None);
        assert_eq!(owner(&hello(Some(vec![1; 15])).encode()), None);
        assert_eq!(owner(&retry(&[1; 15])), None);
        for len in 0..full.len() {
            assert_eq!(owner(&full[..len]), None, "{len}");
        }
        assert_eq!(owner(&[full.clone(), vec![0]].concat()), None);
        assert_eq!(owner(&Retry { token: made(), group: None }.encode()), None);
    }

    fn retry(token: &[u8]) -> Vec<u8> {
        let retry = Retry { token: token.to_vec(), group: None }.encode();
        HelloAgain { hello: b"hello", retry: &retry, share: None }.encode()
    }
}
