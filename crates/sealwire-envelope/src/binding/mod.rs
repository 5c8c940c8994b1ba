//! What an envelope is about: a request and its response, a connection, a call, a message in a queue, a webhook. All of
//! them are pure functions over what came in; reading and writing it is the caller's.

pub mod grpc;
pub mod http;
pub mod queue;
pub mod webhook;
pub mod websocket;
