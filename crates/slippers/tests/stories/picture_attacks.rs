//! Uploads that must not come through. Each leaves nothing behind, on the disk or in the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use image::ImageFormat;
use serde_json::{Value, json};

use crate::pictures::{form, picture, png};
use crate::shop::{Answer, Caller, Shop};
use crate::wire;

const LARGEST: usize = 10 * 1024 * 1024;

struct Target {
    shop: Shop,
    admin: Caller,
    slipper: i64,
    before: Value,
}

impl Target {
    fn open() -> Self {
        let shop = Shop::open();
        let admin = shop.admin();
        let slipper = shop.product(&admin, "Mu", &json!(10), 5);
        let before = shop.get(&format!("/slippers/{slipper}")).json();
        Self { shop, admin, slipper, before }
    }

    #[track_caller]
    fn untouched(&self) {
        assert_eq!(self.shop.picture_files(), Vec::<String>::new());
        assert_eq!(self.shop.get(&format!("/slippers/{}", self.slipper)).json(), self.before);
    }

    fn upload(&self, files: &[(&str, &[u8])]) -> Answer {
        self.shop.upload(&self.admin, self.slipper, files)
    }
}

#[test]
fn d52_d53_a_file_of_another_kind_refuses_the_whole_request() {
    let target = Target::open();
    let good = png();
    let html = b"<html><script>alert(1)</script></html>";
    let mut bomb = png();
    bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    for (name, content) in [
        ("page.gif", &html[..]),
        ("page.html", &html[..]),
        ("good.svg", &good),
        ("good.png.php", &good),
        ("png", &good),
        ("", &good),
        ("polyglot.gif", b"GIF89a/*<script>alert(1)</script>*/=1;"),
        ("cut.png", &good[..good.len() / 2]),
        ("cut.jpg", &picture(ImageFormat::Jpeg, 60, 60)[..400]),
        ("bomb.png", &bomb),
        ("empty.png", b""),
        ("../../../etc/passwd", &good),
        ("имя.txt", &good),
    ] {
        let text = format!("Invalid image format for file {name}");
        for files in [
            vec![(name, content)],
            vec![("first.png", good.as_slice()), (name, content)],
            vec![(name, content), ("last.png", good.as_slice())],
        ] {
            target.upload(&files).expect_error(400, &text);
            target.untouched();
        }
    }
}

#[test]
fn an_animation_of_many_frames_is_no_picture() {
    let target = Target::open();
    let mut bomb = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new_with_speed(&mut bomb, 30);
    for _ in 0..600 {
        encoder.encode_frame(image::Frame::new(image::RgbaImage::new(2, 2))).expect("a frame");
    }
    drop(encoder);
    target.upload(&[("bomb.gif", &bomb)]).expect_error(400, "Invalid image format for file bomb.gif");
    target.untouched();
}

#[test]
fn eleven_pictures_are_too_many() {
    let target = Target::open();
    let good = png();
    let mut files = vec![("a.png", good.as_slice()); 11];
    let text = "Too many images. Maximum 10 images allowed.";
    target.upload(&files).expect_error(400, text);
    files[0] = ("a.txt", b"of another kind");
    target.upload(&files).expect_error(400, text);
    target.untouched();
}

#[test]
fn d52_a_picture_over_ten_mebibytes_is_too_large() {
    let target = Target::open();
    let mut large = png();
    // What stands behind a picture does not stay, but counts.
    large.resize(LARGEST, 0);
    let whole = target.upload(&[("a.png", &large)]).expect(200).json();
    let path = whole["uploaded_images"][0]["image_path"].as_str().expect("a path").to_owned();
    assert!(target.shop.get(&path).expect(200).body.len() < 1000);
    target
        .shop
        .call(&target.admin, "DELETE", &format!("/slippers/{}", target.slipper), &Value::Null)
        .expect(200);

    let target = Target::open();
    large.push(0);
    for name in ["a.png", "a.txt"] {
        let refused = target.upload(&[("good.png", &png()), (name, &large)]).expect(413);
        assert_eq!(refused.json()["code"], "upload_too_large");
        target.untouched();
    }
}

