//! Pictures of all kinds, and files that only say that they are one.

use std::io::Cursor;
use std::path::PathBuf;

use image::{Delay, Frame, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;

struct Desk {
    folder: tempfile::TempDir,
}

fn desk() -> Desk {
    Desk { folder: tempfile::tempdir().expect("a folder") }
}

impl Desk {
    fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    fn remake(&self, bytes: &[u8]) -> Result<Remade, PictureError> {
        #[expect(clippy::disallowed_methods, reason = "a test on no async worker")]
        std::fs::write(self.source(), bytes).expect("a file");
        remake(&self.source())
    }

    #[track_caller]
    fn refuse(&self, bytes: &[u8]) {
        match self.remake(bytes) {
            Err(PictureError::Invalid(_)) => {}
            other => panic!("taken: {other:?}"),
        }
        let left = std::fs::read_dir(self.folder.path()).expect("a folder").count();
        assert_eq!(left, 1, "nothing is left but the source");
    }
}

fn bytes(file: &Temporary) -> Vec<u8> {
    #[expect(clippy::disallowed_methods, reason = "a test on no async worker")]
    std::fs::read(file.path()).expect("a file")
}

fn decoded(file: &Temporary) -> DynamicImage {
    image::load_from_memory(&bytes(file)).expect("a picture")
}

/// Red on the left, blue on the right.
fn flag(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([200, 0, 0]) } else { Rgb([0, 0, 200]) })
        .into()
}

fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).expect("encoded");
    out.into_inner()
}

#[test]
fn each_kind_keeps_its_format_and_its_size() {
    let desk = desk();
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let made = desk.remake(&written(&flag(40, 30), format)).expect("a picture");
        assert_eq!(image::guess_format(&bytes(&made.file)).expect("a format"), format);
        let image = decoded(&made.file).to_rgb8();
        assert_eq!(image.dimensions(), (40, 30));
        let (left, right) = (image.get_pixel(5, 5).0, image.get_pixel(35, 5).0);
        assert!(left[0] > 180 && left[2] < 30 && right[2] > 180 && right[0] < 30, "{format:?}");
        assert!(made.variants.is_empty(), "never made wider");
    }
}

#[test]
fn wide_ones_get_smaller_ones_in_proportion() {
    let desk = desk();
    for (width, height, expected) in [
        (320, 10, vec![]),
        (321, 200, vec![(320, 199)]),
        (800, 400, vec![(320, 160)]),
        (1600, 800, vec![(320, 160), (800, 400)]),
        (2000, 1, vec![(320, 1), (800, 1)]),
    ] {
        let made = desk.remake(&written(&flag(width, height), ImageFormat::Png)).expect("a picture");
        let sizes: Vec<_> = made
            .variants
            .iter()
            .map(|small| {
                assert_eq!(small.extension, "jpg");
                let image = decoded(&small.file);
                assert_eq!(small.width, image.width());
                (image.width(), image.height())
            })
            .collect();
        assert_eq!(sizes, expected, "{width} x {height}");
    }
}

#[test]
fn what_is_transparent_stays_so_in_every_size() {
    let desk = desk();
    let clear: DynamicImage = RgbaImage::from_pixel(400, 300, Rgba([9, 9, 9, 0])).into();
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let made = desk.remake(&written(&clear, format)).expect("a picture");
        assert_eq!(decoded(&made.file).to_rgba8().get_pixel(200, 150).0[3], 0, "{format:?}");
        assert_eq!(made.variants[0].extension, "webp");
        assert_eq!(decoded(&made.variants[0].file).to_rgba8().get_pixel(100, 100).0[3], 0);
    }
    let opaque: DynamicImage = RgbaImage::from_pixel(400, 300, Rgba([9, 9, 9, 255])).into();
    let made = desk.remake(&written(&opaque, ImageFormat::Png)).expect("a picture");
    assert_eq!(made.variants[0].extension, "jpg", "an alpha channel that is not used");
}

#[test]
fn colours_stay_what_they_are_in_every_size() {
    let desk = desk();
    for alpha in [255, 128] {
        let glass = RgbaImage::from_pixel(400, 300, Rgba([200, 100, 50, alpha]));
        let deep = DynamicImage::from(glass.clone()).to_rgba16();
        for image in [DynamicImage::from(glass), deep.into()] {
            let made = desk.remake(&written(&image, ImageFormat::Png)).expect("a picture");
            for file in [&made.file, &made.variants[0].file] {
                let seen = decoded(file).to_rgba8().get_pixel(100, 100).0;
                let near =
                    seen.iter().zip([200, 100, 50, alpha]).all(|(seen, real)| seen.abs_diff(real) <= 4);
                assert!(near, "{seen:?} of alpha {alpha}");
            }
        }
    }
}

#[test]
fn what_is_transparent_does_not_colour_what_is_beside_it() {
    let desk = desk();
    let cut_out =
        RgbaImage::from_fn(
            400,
            300,
            |x, _| {
                if x < 200 { Rgba([200, 0, 0, 255]) } else { Rgba([0, 200, 0, 0]) }
            },
        );
    let made = desk.remake(&written(&cut_out.into(), ImageFormat::Png)).expect("a picture");
    let small = decoded(&made.variants[0].file).to_rgba8();
    let edge: Vec<_> = small.pixels().filter(|pixel| pixel.0[3] > 0).collect();
    assert!(edge.iter().any(|pixel| pixel.0[3] < 255), "there are pixels of both");
    assert!(edge.iter().all(|pixel| pixel.0[1] == 0), "no green shows through");
    assert!(edge.iter().all(|pixel| pixel.0[3] < 128 || pixel.0[0].abs_diff(200) <= 4), "nor does red fade");
}

