//! A picture made anew: decoded within limits, turned as its camera was held, and written without anything else that
//! came in its file.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write};
use std::path::Path;

use fast_image_resize::images::{Image, TypedImage};
use fast_image_resize::pixels::{U8x3, U8x4};
use fast_image_resize::{MulDiv, PixelTrait, PixelType, ResizeOptions, Resizer};
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::metadata::{LoopCount, Orientation};
use image::{
    AnimationDecoder as _, DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder as _, ImageFormat,
    ImageReader, Limits,
};

use super::temporary::Temporary;

/// The longest side of a picture.
const MAX_SIDE: u32 = 12_000;
/// The most pixels of a picture: more than today's telephones take. Of a moving one, all its frames count.
const MAX_PIXELS: u64 = 32_000_000;
/// The most pixels of a GIF's canvas, of which a few are in memory at a time.
const MAX_CANVAS: u64 = 16_000_000;
const MAX_FRAMES: u64 = 500;
/// What the work on a picture may hold, so that the whole shop stays below 300 MiB with bombs of JSON and hashes beside it
/// (`script/measure-bombs`: at 232 MiB it came to 320): [`MAX_PIXELS`] of three bytes, twice.
/// Whether a picture is turned, written as WebP, or hard to pack, there are never more than two copies of it at once.
const ROOM_BYTES: u64 = 184 * 1024 * 1024;
const COPIES: u64 = 2;
/// Of sixteen bits a channel, which become eight.
const COPIES_OF_DEEP: u64 = 3;
/// The decoder of a progressive JPEG keeps its coefficients, of two bytes each, until the last scan.
const COPIES_OF_PROGRESSIVE: u64 = 4;
/// How wide the smaller ones are.
const WIDTHS: [u32; 2] = [320, 800];
const JPEG_QUALITY: u8 = 90;
const SMALL_JPEG_QUALITY: u8 = 80;
/// From 1, the slowest, to 30; it matters only where there are more than 256 colours.
const GIF_SPEED: i32 = 10;

/// Why there is no new picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// It is no picture that the shop takes.
    #[error("no picture: {0}")]
    Invalid(String),
    /// The disk failed.
    #[error("the disk failed: {0}")]
    Disk(#[from] io::Error),
}

fn invalid(cause: impl ToString) -> PictureError {
    PictureError::Invalid(cause.to_string())
}

/// A picture and its smaller ones, on the disk for good but for their names.
#[derive(Debug)]
pub struct Remade {
    /// The whole picture, in the format that it came in.
    pub file: Temporary,
    /// Smaller ones, the narrowest first.
    pub variants: Vec<SmallOne>,
}

/// A picture made smaller.
#[derive(Debug)]
pub struct SmallOne {
    /// In pixels.
    pub width: u32,
    /// The ending of its name: `jpg` or `webp`.
    pub extension: &'static str,
    /// The picture.
    pub file: Temporary,
}

