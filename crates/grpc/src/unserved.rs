//! Calls of services that are not here.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Response};
use tonic::Status;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Returns whether a request is a call over gRPC or gRPC-web, which its content type says.
pub fn is_call(headers: &HeaderMap) -> bool {
    has_media_type(headers, "application/grpc")
}

/// Answers a call with `UNIMPLEMENTED`, over gRPC-web if it came so.
pub async fn unimplemented(call: Request) -> Response<Body> {
    let refusal = || Status::unimplemented("no such method").into_http::<tonic::body::Body>();
    let answer = match has_media_type(call.headers(), "application/grpc-web") {
        true => {
            let inner = service_fn(move |_| async move { Ok::<_, Infallible>(refusal()) });
            let Ok(answer) = GrpcWebLayer::new().layer(inner).oneshot(call).await;
            answer
        }
        false => refusal(),
    };
    answer.map(Body::new)
}

fn has_media_type(headers: &HeaderMap, beginning: &str) -> bool {
    let given = headers.get(CONTENT_TYPE).map(|given| given.as_bytes());
    given.is_some_and(|given| given.starts_with(beginning.as_bytes()))
}
