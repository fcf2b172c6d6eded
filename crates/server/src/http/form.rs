//! Forms with files (`multipart/form-data`), read as they come: a form of any size takes the memory of two pieces.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use futures_util::Stream;
use multer::{Constraints, Field, Multipart, SizeLimit};

use super::body::next_piece;
use super::errors::{ApiError, Code};

/// The largest file.
pub(crate) const MAX_FILE_BYTES: u64 = 10 * 1024 * 1024;
/// The largest form: ten files, and what stands between them.
const MAX_FORM_BYTES: u64 = 10 * MAX_FILE_BYTES + 1024 * 1024;
/// How much may come before a field begins: its headers are kept until they are whole.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// A form of more fields was made by nobody's front-end.
const MAX_FIELDS: usize = 100;

/// A form under way.
#[derive(Debug)]
pub(crate) struct Form {
    /// `None`: what came is no form, and so has no fields.
    fields: Option<Multipart<'static>>,
    /// How many bytes may still be read.
    budget: Arc<AtomicUsize>,
    count: usize,
}

impl Form {
    /// The form in a body; `pause` is the longest wait from one piece to the next.
    ///
    /// # Errors
    /// 400 when the type of the body does not tell where its fields end.
    pub(crate) fn new(headers: &HeaderMap, body: Body, pause: Duration) -> Result<Self, ApiError> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let budget = Arc::new(AtomicUsize::new(MAX_HEAD_BYTES));
        let fields = match content_type.map(multer::parse_boundary) {
            Some(Ok(boundary)) => {
                let limit = SizeLimit::new().whole_stream(MAX_FORM_BYTES).per_field(MAX_FILE_BYTES);
                let pieces = Pieces::new(body, pause, Arc::clone(&budget));
                Some(Multipart::with_constraints(pieces, boundary, Constraints::new().size_limit(limit)))
            }
            Some(Err(error @ multer::Error::NoBoundary)) => {
                return Err(ApiError::because(Code::BodyUnreadable, error));
            }
            Some(Err(_)) | None => None,
        };
        Ok(Self { fields, budget, count: 0 })
    }

    /// The next field, after the last one was read to its end.
    ///
    /// # Errors
    /// 413, 408, or 400 when it breaks off or is no form.
    pub(crate) async fn next(&mut self) -> Result<Option<Field<'static>>, ApiError> {
        let Some(fields) = &mut self.fields else { return Ok(None) };
        self.budget.store(MAX_HEAD_BYTES, Ordering::Relaxed);
        let field = fields.next_field().await.map_err(told)?;
        self.budget.store(usize::MAX, Ordering::Relaxed);
        self.count += 1;
        if self.count > MAX_FIELDS {
            return Err(ApiError::because(Code::BodyUnreadable, "more fields than any form has"));
        }
        Ok(field)
    }
}

/// The next piece of a field.
///
/// # Errors
/// As [`Form::next`].
pub(crate) async fn next_chunk(field: &mut Field<'static>) -> Result<Option<Bytes>, ApiError> {
    field.chunk().await.map_err(told)
}

fn told(error: multer::Error) -> ApiError {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            // Who sends this much once will do so again: the connection is not kept.
            ApiError::with_header(Code::UploadTooLarge, header::CONNECTION, HeaderValue::from_static("close"))
        }
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<BrokenOff>() {
            Ok(broken) => broken.0,
            Err(cause) => ApiError::because(Code::BodyUnreadable, cause),
        },
        other => ApiError::because(Code::BodyUnreadable, other),
    }
}

/// What ended a body before its end.
#[derive(Debug, thiserror::Error)]
#[error("the form broke off")]
struct BrokenOff(ApiError);

type Reading = Pin<Box<dyn Future<Output = (Body, Result<Option<Bytes>, ApiError>)> + Send>>;

/// A body's pieces, handed out one a turn: the reader of forms would otherwise take all that the network has.
struct Pieces {
    /// `None` once it has ended.
    reading: Option<Reading>,
    pause: Duration,
    budget: Arc<AtomicUsize>,
    has_had_its_turn: bool,
}

impl Pieces {
    fn new(body: Body, pause: Duration, budget: Arc<AtomicUsize>) -> Self {
        Self { reading: Some(Self::read(body, pause)), pause, budget, has_had_its_turn: false }
    }

