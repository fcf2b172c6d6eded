//! Files below one folder, for `/static`.
//!
//! All of a request's file work is one trip off the async workers: resolve, open, look, read the first piece. (The
//! `ServeDir` of tower-http takes a trip for each of them, and knows neither `If-Range` nor links that lead out.)

mod conditions;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use percent_encoding::percent_decode_str;
use tokio::io::AsyncReadExt as _;
use tokio::sync::Semaphore;
use tokio_util::io::ReaderStream;

use self::conditions::{Range, Validators, Verdict};

/// How much of a file is read at once. A smaller file is read whole; of a bigger one no more than this is ever held
/// for a client, however slowly it takes it.
const PIECE_BYTES: u64 = 64 * 1024;
/// How many requests may be at the disk at once; others wait. It keeps a crowd from filling the pool of threads that
/// other blocking work shares.
const MAX_AT_THE_DISK: usize = 32;
/// Pictures get a random name when they are uploaded and are never changed under it (RFC 8246).
const CACHE_PICTURES: HeaderValue = HeaderValue::from_static("public, max-age=2592000, immutable");
/// Anything else may be kept, but is asked for again each time; the answer is mostly a 304.
const CACHE_OTHERS: HeaderValue = HeaderValue::from_static("public, no-cache");

/// A folder whose files are served.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    root: Arc<Path>,
    disk: Arc<Semaphore>,
}

impl Files {
    /// Serves the files below `root`, which may be made later.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.into(), disk: Arc::new(Semaphore::new(MAX_AT_THE_DISK)) }
    }

    /// Answers a GET or a HEAD (every other method counts as GET) for a path below the folder, as it stands in the
    /// URL, percent-encoded and without a slash in front. `None` = there is no such file: it is missing, a folder,
    /// hidden, outside of the folder, or its name is written in a way that no link of ours is.
    ///
    /// Handles `If-Match`, `If-Unmodified-Since`, `If-None-Match`, `If-Modified-Since`, `Range` (one range; several
    /// are answered with the whole file, as RFC 9110 section 14.2 allows) and `If-Range`. What 412 and 416 carry as a
    /// body is the caller's business; theirs is empty.
    ///
    /// # Errors
    /// The disk failed.
    pub(crate) async fn serve(
        &self,
        path_below: &str,
        method: &Method,
        headers: &HeaderMap,
    ) -> io::Result<Option<Response<Body>>> {
        let Some(name) = decode(path_below) else { return Ok(None) };
        let is_picture = name.starts_with("images");
        let content_type = content_type(&name);
        let root = Arc::clone(&self.root);
        let head_only = method == Method::HEAD;
        let headers = headers.clone();

        let permit = Arc::clone(&self.disk).acquire_owned().await.map_err(io::Error::other)?;
        let job = move || {
            let _permit = permit;
            look(&root, &name, head_only, &headers)
        };
        #[expect(clippy::disallowed_methods, reason = "the permit bounds it, and the trip is short")]
        let found = tokio::task::spawn_blocking(job).await.map_err(io::Error::other)??;
        let Some(Found { validators, verdict, body }) = found else { return Ok(None) };

        let mut response = Response::new(body);
        let out = response.headers_mut();
        out.insert(header::ETAG, validators.etag);
        if let Some(modified) = validators.last_modified {
            out.insert(header::LAST_MODIFIED, modified);
        }
        out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let status = match verdict {
            Verdict::Whole => {
                out.insert(header::CONTENT_LENGTH, validators.len.into());
                StatusCode::OK
            }
            Verdict::Part(range) => {
                out.insert(header::CONTENT_LENGTH, range.len.into());
                out.insert(header::CONTENT_RANGE, range.content_range(validators.len));
                StatusCode::PARTIAL_CONTENT
            }
            Verdict::NotModified => StatusCode::NOT_MODIFIED,
            Verdict::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Verdict::NotSatisfiable => {
                out.insert(header::CONTENT_RANGE, Range::none_of(validators.len));
                StatusCode::RANGE_NOT_SATISFIABLE
            }
        };
        if status.is_success() {
            out.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        // A refusal must not be kept for a month.
        if !status.is_client_error() {
            out.insert(header::CACHE_CONTROL, if is_picture { CACHE_PICTURES } else { CACHE_OTHERS });
        }
        *response.status_mut() = status;
        Ok(Some(response))
    }
}

struct Found {
    validators: Validators,
    verdict: Verdict,
    body: Body,
}

/// All work at the disk but the rest of a long file. Blocks.
fn look(root: &Path, name: &Path, head_only: bool, headers: &HeaderMap) -> io::Result<Option<Found>> {
    match open(root, name) {
        Ok(Some(mut file)) => {
            let meta = file.metadata()?;
            let validators = Validators::of(meta.len(), meta.modified().ok().and_then(since_epoch));
            let verdict = validators.judge(headers, head_only);
            let body = match verdict {
                _ if head_only => Body::empty(),
                Verdict::Whole => read(file, validators.len)?,
                Verdict::Part(range) => {
                    file.seek(SeekFrom::Start(range.start))?;
                    read(file, range.len)?
                }
                _ => Body::empty(),
            };
            Ok(Some(Found { validators, verdict, body }))
        }
        Ok(None) => Ok(None),
        Err(error) => match error.kind() {
            ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::PermissionDenied
            | ErrorKind::InvalidFilename
            | ErrorKind::InvalidInput => Ok(None),
            _ => Err(error),
        },
    }
}

/// Opens a plain file whose real place, all links followed, is below the folder's real place.
fn open(root: &Path, name: &Path) -> io::Result<Option<File>> {
    let root = fs::canonicalize(root)?;
    let path = fs::canonicalize(root.join(name))?;
    // Looked at before it is opened: opening a named pipe would wait for its writer.
    if !path.starts_with(&root) || !fs::metadata(&path)?.is_file() {
        return Ok(None);
    }
    File::open(path).map(Some)
}

fn read(file: File, len: u64) -> io::Result<Body> {
    if len > PIECE_BYTES {
        let rest = tokio::fs::File::from_std(file).take(len);
        let piece = usize::try_from(PIECE_BYTES).map_err(io::Error::other)?;
        return Ok(Body::from_stream(ReaderStream::with_capacity(rest, piece)));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(len).map_err(io::Error::other)?);
    file.take(len).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == len {
        Ok(Body::from(Bytes::from(bytes)))
    } else {
        Err(ErrorKind::UnexpectedEof.into())
    }
}

fn since_epoch(time: SystemTime) -> Option<std::time::Duration> {
    time.duration_since(UNIX_EPOCH).ok()
}

/// The file name of a path in a URL. `None` when a part of it is empty, begins with a dot, or has a slash, a backslash
/// or a control character in it after decoding, once.
fn decode(path: &str) -> Option<PathBuf> {
    path.split('/')
        .map(|part| {
            let part = percent_decode_str(part).decode_utf8().ok()?;
            let plain = !part.is_empty()
                && !part.starts_with('.')
                && !part.contains(|c: char| c == '/' || c == '\\' || c.is_control());
            plain.then(|| part.into_owned())
        })
        .collect()
}

/// The media type by the file's extension, in any case.
fn content_type(name: &Path) -> &'static str {
    let extension = name.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "avif" => "image/avif",
        "svg" => "image/svg+xml",
        "ico" => "image/x-icon",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "html" | "htm" => "text/html; charset=utf-8",
        "txt" | "md" => "text/plain; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "xml" => "application/xml",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "pdf" => "application/pdf",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "ttf" => "font/ttf",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