#[test]
fn a_form_without_pictures_misses_them() {
    let target = Target::open();
    let good = png();
    let missing = [("missing".to_owned(), json!(["body", "images"]))];
    for body in [
        form(&[]),
        form(&[("image", Some("a.png"), &good)]),
        form(&[("images[]", Some("a.png"), &good), ("note", None, b"text")]),
    ] {
        let answer = target.shop.send_form(Some(&target.admin), target.slipper, &body);
        assert_eq!(answer.faults(), missing, "{}", answer.text());
    }
    let path = format!("/slippers/{}/upload-images", target.slipper);
    assert_eq!(target.shop.call(&target.admin, "POST", &path, &json!({"images": []})).faults(), missing);
    assert_eq!(target.shop.call(&target.admin, "POST", &path, &Value::Null).faults(), missing);
    let text = form(&[("images", None, b"no file")]);
    let answer = target.shop.send_form(Some(&target.admin), target.slipper, &text);
    assert_eq!(answer.faults(), [("value_error".to_owned(), json!(["body", "images", 0]))]);
    let bearer = format!("Bearer {}", target.admin.access);
    for content_type in ["multipart/form-data", "multipart/form-data; boundary=other"] {
        let headers = [("authorization", bearer.as_str()), ("content-type", content_type)];
        let body = form(&[("images", Some("a.png"), &good)]);
        target
            .shop
            .send("POST", &path, &headers, Some(&body))
            .expect_error(400, "There was an error parsing the body");
    }
    target.untouched();
}

#[test]
fn only_an_admin_changes_pictures() {
    let target = Target::open();
    let buyer = target.shop.customer("Dilnoza");
    let body = form(&[("images", Some("a.png"), &png())]);
    let answer = target.shop.send_form(None, target.slipper, &body).expect(401);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    target.shop.send_form(Some(&buyer), target.slipper, &body).expect(403);
    for (method, path) in [
        ("DELETE", "/slippers/1/images/1"),
        ("PUT", "/slippers/1/images/1/set-primary"),
        ("POST", "/slippers/1/images/1/set-primary"),
    ] {
        target.shop.send(method, path, &[], None).expect(401);
        target.shop.call(&buyer, method, path, &Value::Null).expect(403);
    }
    target.shop.call(&buyer, "PUT", "/slippers/1/images/1", &json!({"is_primary": true})).expect(403);
    target.shop.send_form(Some(&target.admin), 99, &body).expect_error(404, "Slipper not found");
    target.untouched();
}

#[test]
fn a_client_that_leaves_in_the_middle_leaves_nothing() {
    let target = Target::open();
    let body = form(&[("images", Some("a.png"), &png()), ("images", Some("b.png"), &[7; 100_000])]);
    let bearer = format!("Bearer {}", target.admin.access);
    let head = wire::request(
        "POST",
        &format!("/slippers/{}/upload-images/", target.slipper),
        &[
            ("authorization", &bearer),
            ("content-type", "multipart/form-data; boundary=----a-boundary-of-a-browser"),
        ],
        &body,
    );
    let mut line = wire::Line::open(&target.shop);
    line.say(&head[..head.len() - 50_000]);
    crate::shop::eventually("both files are under way", || {
        (target.shop.picture_files().len() == 2).then_some(())
    });
    drop(line);
    crate::shop::eventually("they are taken away", || target.shop.picture_files().is_empty().then_some(()));
    target.untouched();
}

#[test]
fn a_crowd_of_uploads_does_not_stop_the_shop() {
    let target = Arc::new(Target::open());
    let wide = Arc::new(picture(ImageFormat::Png, 400, 300));
    let (taken, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let crowd: Vec<_> = (0..24)
        .map(|_| {
            let (target, wide) = (Arc::clone(&target), Arc::clone(&wide));
            let (taken, refused) = (Arc::clone(&taken), Arc::clone(&refused));
            thread::spawn(move || {
                let answer = target.upload(&[("a.png", &wide)]);
                match answer.status {
                    200 => taken.fetch_add(1, Ordering::SeqCst),
                    _ => {
                        assert_eq!(answer.header("retry-after"), Some("1"), "{}", answer.text());
                        answer.expect(503);
                        refused.fetch_add(1, Ordering::SeqCst)
                    }
                };
            })
        })
        .collect();
    for _ in 0..20 {
        target.shop.get("/slippers/").expect(200);
    }
    crowd.into_iter().for_each(|one| one.join().expect("an answer"));
    let (taken, refused) = (taken.load(Ordering::SeqCst), refused.load(Ordering::SeqCst));
    assert!(taken >= 9, "those who fit in are served: {taken}");
    assert_eq!(taken + refused, 24);
    let item = target.shop.get(&format!("/slippers/{}", target.slipper)).json();
    assert_eq!(item["images"].as_array().map(Vec::len), Some(taken));
    assert_eq!(target.shop.picture_files().len(), taken * 2);
}
