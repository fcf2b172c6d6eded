//! Pictures of products: uploaded, shown, put in front, deleted.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::shop::{Answer, Caller, Shop, eventually, keys};

const BOUNDARY: &str = "----a-boundary-of-a-browser";

/// A part of a form: field, file name, content.
pub(crate) type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

pub(crate) fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, name, content) in parts {
        let name = name.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"{name}\r\n\r\n");
        body.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    body.extend(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

pub(crate) fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, _| Rgb([200, x.to_le_bytes()[0], 30]));
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).expect("encoded");
    out.into_inner()
}

pub(crate) fn png() -> Vec<u8> {
    picture(ImageFormat::Png, 12, 9)
}

impl Shop {
    pub(crate) fn send_form(&self, caller: Option<&Caller>, slipper: i64, body: &[u8]) -> Answer {
        let bearer = caller.map(|caller| format!("Bearer {}", caller.access));
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let mut headers = vec![("content-type", content_type.as_str())];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        self.send("POST", &format!("/slippers/{slipper}/upload-images/"), &headers, Some(body))
    }

    pub(crate) fn upload(&self, admin: &Caller, slipper: i64, files: &[(&str, &[u8])]) -> Answer {
        let parts: Vec<Part<'_>> =
            files.iter().map(|(name, content)| ("images", Some(*name), *content)).collect();
        self.send_form(Some(admin), slipper, &form(&parts))
    }

    /// The names of all files that lie among the pictures, those under way too.
    pub(crate) fn picture_files(&self) -> Vec<String> {
        let folder = self.data_dir().join("static/images");
        let mut names = Vec::new();
        for folder in [folder.clone(), folder.join(".incoming")] {
            let entries = std::fs::read_dir(folder).into_iter().flatten();
            let files = entries.map(|entry| entry.expect("an entry")).filter(|entry| entry.path().is_file());
            names.extend(files.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        }
        names.sort_unstable();
        names
    }

    fn images(&self, slipper: i64) -> Vec<Value> {
        let answer = self.get(&format!("/slippers/{slipper}/images")).expect(200).json();
        assert_eq!(answer["total_images"], json!(answer["images"].as_array().expect("images").len()));
        answer["images"].as_array().expect("images").clone()
    }
}

fn shop() -> (Shop, Caller, i64) {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Mu", &json!(10), 5);
    (shop, admin, slipper)
}

#[test]
fn an_upload_looks_as_it_always_did() {
    let (shop, admin, slipper) = shop();
    let (a, b) = (png(), picture(ImageFormat::Jpeg, 16, 16));
    let answer = shop.upload(&admin, slipper, &[("a.PNG", &a), ("../../b.jpeg", &b)]).expect(200).json();
    assert_eq!(keys(&answer), ["slipper_id", "uploaded_images", "total_uploaded"]);
    assert_eq!((&answer["slipper_id"], &answer["total_uploaded"]), (&json!(slipper), &json!(2)));
    let told = answer["uploaded_images"].as_array().expect("images");
    for (at, ending) in [(0, ".png"), (1, ".jpeg")] {
        assert_eq!(keys(&told[at]), ["image_path", "is_primary", "order_index"]);
        let path = told[at]["image_path"].as_str().expect("a path");
        let name = path.strip_prefix("/static/images/").expect("a place").strip_suffix(ending).expect(ending);
        assert_eq!(name.len(), 32, "{path}");
        assert!(name.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)), "{path}");
        assert_eq!((&told[at]["is_primary"], &told[at]["order_index"]), (&json!(at == 0), &json!(at)));
        let file = shop.get(path).expect(200);
        assert_eq!(image::load_from_memory(&file.body).expect("a picture").width(), [12, 16][at]);
    }
    let first = &told[0]["image_path"];
    let item = shop.get(&format!("/slippers/{slipper}")).expect(200).json();
    assert_eq!((&item["image"], &item["primary_image"]), (first, first));
    assert_eq!(item["image_gallery"], json!([first, told[1]["image_path"]]));
    assert_eq!(keys(&item["images"][0]), ["id", "image_path", "is_primary", "alt_text", "order_index"]);
    let images = shop.images(slipper);
    assert_eq!(keys(&images[0]), ["id", "image_path", "is_primary", "alt_text", "order_index", "created_at"]);
    assert_eq!(shop.picture_files().len(), 2, "nothing lies around");
}

