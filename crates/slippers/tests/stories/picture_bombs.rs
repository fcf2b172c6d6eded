//! Pictures that want more memory or time than they look, and files that are a picture and something else.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::ImageFormat;
use serde_json::json;

use crate::crowd::at_once;
use crate::memory;
use crate::pictures::{picture, png};
use crate::scene::Scene;
use crate::shop::Shop;

/// What the whole server may hold, in MiB.
const MOST_MIB: u64 = 300;

/// So many equal bytes, packed.
fn packed(bytes: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let piece = vec![0; 1 << 20];
    for start in (0..bytes).step_by(piece.len()) {
        encoder.write_all(&piece[..piece.len().min(bytes - start)]).expect("packed");
    }
    encoder.finish().expect("packed")
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    let length = u32::try_from(data.len()).expect("a length");
    [&length.to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

/// A PNG of any size whose checksums are right. `kind` is the bit depth and the colour type.
fn png_of(width: u32, height: u32, kind: [u8; 2], more: &[Vec<u8>], pixels: &[u8]) -> Vec<u8> {
    let size = [&width.to_be_bytes()[..], &height.to_be_bytes(), &kind, &[0, 0, 0]].concat();
    let chunks = [more.concat(), chunk(b"IDAT", pixels), chunk(b"IEND", &[])].concat();
    [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", &size).as_slice(), &chunks].concat()
}

/// A PNG that holds what it says: black pixels of so many bytes.
fn black(width: u32, height: u32, kind: [u8; 2], bytes_a_pixel: u32) -> Vec<u8> {
    let row = usize::try_from(width * bytes_a_pixel + 1).expect("a length");
    png_of(width, height, kind, &[], &packed(row * usize::try_from(height).expect("a length")))
}

/// A GIF whose frames are one pixel each.
fn gif_of(width: u16, height: u16, frames: usize) -> Vec<u8> {
    let [w, h] = [width, height].map(u16::to_le_bytes);
    let mut file = [&b"GIF89a"[..], &w, &h, &[0x80, 0, 0, 0, 0, 0, 255, 255, 255]].concat();
    for _ in 0..frames {
        file.extend([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
    }
    file.push(0x3b);
    file
}

/// A black JPEG that comes in scans, of which there is but the first.
fn progressive(width: u16, height: u16) -> Vec<u8> {
    let [w, h] = [width, height].map(u16::to_be_bytes);
    let quantisation = [&[0xff, 0xdb, 0, 67, 0][..], &[1; 64]].concat();
    let frame = [&[0xff, 0xc2, 0, 17, 8][..], &h, &w, &[3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]].concat();
    // One code, of one bit, for "as before".
    let code = [&[0xff, 0xc4, 0, 20, 0, 1][..], &[0; 15], &[0]].concat();
    let scan = [0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 0, 0];
    let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    let bits = vec![0; (blocks * 3).div_ceil(8) + 1];
    [&[0xff, 0xd8][..], &quantisation, &frame, &code, &scan, &bits, &[0xff, 0xd9]].concat()
}

/// A picture whose header lies about its size.
fn lying(mut file: Vec<u8>, mark: &[u8], after: usize, size: &[u8]) -> Vec<u8> {
    let found = file.windows(mark.len()).position(|bytes| bytes == mark).expect("the mark");
    let at = found + mark.len() + after;
    file[at..at + size.len()].copy_from_slice(size);
    file
}

/// Files that no picture may be made of.
pub(crate) fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let jpeg = picture(ImageFormat::Jpeg, 64, 64);
    let webp = picture(ImageFormat::WebP, 64, 64);
    let rgb = [8, 2];
    let profile = [&b"x\0\0"[..], &packed(1 << 29)].concat();
    vec![
        ("huge.png", png_of(60_000, 60_000, rgb, &[], &packed(1000))),
        ("huge-16-bit.png", png_of(60_000, 60_000, [16, 6], &[], &packed(1000))),
        ("huge-1-bit.png", png_of(60_000, 60_000, [1, 0], &[], &packed(1000))),
        ("largest.png", png_of(0x7fff_ffff, 0x7fff_ffff, rgb, &[], &packed(1000))),
        ("wide.png", png_of(2_000_000_000, 1, rgb, &[], &packed(1000))),
        ("high.png", png_of(1, 2_000_000_000, rgb, &[], &packed(1000))),
        ("nothing.png", png_of(0, 0, rgb, &[], &packed(0))),
        ("profile.png", png_of(60_000, 60_000, rgb, &[chunk(b"iCCP", &profile)], &packed(1000))),
        ("empty.png", png_of(11_000, 3_500, rgb, &[], &packed(10))),
        // They hold what they say.
        ("alpha-of-152-mib.png", black(11_000, 3_636, [8, 6], 4)),
        ("16-bit-of-305-mib.png", black(11_000, 3_636, [16, 6], 8)),
        ("progressive-of-114-mib.jpg", progressive(11_000, 3_636)),
        ("huge.gif", gif_of(65_535, 65_535, 1)),
        ("many-frames.gif", gif_of(10, 10, 100_000)),
        ("large-frames.gif", gif_of(4000, 4000, 400)),
        ("huge.jpg", lying(jpeg.clone(), &[0xff, 0xc0], 3, &[0xff; 4])),
        ("wide.jpg", lying(jpeg, &[0xff, 0xc0], 3, &[0, 1, 0xff, 0xff])),
        ("huge.webp", lying(webp, &[0x2f], 0, &[0xff, 0xff, 0xff, 0x0f])),
    ]
}

/// Heavy, but pictures: as large as the shop takes them, or hiding what it does not read. For measurements: unoptimised
/// they take half a minute each.
pub(crate) fn giants() -> Vec<(&'static str, Vec<u8>)> {
    let text = chunk(b"zTXt", &[&b"Comment\0\0"[..], &packed(1 << 29)].concat());
    vec![
        ("rgb-of-91-mib.png", black(11_000, 2_900, [8, 2], 3)),
        ("alpha-of-91-mib.png", black(11_000, 2_190, [8, 6], 4)),
        ("16-bit-of-61-mib.png", black(11_000, 730, [16, 6], 8)),
        ("progressive-of-45-mib.jpg", progressive(11_000, 1_461)),
        ("a-text-of-512-mib.png", png_of(1, 1, [8, 2], &[text], &packed(4))),
        ("pixels-of-512-mib.png", png_of(1, 1, [8, 2], &[], &packed(1 << 29))),
    ]
}

#[test]
fn no_bomb_is_taken_and_none_leaves_anything_behind() {
    let scene = Scene::open();
    let before = scene.everything();
    let slipper = scene.value("slipper_id").parse().expect("an id");
    for (name, file) in bombs() {
        assert!(file.len() < 5 << 20, "{name}: {} bytes", file.len());
        let answer = scene.shop.upload(scene.admin(), slipper, &[(name, &file)]);
        answer.expect_error(400, &format!("Invalid image format for file {name}"));
        assert_eq!(scene.everything(), before, "{name} left something behind");
    }
}

#[test]
fn bombs_from_every_side_stay_within_the_memory_of_a_small_machine() {
    let scene = Scene::open();
    let slipper: i64 = scene.value("slipper_id").parse().expect("an id");
    let files = bombs();
    at_once(4, |hand| {
        // Each begins with another one.
        for (name, file) in files.iter().cycle().skip(hand * 5).take(files.len()) {
            let status = scene.shop.upload(scene.admin(), slipper, &[(name, file)]).status;
            assert!([400, 503].contains(&status), "{name}: {status}");
        }
    });
    let peak = memory::peak_mib(&scene.shop);
    assert!(peak < MOST_MIB, "{peak} MiB at most");
    scene.shop.get("/health").expect(200);
}

/// Uploads one file; answers what was made of it, or `None` when it was refused.
fn remade(shop: &Shop, admin: &crate::shop::Caller, name: &str, file: &[u8]) -> Option<Vec<u8>> {
    let slipper = shop.product(admin, "Mu", &json!(10), 5);
    let answer = shop.upload(admin, slipper, &[(name, file)]);
    if answer.status == 200 {
        let path = answer.json()["uploaded_images"][0]["image_path"].as_str().expect("a path").to_owned();
        return Some(shop.get(&path).expect(200).body);
    }
    answer.expect_error(400, &format!("Invalid image format for file {name}"));
    assert_eq!(shop.get(&format!("/slippers/{slipper}/images")).expect(200).json()["total_images"], 0);
    None
}

#[test]
fn what_is_a_picture_and_something_else_is_only_a_picture_afterwards() {
    let shop = Shop::open();
    let admin = shop.admin();
    let html = b"<html><script>alert(1)</script></html>";
    let zip = b"PK\x03\x04 payload <script> PK\x05\x06";
    let good = png();
    let with_text = {
        let text = chunk(b"tEXt", &[&b"Comment\0"[..], html].concat());
        [&good[..33], &text, &good[33..]].concat()
    };
    let jpeg = picture(ImageFormat::Jpeg, 16, 16);
    let comment = [&[0xff, 0xfe, 0, 40][..], html].concat();
    let with_comment = [&jpeg[..2], &comment, &jpeg[2..]].concat();
    for (name, file) in [
        ("zip-behind.png", [&good[..], zip].concat()),
        ("html-behind.jpg", [&jpeg[..], html].concat()),
        ("html-inside.png", with_text),
        ("html-inside.jpg", with_comment),
        ("zip-behind.gif", [&gif_of(4, 4, 1)[..], zip].concat()),
        ("html-behind.webp", [&picture(ImageFormat::WebP, 8, 8)[..], html].concat()),
    ] {
        let made = remade(&shop, &admin, name, &file).unwrap_or_else(|| panic!("{name} is a picture"));
        for word in [&b"<script"[..], b"PK\x03\x04", b"payload", b"<html"] {
            assert!(!made.windows(word.len()).any(|bytes| bytes == word), "{name} still holds it");
        }
        image::load_from_memory(&made).expect("a picture");
    }
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    for (name, file) in [
        ("head-only.png", [&good[..8], html].concat()),
        ("head-only.jpg", [&[0xff, 0xd8, 0xff, 0xe0][..], html].concat()),
        ("head-only.webp", [&b"RIFF\x20\0\0\0WEBPVP8 "[..], html].concat()),
        ("svg.png", svg.to_vec()),
        ("svg.svg", svg.to_vec()),
        ("zip.png", zip.to_vec()),
        ("pdf.png", [&b"%PDF-1.7\n"[..], &good].concat()),
        ("script-first.png", [&html[..], &good].concat()),
        ("bmp.png", [&b"BM"[..], &[0; 100]].concat()),
        ("tiff.png", b"II*\0\x08\0\0\0\0\0".to_vec()),
        ("icon.png", [&[0, 0, 1, 0, 1, 0][..], &[0; 60]].concat()),
        ("avif.png", b"\0\0\0\x20ftypavif\0\0\0\0avifmif1".to_vec()),
    ] {
        assert_eq!(remade(&shop, &admin, name, &file), None, "{name}");
    }
}

#[test]
fn a_picture_that_was_cut_or_changed_on_its_way_is_refused_or_made_whole() {
    let shop = Shop::open();
    let admin = shop.admin();
    let whole = [
        ("a.png", picture(ImageFormat::Png, 20, 20)),
        ("a.jpg", picture(ImageFormat::Jpeg, 20, 20)),
        ("a.webp", picture(ImageFormat::WebP, 20, 20)),
        ("a.gif", picture(ImageFormat::Gif, 20, 20)),
    ];
    for (name, file) in &whole {
        for part in 1..8 {
            let cut = &file[..file.len() * part / 8];
            if let Some(made) = remade(&shop, &admin, name, cut) {
                panic!("{part} eighths of {name} became {} bytes", made.len());
            }
            let mut changed = file.clone();
            let at = changed.len() * part / 8;
            changed[at] ^= 0x55;
            if let Some(made) = remade(&shop, &admin, name, &changed) {
                image::load_from_memory(&made).expect("a whole picture");
            }
        }
    }
    // A checksum that is wrong, in the size and in the pixels.
    let (_, file) = &whole[0];
    let pixels = file.windows(4).position(|bytes| bytes == b"IDAT").expect("pixels");
    for at in [29, pixels + 4 + 2] {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert_eq!(remade(&shop, &admin, "a.png", &changed), None, "byte {at}");
    }
}
