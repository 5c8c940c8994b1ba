//! What a server says of requests that it does not act upon.

use crate::ends::{AUTHORITY, Ends};
use h2::Reason;
use http::Request;
use sealwire_crypto::random::OsRandom;
use sealwire_http::{
    body,
    channel::{self, Error, Settings},
    client,
};
use tokio::io::duplex;
use tower::{Service, ServiceExt};

// TU-69, SE-43: a stream that the server refuses was not acted upon, by its own word; of one that it ends for another reason
// nobody knows.
#[tokio::test]
async fn a_refused_stream_is_told_as_such() {
    for (reason, is_told) in
        [(Reason::REFUSED_STREAM, true), (Reason::INTERNAL_ERROR, false), (Reason::CANCEL, false)]
    {
        let ends = Ends::new();
        let settings = Settings::default();
        let (a, b) = duplex(1 << 16);
        let (client, server) = tokio::join!(
            client::channel::connect(a, ends.id(), ends.client(), ends.number(), &settings, &OsRandom),
            channel::accept(b, |open| ends.admit(open), &settings),
        );
        let ((mut channel, connection), (stream, _)) = (client.unwrap(), server.unwrap());
        let connection = tokio::spawn(connection);
        let server = tokio::spawn(async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                respond.send_reset(reason);
            }
        });
        let request = Request::post(format!("https://{AUTHORITY}/")).body(body::full("once")).unwrap();
        let refused = channel.ready().await.unwrap().call(request).await.map(drop).unwrap_err();
        assert_eq!(matches!(refused, Error::NotAccepted), is_told, "{reason}: {refused}");
        assert!(is_told || matches!(refused, Error::Http(_)), "{refused}");
        drop(channel);
        connection.await.unwrap().unwrap();
        server.await.unwrap();
    }
}