/// Makes the picture in `source` anew, beside it, in its own format; and the smaller ones of it that are really smaller.
/// A picture that moves has none: a still would be another picture. Blocks, and computes.
///
/// # Errors
/// [`PictureError::Invalid`] for what is no JPEG, PNG, WebP or GIF, is broken, or is too large: 12,000 pixels a side and 32 million in all
/// are the most, 16 million and 500 frames of a GIF, less where a pixel takes more room while it is read. [`PictureError::Disk`]
/// where a file can't be read or written. What was written till then is deleted.
pub fn remake(source: &Path) -> Result<Remade, PictureError> {
    let reader = ImageReader::new(BufReader::new(File::open(source)?)).with_guessed_format()?;
    let (file, mut out) = beside(source, "whole")?;
    let image = match reader.format() {
        Some(ImageFormat::Gif) => remake_gif(reader.into_inner(), &mut out)?,
        Some(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => {
            let copies = match format {
                ImageFormat::Jpeg => {
                    copies_of_jpeg(source)?.ok_or_else(|| invalid("a JPEG without an end"))?
                }
                _ => COPIES,
            };
            let image = decode(reader, copies)?;
            encode(&image, format, &mut out)?;
            Some(image)
        }
        _ => return Err(invalid("not of a format that the shop takes")),
    };
    finish(out)?;
    let variants = image.map(|image| make_smaller(image, source)).transpose()?.unwrap_or_default();
    Ok(Remade { file, variants })
}

fn beside(source: &Path, what: &str) -> io::Result<(Temporary, BufWriter<File>)> {
    let (file, out) = Temporary::create(source.with_extension(what))?;
    Ok((file, BufWriter::new(out)))
}

/// After this the bytes survive a loss of power.
fn finish(out: BufWriter<File>) -> io::Result<()> {
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn check_size((width, height): (u32, u32), max_pixels: u64) -> Result<u64, PictureError> {
    let pixels = u64::from(width) * u64::from(height);
    if width > MAX_SIDE || height > MAX_SIDE || pixels > max_pixels || pixels == 0 {
        return Err(invalid(format!("{width} x {height} pixels")));
    }
    Ok(pixels)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(ROOM_BYTES / COPIES);
    limits
}

fn decode(mut reader: ImageReader<BufReader<File>>, copies: u64) -> Result<DynamicImage, PictureError> {
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(invalid)?;
    check_size(decoder.dimensions(), MAX_PIXELS)?;
    let kind = decoder.color_type();
    let is_deep = kind.bits_per_pixel() > 8 * u16::from(kind.channel_count());
    let copies = if is_deep { COPIES_OF_DEEP } else { copies };
    if decoder.total_bytes() > ROOM_BYTES / copies {
        return Err(invalid("too many bytes a pixel"));
    }
    // What is wrong with the notes of a camera is no reason to refuse its picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(invalid)?;
    image.apply_orientation(orientation);
    Ok(image)
}

fn encode(image: &DynamicImage, format: ImageFormat, out: &mut impl Write) -> Result<(), PictureError> {
    let written = match format {
        ImageFormat::Jpeg => match image {
            DynamicImage::ImageLuma8(_) | DynamicImage::ImageRgb8(_) => {
                JpegEncoder::new_with_quality(out, JPEG_QUALITY).encode_image(image)
            }
            other => JpegEncoder::new_with_quality(out, JPEG_QUALITY).encode_image(&other.to_rgb8()),
        },
        ImageFormat::Png => image.write_with_encoder(PngEncoder::new(out)),
        _ => image.write_with_encoder(WebPEncoder::new_lossless(out)),
    };
    written.map_err(not_written)
}

fn not_written(error: image::ImageError) -> PictureError {
    match error {
        image::ImageError::IoError(error) => PictureError::Disk(error),
        other => invalid(other),
    }
}

/// Frame by frame, so that only a few are in memory. Answers the picture if it is a still one.
fn remake_gif(source: BufReader<File>, out: &mut impl Write) -> Result<Option<DynamicImage>, PictureError> {
    let mut decoder = GifDecoder::new(source).map_err(invalid)?;
    let pixels = check_size(decoder.dimensions(), MAX_CANVAS)?;
    decoder.set_limits(limits()).map_err(invalid)?;
    let narrow = |side: u32| u16::try_from(side).map_err(invalid);
    let (width, height) = (narrow(decoder.dimensions().0)?, narrow(decoder.dimensions().1)?);
    let repeat = match decoder.loop_count() {
        LoopCount::Infinite => gif::Repeat::Infinite,
        LoopCount::Finite(count) => gif::Repeat::Finite(u16::try_from(count.get()).unwrap_or(u16::MAX)),
    };
    let told = |error: gif::EncodingError| match error {
        gif::EncodingError::Io(error) => PictureError::Disk(error),
        other => invalid(other),
    };
    let mut encoder = gif::Encoder::new(out, width, height, &[]).map_err(told)?;
    let max_frames = MAX_FRAMES.min(MAX_PIXELS / pixels);
    let mut still = None;
    let mut count = 0;
    for frame in decoder.into_frames() {
        let frame = frame.map_err(invalid)?;
        count += 1;
        if count > max_frames {
            return Err(invalid("too many frames"));
        }
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        let mut pixels = frame.into_buffer();
        let mut made = gif::Frame::from_rgba_speed(width, height, &mut pixels, GIF_SPEED);
        made.delay = u16::try_from(numerator / denominator.max(1) / 10).unwrap_or(u16::MAX);
        // Each frame is a whole one: nothing of the one before may show through.
        made.dispose = gif::DisposalMethod::Background;
        if count == 2 {
            encoder.set_repeat(repeat).map_err(told)?;
        }
        encoder.write_frame(&made).map_err(told)?;
        still = (count == 1).then_some(DynamicImage::ImageRgba8(pixels));
    }
    if count == 0 {
        return Err(invalid("a GIF without a frame"));
    }
    drop(encoder);
    Ok(still)
}

/// The marker of a progressive JPEG's header.
const PROGRESSIVE: u8 = 0xc2;

/// How many copies of the picture in a JPEG file there will be at once; `None` when it does not come to its end: the
/// decoder would fill up what is missing with grey.
fn copies_of_jpeg(source: &Path) -> io::Result<Option<u64>> {
    let mut bytes = Vec::new();
    File::open(source)?.read_to_end(&mut bytes)?;
    // Segments with their lengths up to the scan; in a scan, 0xFF is always followed by a zero or a marker.
    let mut at = 2;
    let mut copies = COPIES;
    loop {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(0xff), Some(0xff)) => at += 1,
            (Some(0xff), Some(0xda)) => {
                return Ok(bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]).then_some(copies));
            }
            (Some(0xff), Some(0x01 | 0xd0..=0xd8)) => at += 2,
            (Some(0xff), Some(marker)) => match (bytes.get(at + 2), bytes.get(at + 3)) {
                (Some(high), Some(low)) => {
                    if *marker == PROGRESSIVE {
                        copies = COPIES_OF_PROGRESSIVE;
                    }
                    at += 2 + usize::from(u16::from_be_bytes([*high, *low]));
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        }
    }
}

