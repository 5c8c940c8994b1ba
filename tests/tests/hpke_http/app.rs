//! The application that the published clients ask.

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, RawQuery},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use bytes::Bytes;
use http::{Method, StatusCode, header};
use http_body_util::BodyExt;
use sealwire_tests::App;
use std::convert::Infallible;

pub(crate) async fn app() -> App {
    let json = async |RawQuery(query): RawQuery| Json(serde_json::json!({ "query": query }));
    let back = async |Json(value): Json<serde_json::Value>| Json(value);
    let status =
        async |Path(status): Path<u16>| (StatusCode::from_u16(status).unwrap(), format!("says {status}"));
    let router = Router::new()
        .route("/json", get(json).post(back).put(back))
        .route("/method", any(async |method: Method| method.to_string()))
        .route("/nothing", any(async || StatusCode::NO_CONTENT))
        .route("/status/{status}", any(status))
        .route("/upload", post(upload))
        .route("/download/{bytes}", get(async |Path(bytes): Path<usize>| vec![7; bytes]))
        .route("/events/{events}", any(events));
    App::new(router).await
}

/// Says how many bytes came.
async fn upload(mut content: Body) -> Result<String, StatusCode> {
    let mut length = 0;
    while let Some(frame) = content.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        length += frame.data_ref().map_or(0, Bytes::len);
    }
    Ok(length.to_string())
}

/// So many events, with line ends that have to become others.
async fn events(Path(events): Path<usize>) -> Response {
    let event =
        |number| Ok::<_, Infallible>(Bytes::from(format!("id: {number}\r\ndata: event {number}\r\n\r\n")));
    let stream = futures_util::stream::iter((0..events).map(event));
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream)).into_response()
}
