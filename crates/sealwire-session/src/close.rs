//! The end of a session, authenticated (SE-39, section 10).

use crate::{
    CloseSecret, Error, SessionId,
    message::{Close, Closed},
};

impl CloseSecret {
    /// What the client sends to end the session.
    #[must_use]
    pub fn close(&self, session: &SessionId) -> Close {
        Close { session: *session, mac: self.mac(b"client", session) }
    }

    /// Checks a close, and gives the answer to it.
    ///
    /// # Errors
    /// [`Error::HeaderMac`]; the session goes on.
    pub fn answer(&self, close: &Close) -> Result<Closed, Error> {
        let key = self.secret.mac_key();
        key.verify_truncated(&[b"client", &close.session], &close.mac).map_err(|_| Error::HeaderMac)?;
        Ok(Closed { mac: self.mac(b"server", &close.session) })
    }

    /// Checks the answer.
    ///
    /// # Errors
    /// [`Error::HeaderMac`]
    pub fn confirm(&self, session: &SessionId, closed: &Closed) -> Result<(), Error> {
        let key = self.secret.mac_key();
        key.verify_truncated(&[b"server", session], &closed.mac).map_err(|_| Error::HeaderMac)
    }

    fn mac(&self, side: &[u8], session: &SessionId) -> [u8; 32] {
        self.secret.mac_key().sign_truncated(&[side, session])
    }
}
