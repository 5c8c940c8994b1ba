//! The two sides of the published crate. It tries to compress each part, and has no setting for that.

use super::{AUTHORITY, KEY_ID, PSK, PSK_ID, TARGET, TYPE, ours::EVENTS};
use anyhow::{Result, anyhow};
use hpke_http::{Client, HeaderField, Limits, Method, OpenedRequest, Request, Server, SseSplitter};
use std::cell::RefCell;

pub(super) struct Sides {
    client: Client,
    server: Server,
    /// as its callers keep it: the body is put in its place
    request: RefCell<Request>,
}

fn fields((name, value): (&str, &str)) -> Vec<HeaderField> {
    vec![HeaderField { name: name.into(), value: value.into() }]
}

impl Sides {
    pub(super) fn new(private: &[u8]) -> Result<Self> {
        let limits = Limits::default();
        let server = Server::new(private, KEY_ID.into(), limits)?;
        let client = Client::new(&server.public_key(), KEY_ID.into(), PSK.into(), PSK_ID.into(), limits)?;
        let request = Request {
            method: Method::Post,
            authority: AUTHORITY.into(),
            path: TARGET.into(),
            headers: fields(TYPE),
            body: Vec::new(),
        };
        Ok(Self { client, server, request: RefCell::new(request) })
    }

    pub(super) fn seal(&self, body: &[u8]) -> Result<Vec<u8>> {
        let mut request = self.request.borrow_mut();
        // Not what is measured: copied once, and not again while it is the same.
        if request.body != body {
            request.body = body.to_vec();
        }
        Ok(self.client.protect(&request)?.into_parts().0)
    }

    pub(super) fn open(&self, sealed: &[u8]) -> Result<OpenedRequest> {
        let preparsed = self.server.preparse_owned(sealed.to_vec())?;
        let authenticated = self.server.authenticate(preparsed.token, PSK)?;
        Ok(authenticated.token.admit(authenticated.replay.decision(true))?)
    }

    pub(super) fn exchange(&self, sealed: &[u8], answer: &[u8]) -> Result<Vec<u8>> {
        let opened = self.open(sealed)?;
        Ok(opened.response.protect_finite_parts(200, fields(TYPE), answer)?)
    }

    pub(super) fn events(&self, event: &[u8]) -> Result<()> {
        let opened = self.open(&self.seal(b"")?)?;
        let kind = fields(("content-type", "text/event-stream"));
        let (mut sealer, _) = opened.response.into_sealer(200, kind)?;
        let mut splitter = SseSplitter::new(8 << 20);
        for _ in 0..EVENTS {
            let (_, block) = splitter.feed(event)?;
            sealer.seal_sse_block(&block.ok_or_else(|| anyhow!("a whole block"))?)?;
        }
        sealer.finish()?;
        Ok(())
    }
}
