//! Stories of a folder that is served.

use http_body_util::BodyExt as _;
use tempfile::TempDir;

use super::*;

/// A folder `static` with files in it, and a secret beside it.
struct Folder {
    outside: TempDir,
    files: Files,
}

impl Folder {
    fn new() -> Self {
        let outside = TempDir::new().expect("a folder");
        let root = outside.path().join("static");
        let folder = Self { files: Files::new(&root), outside };
        folder.write("secret.txt", b"secret");
        folder.write("static/images/a.jpg", b"0123456789");
        folder.write("static/style.css", b"body{}");
        folder.write("static/.env", b"secret");
        folder.write("static/.git/config", b"secret");
        folder
    }

    #[expect(clippy::disallowed_methods, reason = "a test may block")]
    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.outside.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Option<Answer> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).expect("a value"));
        }
        let response = self.files.serve(path, &method, &map).await.expect("a disk that works")?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Some(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    async fn get(&self, path: &str, headers: &[(&'static str, &str)]) -> Answer {
        self.ask(Method::GET, path, headers).await.expect("a file")
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }
}

#[tokio::test]
async fn a_picture_comes_with_all_that_lets_it_be_kept() {
    let answer = Folder::new().get("images/a.jpg", &[]).await;
    assert_eq!((answer.status, answer.body.as_ref()), (200, b"0123456789".as_slice()));
    assert_eq!(answer.header("content-type"), "image/jpeg");
    assert_eq!(answer.header("content-length"), "10");
    assert_eq!(answer.header("accept-ranges"), "bytes");
    assert_eq!(answer.header("cache-control"), "public, max-age=2592000, immutable");
    assert!(answer.header("etag").starts_with('"'), "strong: {}", answer.header("etag"));
    assert!(answer.header("last-modified").ends_with(" GMT"));
}

#[tokio::test]
async fn other_files_are_asked_for_again() {
    let folder = Folder::new();
    let answer = folder.get("style.css", &[]).await;
    assert_eq!(answer.header("cache-control"), "public, no-cache");
    assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
    folder.write("static/imagesque/a.jpg", b"x");
    assert_eq!(folder.get("imagesque/a.jpg", &[]).await.header("cache-control"), "public, no-cache");
}

#[tokio::test]
async fn head_says_what_get_says_without_the_body() {
    let folder = Folder::new();
    let get = folder.get("images/a.jpg", &[]).await;
    let head = folder.ask(Method::HEAD, "images/a.jpg", &[("range", "bytes=0-1")]).await.expect("a file");
    assert_eq!((head.status, head.headers), (200, get.headers));
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let folder = Folder::new();
    let first = folder.get("images/a.jpg", &[]).await;
    for condition in
        [("if-none-match", first.header("etag")), ("if-modified-since", first.header("last-modified"))]
    {
        let again = folder.get("images/a.jpg", &[condition]).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{condition:?}");
        assert_eq!(again.header("etag"), first.header("etag"));
        assert_eq!(again.header("cache-control"), first.header("cache-control"));
        assert_eq!(again.header("content-length"), "");
    }
    folder.write("static/images/a.jpg", b"01234567890");
    let changed = folder.get("images/a.jpg", &[("if-none-match", first.header("etag"))]).await;
    assert_eq!(changed.status, 200);
}

#[tokio::test]
async fn a_part_can_be_asked_for() {
    let folder = Folder::new();
    let part = folder.get("images/a.jpg", &[("range", "bytes=2-4")]).await;
    assert_eq!((part.status, part.body.as_ref()), (206, b"234".as_slice()));
    assert_eq!(part.header("content-range"), "bytes 2-4/10");
    assert_eq!(part.header("content-length"), "3");
    let beyond = folder.get("images/a.jpg", &[("range", "bytes=10-")]).await;
    assert_eq!((beyond.status, beyond.body.len()), (416, 0));
    assert_eq!(beyond.header("content-range"), "bytes */10");
    assert_eq!(beyond.header("cache-control"), "");
    let resumed = [("range", "bytes=2-4"), ("if-range", part.header("etag"))];
    assert_eq!(folder.get("images/a.jpg", &resumed).await.status, 206);
    let stale = [("range", "bytes=2-4"), ("if-range", "\"old\"")];
    assert_eq!(folder.get("images/a.jpg", &stale).await.status, 200);
}

#[tokio::test]
async fn a_long_file_comes_in_pieces_and_whole() {
    let folder = Folder::new();
    let long: Vec<u8> = (0..=250_u8).cycle().take(300_000).collect();
    folder.write("static/images/long.png", &long);
    let answer = folder.files.serve("images/long.png", &Method::GET, &HeaderMap::new()).await;
    let mut body = answer.expect("a disk").expect("a file").into_body();
    let mut found = Vec::new();
    while let Some(frame) = body.frame().await {
        let piece = frame.expect("a frame").into_data().expect("data");
        assert!(piece.len() as u64 <= PIECE_BYTES, "{}", piece.len());
        found.extend_from_slice(&piece);
    }
    assert!(found == long);
    let part = folder.get("images/long.png", &[("range", "bytes=100000-250000")]).await;
    assert!(part.status == 206 && part.body == long[100_000..=250_000]);
    assert_eq!(part.header("content-length"), "150001");
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let folder = Folder::new();
    folder.write("static/empty.txt", b"");
    let answer = folder.get("empty.txt", &[]).await;
    assert_eq!((answer.status, answer.header("content-length")), (200, "0"));
}

#[tokio::test]
async fn names_are_decoded_once() {
    let folder = Folder::new();
    folder.write("static/images/Тапки 1%.jpg", b"x");
    folder.write("static/images/%61.jpg", b"y");
    let name = "images/%D0%A2%D0%B0%D0%BF%D0%BA%D0%B8%201%25.jpg";
    assert_eq!(folder.get(name, &[]).await.status, 200);
    assert_eq!(folder.get("images/%61.jpg", &[]).await.body.as_ref(), b"0123456789");
    assert_eq!(folder.get("images/%2561.jpg", &[]).await.body.as_ref(), b"y");
}

#[tokio::test]
async fn nothing_outside_hidden_or_oddly_written_is_served() {
    let folder = Folder::new();
    let absolute = folder.outside.path().join("secret.txt");
    let long = format!("images/{}.jpg", "x".repeat(300));
    let endless = "a/".repeat(3000);
    for path in [
        "../secret.txt",
        "images/../../secret.txt",
        "images/../style.css",
        "%2e%2e/secret.txt",
        "%2E%2E%2Fsecret.txt",
        "..%2fsecret.txt",
        "images%2fa.jpg",
        "images/%2e%2e/%2e%2e/secret.txt",
        "%252e%252e/secret.txt",
        "..\\secret.txt",
        "..%5csecret.txt",
        "images\\a.jpg",
        "%c0%ae%c0%ae/secret.txt",
        "images/a.jpg%00",
        "images/a.jpg%00.png",
        "images/a.jpg%0a",
        "images/%ff.jpg",
        "/images/a.jpg",
        "images//a.jpg",
        "images/a.jpg/",
        "images/a.jpg/x",
        "./style.css",
        "images/./a.jpg",
        "images",
        "images/",
        "",
        "/",
        ".env",
        "%2eenv",
        ".git/config",
        "missing.css",
        "images/missing/a.jpg",
        "images/A.JPG",
        &long,
        &endless,
        absolute.to_str().expect("UTF-8"),
        &format!("/{}", absolute.display()),
    ] {
        assert!(folder.ask(Method::GET, path, &[]).await.is_none(), "{path}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_may_not_lead_out_and_only_plain_files_count() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    let root = folder.outside.path().join("static");
    symlink("../secret.txt", root.join("out.txt")).expect("a link");
    symlink(folder.outside.path(), root.join("up")).expect("a link");
    symlink("images/a.jpg", root.join("in.jpg")).expect("a link");
    symlink("nowhere", root.join("dangling.jpg")).expect("a link");
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket.jpg")).expect("a socket");
    for path in ["out.txt", "up/secret.txt", "dangling.jpg", "socket.jpg"] {
        assert!(folder.ask(Method::GET, path, &[]).await.is_none(), "{path}");
    }
    assert_eq!(folder.get("in.jpg", &[]).await.status, 200);
}

#[tokio::test]
async fn a_folder_that_is_not_there_yet_serves_nothing_and_then_its_files() {
    let folder = Folder::new();
    let files = Files::new(&folder.outside.path().join("later"));
    let ask =
        || async { files.serve("a.txt", &Method::GET, &HeaderMap::new()).await.expect("a disk").is_some() };
    assert!(!ask().await);
    folder.write("later/a.txt", b"x");
    assert!(ask().await);
}