/// A JPEG with a note of how the camera was held, and of where.
fn photograph(orientation: u8) -> Vec<u8> {
    let jpeg = written(&flag(40, 30), ImageFormat::Jpeg);
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    exif.extend(b"41.2995 N 69.2401 E");
    let length = u16::try_from(exif.len() + 2).expect("short").to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..], b"<script>alert(1)</script>"].concat()
}

#[test]
fn a_photograph_is_turned_and_forgets_where_it_was_taken() {
    let desk = desk();
    for (orientation, size, red_at) in
        [(1, (40, 30), (5, 5)), (3, (40, 30), (35, 25)), (6, (30, 40), (5, 5)), (8, (30, 40), (25, 35))]
    {
        let made = desk.remake(&photograph(orientation)).expect("a picture");
        let image = decoded(&made.file).to_rgb8();
        assert_eq!(image.dimensions(), size, "{orientation}");
        assert!(image.get_pixel(red_at.0, red_at.1).0[0] > 150, "{orientation}");
        let whole = bytes(&made.file);
        for trace in [&b"Exif"[..], b"69.2401", b"script"] {
            assert!(!whole.windows(trace.len()).any(|part| part == trace), "{orientation}");
        }
    }
}

#[test]
fn what_comes_behind_the_picture_does_not_stay() {
    let desk = desk();
    for format in [ImageFormat::Png, ImageFormat::Gif] {
        let polyglot = [written(&flag(4, 4), format), b"<html><script>alert(1)</script>".to_vec()].concat();
        let made = desk.remake(&polyglot).expect("a picture");
        assert!(!bytes(&made.file).windows(6).any(|part| part == b"script"), "{format:?}");
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    let desk = desk();
    for bytes in [
        &b""[..],
        b"\0",
        b"<html><body>GIF89a</body></html>",
        b"GIF89a<script>alert(1)</script>",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe1\x00\x02\xff\xd9",
        b"RIFF\x04\0\0\0WEBP",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"BM\x1e\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\x01\0\x01\0\x01\0\x18\0\0\0\xff\0",
    ] {
        desk.refuse(bytes);
    }
}

#[test]
fn a_picture_that_breaks_off_is_refused() {
    let desk = desk();
    let noise: DynamicImage = RgbImage::from_fn(64, 64, |x, y| {
        let n = x.wrapping_mul(2_654_435_761).wrapping_add(y.wrapping_mul(40_503)) >> 3;
        Rgb([n.to_le_bytes()[0], n.to_le_bytes()[1], n.to_le_bytes()[2]])
    })
    .into();
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let whole = written(&noise, format);
        for part in [whole.len() / 4, whole.len() / 2, whole.len() * 9 / 10] {
            let made = desk.remake(&whole[..part]);
            assert!(matches!(made, Err(PictureError::Invalid(_))), "{format:?} cut at {part}: {made:?}");
        }
    }
}

/// A PNG that says that it is so large, and has hardly any data.
fn png_of(width: u32, height: u32) -> Vec<u8> {
    let mut png = written(&flag(1, 1), ImageFormat::Png);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let mut crc = !0_u32;
    for byte in &png[12..29] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    png[29..33].copy_from_slice(&(!crc).to_be_bytes());
    png
}

#[test]
fn pictures_of_huge_dimensions_are_refused_unseen() {
    let desk = desk();
    desk.remake(&png_of(1, 1)).expect("the helper makes pictures");
    for (width, height) in [(30_000, 30_000), (12_001, 1), (1, 12_001), (12_000, 4_000), (u32::MAX >> 1, 1)] {
        desk.refuse(&png_of(width, height));
    }
    let mut gif = written(&flag(1, 1), ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    desk.refuse(&gif);
    let mut jpeg = written(&flag(8, 8), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame header");
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    desk.refuse(&jpeg);
}

fn moving(frames: u32, side: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new_with_speed(&mut out, 30);
    encoder.set_repeat(image::codecs::gif::Repeat::Infinite).expect("a loop");
    for number in 0..frames {
        let shade = number.to_le_bytes()[0];
        let canvas = RgbaImage::from_pixel(side, side, Rgba([shade, 0, 0, 255]));
        let delay = Delay::from_numer_denom_ms(120, 1);
        encoder.encode_frame(Frame::from_parts(canvas, 0, 0, delay)).expect("a frame");
    }
    drop(encoder);
    out
}

#[test]
fn what_moves_goes_on_moving_but_not_for_ever() {
    let desk = desk();
    let made = desk.remake(&moving(5, 400)).expect("a picture");
    assert!(made.variants.is_empty(), "a still would be another picture");
    let again = GifDecoder::new(Cursor::new(bytes(&made.file))).expect("a GIF");
    assert!(matches!(again.loop_count(), LoopCount::Infinite));
    let frames = again.into_frames().collect_frames().expect("frames");
    let shades: Vec<_> = frames.iter().map(|frame| frame.buffer().get_pixel(0, 0).0[0]).collect();
    assert_eq!(shades, [0, 1, 2, 3, 4]);
    assert_eq!(frames[0].delay().numer_denom_ms(), (120, 1));

    drop(made);
    desk.refuse(&moving(501, 1));
    desk.refuse(&moving(161, 500));
}