#[test]
fn d53_further_uploads_continue_where_the_last_one_ended() {
    let (shop, admin, slipper) = shop();
    shop.upload(&admin, slipper, &[("a.png", &png()), ("b.png", &png())]).expect(200);
    let more = shop.upload(&admin, slipper, &[("c.png", &png())]).expect(200).json();
    assert_eq!(more["uploaded_images"][0]["order_index"], 2);
    assert_eq!(more["uploaded_images"][0]["is_primary"], false);
    let ten: Vec<_> = (0..10).map(|_| ("x.png", png())).collect();
    let ten: Vec<(&str, &[u8])> = ten.iter().map(|(name, content)| (*name, content.as_slice())).collect();
    let answer = shop.upload(&admin, slipper, &ten).expect(200).json();
    assert_eq!(answer["total_uploaded"], 10);
    let places: Vec<_> = shop.images(slipper).iter().map(|image| image["order_index"].clone()).collect();
    assert_eq!(json!(places), json!((0..13).collect::<Vec<_>>()));
}

#[test]
fn wide_pictures_are_served_in_smaller_sizes_too() {
    let (shop, admin, slipper) = shop();
    let wide = picture(ImageFormat::WebP, 1000, 500);
    let told = shop.upload(&admin, slipper, &[("a.webp", &wide)]).expect(200).json();
    let item = shop.get("/slippers/").expect(200).json()["items"][0].clone();
    for image in [&told["uploaded_images"][0], &item["images"][0], &shop.images(slipper)[0]] {
        let variants = image["variants"].as_array().expect("variants");
        let widths: Vec<_> = variants.iter().map(|variant| variant["width"].clone()).collect();
        assert_eq!(widths, [320, 800]);
        for variant in variants {
            let file = shop.get(variant["path"].as_str().expect("a path")).expect(200);
            assert_eq!(file.header("content-type"), Some("image/jpeg"));
            let small = image::load_from_memory(&file.body).expect("a picture");
            assert_eq!((json!(small.width()), small.height() * 2), (variant["width"].clone(), small.width()));
        }
    }
    let path = format!("/slippers/{slipper}/images/{}", item["images"][0]["id"]);
    shop.call(&admin, "DELETE", &path, &Value::Null).expect(200);
    assert_eq!(shop.picture_files(), Vec::<String>::new(), "they go together");
}

#[test]
fn another_picture_is_put_in_front_in_three_ways() {
    let (shop, admin, slipper) = shop();
    shop.upload(&admin, slipper, &[("a.png", &png()), ("b.png", &png()), ("c.png", &png())]).expect(200);
    let images = shop.images(slipper);
    for (at, method, end, body) in [
        (1, "PUT", "", json!({"is_primary": true, "alt_text": "ignored"})),
        (2, "PUT", "/set-primary", Value::Null),
        (0, "POST", "/set-primary/", Value::Null),
        (0, "PUT", "/", json!({"is_primary": "true"})),
    ] {
        let path = format!("/slippers/{slipper}/images/{}{end}", images[at]["id"]);
        let answer = shop.call(&admin, method, &path, &body).expect(200).json();
        assert_eq!((&answer["id"], &answer["is_primary"]), (&images[at]["id"], &json!(true)));
        let item = shop.get(&format!("/slippers/{slipper}")).json();
        assert_eq!(
            (&item["image"], &item["primary_image"]),
            (&images[at]["image_path"], &images[at]["image_path"])
        );
        assert_eq!(item["images"][0]["id"], images[at]["id"], "the primary one comes first");
        let primary = shop.images(slipper).iter().filter(|image| image["is_primary"] == true).count();
        assert_eq!(primary, 1);
    }
    let path = format!("/slippers/{slipper}/images/{}", images[1]["id"]);
    for (body, kind) in [
        (json!({}), "missing"),
        (json!({"is_primary": false}), "value_error"),
        (json!({"is_primary": null}), "bool_type"),
    ] {
        let faults = shop.call(&admin, "PUT", &path, &body).faults();
        assert_eq!(faults, [(kind.to_owned(), json!(["body", "is_primary"]))]);
    }
}

