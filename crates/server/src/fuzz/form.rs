//! Forms with files.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use futures_util::stream;

use crate::http::errors::Code;
use crate::http::form::{Form, next_chunk};

/// A field: its name, its file's name, and how much is in it.
type Read = (Option<String>, Option<String>, Vec<u8>);

/// Longer than any input takes.
const PAUSE: Duration = Duration::from_secs(60);

/// A form reads the same whatever pieces it comes in, and holds no more than came; what is none is a 400. The input is a
/// content type, a line's end, and the body.
pub(super) fn form(data: &[u8]) {
    let end = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let (content_type, body) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let Ok(content_type) = HeaderValue::from_bytes(content_type) else { return };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
    let whole = runtime.block_on(read(&content_type, body, body.len().max(1)));
    if let Ok(fields) = &whole {
        let held: usize = fields.iter().map(|(_, _, content)| content.len()).sum();
        assert!(held <= body.len(), "{held} bytes came of {}", body.len());
    }
    for size in [1, 7] {
        let pieces = runtime.block_on(read(&content_type, body, size));
        assert_eq!(pieces, whole, "another form in pieces of {size}");
    }
}

async fn read(content_type: &HeaderValue, body: &[u8], size: usize) -> Result<Vec<Read>, Code> {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.clone())]);
    let pieces: Vec<_> =
        body.chunks(size).map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece))).collect();
    let read = async {
        let mut form = Form::new(&headers, Body::from_stream(stream::iter(pieces)), PAUSE)?;
        let mut fields = Vec::new();
        while let Some(mut field) = form.next().await? {
            let (name, file) = (field.name().map(str::to_owned), field.file_name().map(str::to_owned));
            let mut content = Vec::new();
            while let Some(chunk) = next_chunk(&mut field).await? {
                content.extend_from_slice(&chunk);
            }
            fields.push((name, file, content));
        }
        Ok(fields)
    };
    read.await.map_err(|error: crate::http::errors::ApiError| {
        let code = error.code();
        assert!(matches!(code, Code::BodyUnreadable | Code::UploadTooLarge), "{code:?}");
        code
    })
}