/// JPEG where nothing is transparent, else WebP without loss: the smallest that every browser shows.
fn make_smaller(image: DynamicImage, source: &Path) -> Result<Vec<SmallOne>, PictureError> {
    let (width, height) = (image.width(), image.height());
    let widths: Vec<u32> = WIDTHS.into_iter().filter(|narrower| *narrower < width).collect();
    if widths.is_empty() {
        return Ok(Vec::new());
    }
    // Nothing in here makes a second copy of the whole picture: it may be as large as there is room for.
    let (mut pixels, kind) = match image.color().has_alpha() {
        true => (image.into_rgba8().into_raw(), PixelType::U8x4),
        false => (image.into_rgb8().into_raw(), PixelType::U8x3),
    };
    let is_transparent =
        kind == PixelType::U8x4 && pixels.iter().skip(3).step_by(4).any(|alpha| *alpha < u8::MAX);
    let mut whole = Image::from_slice_u8(width, height, &mut pixels, kind).map_err(invalid)?;
    if is_transparent {
        MulDiv::new().multiply_alpha_inplace_typed(&mut typed::<U8x4>(&mut whole)?).map_err(invalid)?;
    }
    let shrink = if kind == PixelType::U8x4 { shrink::<U8x4> } else { shrink::<U8x3> };
    let mut resizer = Resizer::new();
    let mut made = Vec::new();
    for narrower in widths {
        let proportional = u64::from(height) * u64::from(narrower) / u64::from(width);
        let lower = u32::try_from(proportional).map_err(invalid)?.max(1);
        let mut small = Image::new(narrower, lower, kind);
        shrink(&mut resizer, &whole, &mut small)?;
        if is_transparent {
            MulDiv::new().divide_alpha_inplace_typed(&mut typed::<U8x4>(&mut small)?).map_err(invalid)?;
        }
        let (file, out) = beside(source, &narrower.to_string())?;
        let extension = encode_small(&small, is_transparent, out)?;
        made.push(SmallOne { width: narrower, extension, file });
    }
    Ok(made)
}

/// For the kind of pixels that is told: `Resizer::resize`, which looks for itself, is compiled for all thirteen.
fn shrink<P: PixelTrait>(
    resizer: &mut Resizer,
    whole: &Image<'_>,
    small: &mut Image<'_>,
) -> Result<(), PictureError> {
    let whole = whole.typed_image::<P>().ok_or_else(other_pixels)?;
    let options = ResizeOptions::new().use_alpha(false);
    resizer.resize_typed(&whole, &mut typed::<P>(small)?, &options).map_err(invalid)
}

fn typed<'i, P: PixelTrait>(image: &'i mut Image<'_>) -> Result<TypedImage<'i, P>, PictureError> {
    image.typed_image_mut().ok_or_else(other_pixels)
}

fn other_pixels() -> PictureError {
    invalid("other pixels than were read")
}

/// Answers the ending of its name.
fn encode_small(
    small: &Image<'_>,
    is_transparent: bool,
    mut out: BufWriter<File>,
) -> Result<&'static str, PictureError> {
    let (width, height) = (small.width(), small.height());
    let extension = if is_transparent {
        let encoder = WebPEncoder::new_lossless(&mut out);
        encoder.write_image(small.buffer(), width, height, ExtendedColorType::Rgba8).map_err(not_written)?;
        "webp"
    } else {
        let mut rgb = small.buffer().to_vec();
        if small.pixel_type() == PixelType::U8x4 {
            rgb = rgb.chunks_exact(4).flat_map(|pixel| pixel.iter().take(3)).copied().collect();
        }
        let encoder = JpegEncoder::new_with_quality(&mut out, SMALL_JPEG_QUALITY);
        encoder.write_image(&rgb, width, height, ExtendedColorType::Rgb8).map_err(not_written)?;
        "jpg"
    };
    finish(out)?;
    Ok(extension)
}

#[cfg(test)]
mod tests;