    fn read(mut body: Body, pause: Duration) -> Reading {
        Box::pin(async move {
            let piece = next_piece(&mut body, pause).await;
            (body, piece)
        })
    }

    /// Whether a piece of this size may still be read.
    fn spend(&self, size: usize) -> bool {
        let left = self.budget.load(Ordering::Relaxed);
        self.budget.store(left.saturating_sub(size), Ordering::Relaxed);
        // A piece that came with the end of the field before is not counted against the next one's head.
        left > 0
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.has_had_its_turn) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let Poll::Ready((body, piece)) = reading.as_mut().poll(context) else { return Poll::Pending };
        self.reading = None;
        let piece = match piece {
            Ok(Some(piece)) if self.spend(piece.len()) => piece,
            Ok(Some(_)) => {
                let error = ApiError::because(Code::BodyUnreadable, "a field without an end of its head");
                return Poll::Ready(Some(Err(BrokenOff(error))));
            }
            Ok(None) => return Poll::Ready(None),
            Err(error) => return Poll::Ready(Some(Err(BrokenOff(error)))),
        };
        self.reading = Some(Self::read(body, self.pause));
        self.has_had_its_turn = true;
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn form(content_type: &'static str, pieces: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Form {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        let body = Body::from_stream(stream::iter(pieces.map(Ok::<_, std::io::Error>)));
        Form::new(&headers, body, Duration::from_secs(5)).expect("a form")
    }

    async fn first(mut form: Form) -> Result<Option<usize>, Code> {
        let Some(mut field) = form.next().await.map_err(|error| error.code())? else { return Ok(None) };
        let mut size = 0;
        while let Some(chunk) = next_chunk(&mut field).await.map_err(|error| error.code())? {
            size += chunk.len();
        }
        Ok(Some(size))
    }

    const FORM: &str = "multipart/form-data; boundary=x";
    const HEAD: &[u8] = b"--x\r\nContent-Disposition: form-data; name=\"images\"; filename=\"a.png\"\r\n\r\n";

    fn file(size: usize) -> impl Iterator<Item = Vec<u8>> + Send + 'static {
        let whole = [HEAD, &vec![b'-'; size], b"\r\n--x--\r\n"].concat();
        (0..whole.len().div_ceil(1000))
            .map(move |at| whole[at * 1000..whole.len().min(at * 1000 + 1000)].to_vec())
    }

    #[tokio::test]
    async fn a_file_of_the_largest_size_comes_through_and_no_larger_one() {
        let largest = usize::try_from(MAX_FILE_BYTES).expect("fits");
        for size in [0, 1, 999, 100_000, largest] {
            assert_eq!(first(form(FORM, file(size))).await, Ok(Some(size)));
        }
        assert_eq!(first(form(FORM, file(largest + 1))).await, Err(Code::UploadTooLarge));
    }

    #[tokio::test]
    async fn what_is_no_form_has_no_fields_and_a_broken_one_is_told() {
        assert_eq!(first(form("application/json", file(5))).await, Ok(None));
        assert_eq!(first(form(FORM, std::iter::once(b"--x--\r\n".to_vec()))).await, Ok(None));
        for broken in [&b""[..], b"no boundary at all", HEAD, b"--x\r\nContent-Disposition: form-data"] {
            let found = first(form(FORM, std::iter::once(broken.to_vec()))).await;
            assert_eq!(found, Err(Code::BodyUnreadable), "{:?}", String::from_utf8_lossy(broken));
        }
    }

    #[tokio::test]
    async fn a_head_without_an_end_is_not_kept() {
        let endless = std::iter::once(b"--x\r\n".to_vec()).chain(std::iter::repeat_with(|| vec![b'h'; 1000]));
        assert_eq!(first(form(FORM, endless)).await, Err(Code::BodyUnreadable));
    }

    #[tokio::test]
    async fn no_more_is_taken_than_is_asked_for() {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        let mut form = form(
            FORM,
            file(1_000_000).inspect(move |_| {
                counter.fetch_add(1, Ordering::Relaxed);
            }),
        );
        let mut field = form.next().await.expect("a form").expect("a field");
        assert!(taken.load(Ordering::Relaxed) <= 2, "{taken:?}");
        next_chunk(&mut field).await.expect("a form").expect("a chunk");
        assert!(taken.load(Ordering::Relaxed) <= 4, "{taken:?}");
    }
}