#[test]
fn d53_a_deleted_picture_is_gone_and_the_next_takes_its_place() {
    let (shop, admin, slipper) = shop();
    let other = shop.product(&admin, "Nu", &json!(10), 5);
    shop.upload(&admin, slipper, &[("a.png", &png()), ("b.png", &png())]).expect(200);
    let images = shop.images(slipper);
    let path = |slipper: i64, at: usize| format!("/slippers/{slipper}/images/{}", images[at]["id"]);
    for wrong in [
        path(other, 0),
        path(99, 0),
        format!("/slippers/{slipper}/images/99"),
        format!("/slippers/{slipper}/images/0"),
    ] {
        shop.call(&admin, "DELETE", &wrong, &Value::Null).expect_error(404, "Image not found");
        let primary = format!("{wrong}/set-primary");
        shop.call(&admin, "PUT", &primary, &Value::Null).expect_error(404, "Image not found");
    }
    let answer = shop.call(&admin, "DELETE", &path(slipper, 0), &Value::Null).expect(200);
    assert_eq!(
        answer.text(),
        format!(r#"{{"message":"Image deleted successfully","deleted_image_id":{}}}"#, images[0]["id"])
    );
    shop.call(&admin, "DELETE", &path(slipper, 0), &Value::Null).expect_error(404, "Image not found");
    shop.get(images[0]["image_path"].as_str().expect("a path")).expect(404);
    let item = shop.get(&format!("/slippers/{slipper}")).json();
    assert_eq!((&item["image"], &item["images"][0]["is_primary"]), (&images[1]["image_path"], &json!(true)));
    shop.call(&admin, "DELETE", &path(slipper, 1), &Value::Null).expect(200);
    let item = shop.get(&format!("/slippers/{slipper}")).json();
    assert_eq!(
        (&item["image"], &item["primary_image"], &item["images"]),
        (&json!(""), &json!(""), &json!([]))
    );
    assert_eq!(shop.picture_files(), Vec::<String>::new());
}

#[test]
fn d53_a_picture_that_an_order_shows_outlives_its_product() {
    let (shop, admin, slipper) = shop();
    shop.upload(&admin, slipper, &[("a.png", &png()), ("b.png", &png())]).expect(200);
    let images = shop.images(slipper);
    let buyer = shop.customer("Dilnoza");
    shop.put_in_cart(&buyer, slipper, 1);
    let order = shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200).json();
    let path = format!("/slippers/{slipper}");
    shop.call(&admin, "DELETE", &path, &Value::Null).expect(200);
    shop.get(&path).expect(404);
    let shown = images[0]["image_path"].as_str().expect("a path");
    shop.get(shown).expect(200);
    shop.get(images[1]["image_path"].as_str().expect("a path")).expect(404);
    assert_eq!(shop.picture_files().len(), 1);
    // With its last line it goes too.
    let order = order["order_id"].as_str().expect("a number");
    shop.call(&buyer, "DELETE", &format!("/orders/{order}"), &Value::Null).expect(200);
    eventually("the file is swept", || shop.picture_files().is_empty().then_some(()));
    shop.get(shown).expect(404);
}

#[test]
fn pictures_outlive_a_restart() {
    let (mut shop, admin, slipper) = shop();
    let told =
        shop.upload(&admin, slipper, &[("a.gif", &picture(ImageFormat::Gif, 5, 5))]).expect(200).json();
    shop.terminate();
    shop.restart();
    let path = told["uploaded_images"][0]["image_path"].as_str().expect("a path").to_owned();
    assert_eq!(shop.get(&path).expect(200).header("content-type"), Some("image/gif"));
    assert_eq!(shop.images(slipper)[0]["image_path"], path.as_str());
}
