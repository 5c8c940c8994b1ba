//! The first two messages, and the keys that come of them (section 9).

use super::{Receiver, Sender};
use crate::{
    ChannelSecret, Error, Secrets, SessionId, label,
    message::{ChannelOpen, ChannelOpened},
    request::{Listed, Mode, Ticket},
};
use sealwire_crypto::{
    kdf::Prk,
    random::{self, Random},
};

/// An open channel, as one end has it.
pub struct Channel {
    /// what this end says
    pub sender: Sender,
    /// what the other end says
    pub receiver: Receiver,
}

/// The client has asked for a channel.
pub struct ExpectOpened {
    open: ChannelOpen,
}

/// An opening whose MAC has held. Only with this the window is asked for its number (SE-30). It is of no use for a
/// request, nor what a request has for a channel.
pub struct Admitted {
    open: ChannelOpen,
}

impl Secrets {
    /// For the client: asks for a channel. The number is of the same space as those of requests.
    ///
    /// # Errors
    /// No randomness.
    pub fn open_channel(
        &self,
        session: &SessionId,
        number: u64,
        random: &dyn Random,
    ) -> Result<(ChannelOpen, ExpectOpened), Error> {
        let ticket = self.request.ticket(session, number, Mode::Channel, &Listed::nothing(), random)?;
        let open = ChannelOpen { session: *session, number, random: ticket.random, mac: ticket.mac };
        Ok((open, ExpectOpened { open }))
    }

    /// For the server: checks the MAC of an opening for this session. Nothing else is done with it before this.
    ///
    /// # Errors
    /// [`Error::HeaderMac`]
    pub fn admit_channel(&self, session: &SessionId, open: &ChannelOpen) -> Result<Admitted, Error> {
        if open.session != *session {
            return Err(Error::HeaderMac);
        }
        let ticket = Ticket { number: open.number, random: open.random, mac: open.mac };
        self.request.admit(session, ticket, Mode::Channel, &Listed::nothing())?;
        Ok(Admitted { open: *open })
    }
}

impl ExpectOpened {
    /// Takes the server's answer; the channel is open.
    ///
    /// # Errors
    /// [`Error::Binding`]: it is not the answer to this opening, or comes of another session.
    pub fn receive(self, secret: &ChannelSecret, opened: &ChannelOpened) -> Result<Channel, Error> {
        let keys = Keys::new(secret, &self.open, &opened.random)?;
        keys.binder.mac_key().verify_truncated(&[&self.open.mac], &opened.mac).map_err(|_| Error::Binding)?;
        Ok(Channel {
            sender: Sender::new(secret.suite, keys.client)?,
            receiver: Receiver::new(secret.suite, keys.server)?,
        })
    }
}

impl Admitted {
    /// The opening's number, for the window.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.open.number
    }

    /// Opens the channel, once the window has marked the number: what the client is told, and this end of it.
    ///
    /// # Errors
    /// No randomness.
    pub fn accept(
        self,
        secret: &ChannelSecret,
        random: &dyn Random,
    ) -> Result<(ChannelOpened, Channel), Error> {
        let random = random::array(random)?;
        let keys = Keys::new(secret, &self.open, &random)?;
        let mac = keys.binder.mac_key().sign_truncated(&[&self.open.mac]);
        let channel = Channel {
            sender: Sender::new(secret.suite, keys.server)?,
            receiver: Receiver::new(secret.suite, keys.client)?,
        };
        Ok((ChannelOpened { random, mac }, channel))
    }
}

/// What comes of a channel's own secret.
struct Keys {
    binder: Prk,
    client: Prk,
    server: Prk,
}

impl Keys {
    fn new(secret: &ChannelSecret, open: &ChannelOpen, server: &[u8; 32]) -> Result<Self, Error> {
        let number = open.number.to_be_bytes();
        let channel = label::derive(&secret.secret, "channel", &[&number, &open.random, server])?;
        let part = |name| label::derive(&channel, name, &[]);
        Ok(Self { binder: part("binder")?, client: part("client")?, server: part("server")? })
    }
}
