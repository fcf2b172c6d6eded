//! `/static`: files of the shop's folder, cached by whoever likes, and nothing beside them.

use std::fs::{File, create_dir_all};
use std::io::Write as _;

use crate::shop::{Answer, Shop};
use crate::wire;

const PICTURE: &str = "/static/images/0123456789abcdef0123456789abcdef.png";
const BYTES: &[u8] = b"\x89PNG\r\n\x1a\n, and then the picture itself";

/// A shop with one picture on the disk.
fn shop_with_a_picture() -> Shop {
    let shop = Shop::open();
    put(&shop, PICTURE, BYTES);
    shop
}

fn put(shop: &Shop, path: &str, content: &[u8]) {
    let file = shop.data_dir().join(path.trim_start_matches('/'));
    create_dir_all(file.parent().expect("a folder")).expect("the folder can be made");
    File::create(file).and_then(|mut file| file.write_all(content)).expect("it can be written");
}

fn get_with(shop: &Shop, headers: &[(&str, &str)]) -> Answer {
    shop.send("GET", PICTURE, headers, None)
}

#[test]
fn g67_a_picture_is_served_once_and_then_known() {
    let shop = shop_with_a_picture();
    let first = shop.get(PICTURE).expect(200);
    assert_eq!(first.body, BYTES);
    assert_eq!(first.header("content-type"), Some("image/png"));
    assert_eq!(first.header("content-length"), Some(BYTES.len().to_string().as_str()));
    assert_eq!(first.header("cache-control"), Some("public, max-age=2592000, immutable"));
    assert_eq!(first.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(first.header("x-ratelimit-limit"), None, "pictures are never limited");
    let tag = first.header("etag").expect("a tag");
    let date = first.header("last-modified").expect("a date");
    assert!(date.ends_with(" GMT"), "{date}");

    for (name, value) in [
        ("if-none-match", tag),
        ("if-none-match", &format!("W/{tag}, \"other\"")),
        ("if-none-match", "*"),
        ("if-modified-since", date),
    ] {
        let known = get_with(&shop, &[(name, value)]).expect(304);
        assert!(known.body.is_empty(), "{name}: {value}");
        assert_eq!(known.header("etag"), Some(tag), "{name}: {value}");
        assert!(known.header("cache-control").is_some(), "{name}: {value}");
    }
    for (name, value) in [
        ("if-none-match", "\"other\""),
        ("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("if-modified-since", "nonsense"),
    ] {
        assert_eq!(get_with(&shop, &[(name, value)]).expect(200).body, BYTES, "{name}: {value}");
    }
    let both = [("if-none-match", "\"other\""), ("if-modified-since", date)];
    get_with(&shop, &both).expect(200);
}

#[test]
fn head_shows_what_get_would_send() {
    let shop = shop_with_a_picture();
    let (get, head) = (shop.get(PICTURE).expect(200), shop.send("HEAD", PICTURE, &[], None).expect(200));
    assert!(head.body.is_empty());
    for name in ["content-type", "content-length", "etag", "last-modified", "cache-control", "accept-ranges"]
    {
        assert_eq!(head.header(name), get.header(name), "{name}");
        assert!(head.header(name).is_some(), "{name}");
    }
    let tag = get.header("etag").expect("a tag");
    shop.send("HEAD", PICTURE, &[("if-none-match", tag)], None).expect(304);
    shop.send("HEAD", "/static/images/none.png", &[], None).expect(404);
}

#[test]
fn g67_a_part_of_a_file_can_be_asked_for() {
    let shop = shop_with_a_picture();
    let length = BYTES.len();
    let tag = shop.get(PICTURE).header("etag").expect("a tag").to_owned();
    for (range, part, told) in [
        ("bytes=0-3".to_owned(), &BYTES[..4], format!("bytes 0-3/{length}")),
        ("bytes=8-".to_owned(), &BYTES[8..], format!("bytes 8-{}/{length}", length - 1)),
        (
            "bytes=-5".to_owned(),
            &BYTES[length - 5..],
            format!("bytes {}-{}/{length}", length - 5, length - 1),
        ),
    ] {
        let answer = get_with(&shop, &[("range", &range)]).expect(206);
        assert_eq!(answer.body, part, "{range}");
        assert_eq!(answer.header("content-range"), Some(told.as_str()), "{range}");
        assert_eq!(answer.header("content-encoding"), None, "{range}");
    }
    let beyond = get_with(&shop, &[("range", "bytes=99999-")]).expect(416);
    assert_eq!(beyond.header("content-range"), Some(format!("bytes */{length}").as_str()));
    assert_eq!(beyond.header("cache-control"), None, "a refusal must not be kept");
    assert_eq!(get_with(&shop, &[("range", "bytes=0-3"), ("if-range", &tag)]).expect(206).body, &BYTES[..4]);
    for range in ["bytes=0-3,5-6", "lines=1-2", "bytes=x"] {
        assert_eq!(get_with(&shop, &[("range", range)]).expect(200).body, BYTES, "{range}");
    }
    let old = [("range", "bytes=0-3"), ("if-range", "\"old\"")];
    assert_eq!(get_with(&shop, &old).expect(200).body, BYTES, "a part of another state is of no use");
}

#[test]
fn a_file_that_changed_is_not_taken_for_the_old_one() {
    let shop = Shop::open();
    put(&shop, "/static/price-list.txt", b"old prices");
    let old = shop.get("/static/price-list.txt").expect(200);
    let cache = old.header("cache-control").expect("a rule");
    assert!(cache.contains("no-cache") && !cache.contains("immutable"), "{cache}");
    put(&shop, "/static/price-list.txt", b"new, higher prices");
    let tag = old.header("etag").expect("a tag");
    let new = shop.send("GET", "/static/price-list.txt", &[("if-none-match", tag)], None).expect(200);
    assert_eq!(new.body, b"new, higher prices");
    assert_ne!(new.header("etag"), Some(tag));
}

#[test]
fn g65_a_large_file_comes_whole_and_pictures_are_never_packed() {
    let shop = Shop::open();
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    put(&shop, "/static/images/large.jpg", &large);
    let answer =
        shop.send("GET", "/static/images/large.jpg", &[("accept-encoding", "gzip")], None).expect(200);
    assert!(answer.body == large, "every byte, in order");
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.header("content-type"), Some("image/jpeg"));
}

#[test]
fn what_is_no_file_of_the_folder_is_not_found() {
    let shop = shop_with_a_picture();
    put(&shop, "/static/.hidden", b"hidden");
    put(&shop, "/secret.txt", b"beside the folder");
    #[cfg(unix)]
    std::os::unix::fs::symlink(shop.data_dir().join("secret.txt"), shop.data_dir().join("static/link.txt"))
        .expect("a link");
    for path in [
        "/static",
        "/static/",
        "/static/images",
        "/static/images/",
        "/static/images/none.png",
        "/static/.hidden",
        "/static/link.txt",
        "/static/../secret.txt",
        "/static/images/../../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static/images/..%2f..%2fsecret.txt",
        "/static/%252e%252e/secret.txt",
        "/static/..%5csecret.txt",
        "/static/images\\..\\..\\secret.txt",
        "/static/./images/0123456789abcdef0123456789abcdef.png",
        "/static//images/0123456789abcdef0123456789abcdef.png",
        "/static/images%2f0123456789abcdef0123456789abcdef.png",
        "/static/images/0123456789abcdef0123456789abcdef.png/",
        "/static/images/0123456789abcdef0123456789abcdef.png%00",
        "/static/images/%ff.png",
        "/static/%2fetc/passwd",
        "/static//etc/passwd",
        "/staticfiles",
    ] {
        let answer = wire::send(&shop, "GET", path, &[], b"");
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert_eq!(answer.detail(), "Not Found", "{path}");
        assert_eq!(answer.header("cache-control"), None, "{path}: it may come to be");
        assert!(!answer.text().contains("beside"), "{path}");
    }
    let long = format!("/static/{}", "x".repeat(5000));
    shop.get(&long).expect_error(404, "Not Found");
    assert_eq!(shop.get(PICTURE).expect(200).body, BYTES);
}

#[test]
fn files_can_only_be_read() {
    let shop = shop_with_a_picture();
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let answer = wire::send(&shop, method, PICTURE, &[], b"something else");
        assert_eq!((answer.status, answer.detail().as_str()), (405, "Method Not Allowed"), "{method}");
        assert_eq!(answer.header("allow"), Some("GET"), "{method}");
    }
    assert_eq!(shop.get(PICTURE).expect(200).body, BYTES, "it is as it was");
}
