#![no_main]
//! Inner messages of the tunnel, as either side reads them (TU-14).

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sealwire_tunnel::message::{FromClient, FromServer, Message};

fuzz_target!(|input: &[u8]| {
    let input = Bytes::copy_from_slice(input);
    let client = FromClient::decode(&input);
    let server = FromServer::decode(&input);
    if let Ok(message) = &client {
        assert_eq!(FromClient::decode(&message.encode().into()).as_ref(), Ok(message));
    }
    if let Ok(message) = &server {
        assert_eq!(FromServer::decode(&message.encode().into()).as_ref(), Ok(message));
    }
    if let (Ok(FromClient::Frame(client)), Ok(FromServer::Frame(server))) = (client, server) {
        assert_eq!(client, server);
    }
});
