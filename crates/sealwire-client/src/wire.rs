//! Which wire requests take.

use crate::{Error, Offer, Settings};
use sealwire_attest::KeyDocument;

/// Which wire to use.
///
/// A wire that is named is the only one that is used. Nothing that anybody on the way can do leads from one wire to another:
/// a refusal is a refusal, and a hint renews what is pinned (SE-43).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wire {
    /// A session where the first document that the policy accepts offers them, else oblivious HTTP; through a relay always
    /// oblivious HTTP. What belongs to sessions alone (an attester, early data, an offer, bound mode) asks for one. The choice is made once: a
    /// connector stays with it, whatever later documents say
    #[default]
    Auto,
    /// Oblivious HTTP: each request under keys of its own, by a relay where one is wanted
    Oblivious,
    /// an attested session: one handshake, then symmetric keys alone
    Session,
    /// The same with all of it on a WebSocket: handshake, requests, WebSockets and calls, for places where nothing else passes.
    /// The key document comes in the handshake. Requests beyond what the gateway takes at once on one open another
    Tunnel,
    /// hpke-http/3: each request under the gateway's key and a pre-shared key of this side's; [`Settings::hpke_http`] says which
    HpkeHttp,
    /// hpke-http 1.x: bodies alone are sealed, under the gateway's key and a pre-shared key; [`Settings::hpke_http_1`] says
    /// which. For servers that cannot move yet (HH-96, HH-97, HH-98)
    HpkeHttp1,
    /// EHBP: content alone is sealed, and shows neither that it was cut nor that it was sent elsewhere (EH-05, EH-20)
    Ehbp,
}

impl Wire {
    /// The wire that settings ask for; [`Self::Auto`] where a document is to choose.
    ///
    /// # Errors
    /// Settings that no wire has together.
    pub(crate) fn asked_for(settings: &Settings) -> Result<Self, Error> {
        let refused = |why| Err(Error::Settings(why));
        let is_offered = settings.offer.clone().under(&settings.policy) != Offer::default();
        let of_sessions =
            settings.attester.is_some() || settings.early_data || settings.bound.is_some() || is_offered;
        if settings.wire.is_of_others() {
            return settings.wire.of_others(settings, of_sessions);
        }
        match settings.wire {
            Self::Session if settings.relay.is_some() => {
                refused("a relay carries the oblivious wire alone: a session would tell who asks")
            }
            Self::Tunnel if settings.relay.is_some() => {
                refused("a relay carries the oblivious wire alone: a tunnel would tell who asks")
            }
            Self::Tunnel if settings.early_data => refused(
                "early data goes along with the request that begins a session: a tunnel begins with a WebSocket",
            ),
            Self::Tunnel if settings.bound.is_some() => refused(
                "the target of a request shows in requests of their own alone: in a tunnel there are none",
            ),
            Self::Oblivious if settings.attester.is_some() => {
                refused("a caller attests itself in a session alone: on other wires nobody is told who asks")
            }
            Self::Oblivious if settings.early_data => {
                refused("early data goes along with the beginning of a session: the oblivious wire has none")
            }
            Self::Oblivious if settings.bound.is_some() => {
                refused("the target of a request shows in a session alone: the oblivious wire hides it")
            }
            Self::Oblivious if is_offered => refused(
                "key agreements, signatures and fresh evidence are of sessions: the oblivious wire has KEMs, and the evidence \
                     of the key document",
            ),
            Self::Auto if settings.relay.is_some() && of_sessions => refused(
                "a caller attests itself, sends early data, shows targets and gets fresh evidence in a session alone; a relay carries \
                 the oblivious wire alone",
            ),
            Self::Auto if settings.relay.is_some() => Ok(Self::Oblivious),
            Self::Auto if of_sessions => Ok(Self::Session),
            wire => Ok(wire),
        }
    }
}

impl Wire {
    /// Whether it is a wire that others defined, which has nothing of a session.
    fn is_of_others(self) -> bool {
        matches!(self, Self::HpkeHttp | Self::HpkeHttp1 | Self::Ehbp)
    }

    fn of_others(self, settings: &Settings, of_sessions: bool) -> Result<Self, Error> {
        let what = if settings.relay.is_some() {
            "a relay carries the oblivious wire alone: hpke-http and EHBP tell who asks"
        } else if of_sessions {
            "what belongs to sessions (an attester, early data, an offer, fresh evidence, bound mode) is not on hpke-http and EHBP"
        } else {
            return match (self, &settings.hpke_http, &settings.hpke_http_1) {
                (Self::HpkeHttp, None, _) | (Self::HpkeHttp1, _, None) => {
                    Err(Error::Settings("hpke-http needs a pre-shared key and its id"))
                }
                (Self::HpkeHttp, Some(spoken), _) => spoken.check().map(|()| self),
                _ => Ok(self),
            };
        };
        Err(Error::Settings(what))
    }
}

/// Whether a document offers sessions.
pub(crate) fn offers_sessions(document: &KeyDocument) -> bool {
    document.wires.iter().any(|wire| wire == sealwire_http::session::WIRE)
}
