//! What the drawings are made with: colours, inks, a canvas and soft shadows.

use tiny_skia::{
    BlendMode, Color, FillRule, FilterQuality, GradientStop, LineCap, LineJoin, LinearGradient, Mask, Paint,
    Path, PathBuilder, Pixmap, PixmapPaint, Point, RadialGradient, Rect, Shader, SpreadMode, Stroke,
    StrokeDash, Transform,
};

use super::{PictureError, encode};

/// An opaque colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rgb(pub(super) f32, pub(super) f32, pub(super) f32);

impl Rgb {
    pub(super) const WHITE: Self = Self(1.0, 1.0, 1.0);
    pub(super) const BLACK: Self = Self(0.0, 0.0, 0.0);

    /// The colour of this web notation, `0xRRGGBB`.
    pub(super) fn hex(rgb: u32) -> Self {
        let [_, r, g, b] = rgb.to_be_bytes().map(|byte| f32::from(byte) / 255.0);
        Self(r, g, b)
    }

    /// This colour with `share` (0 to 1) of another one.
    pub(super) fn mix(self, other: Self, share: f32) -> Self {
        let part = |a: f32, b: f32| a + (b - a) * share;
        Self(part(self.0, other.0), part(self.1, other.1), part(self.2, other.2))
    }

    /// Closer to white by `share`.
    pub(super) fn lighter(self, share: f32) -> Self {
        self.mix(Self::WHITE, share)
    }

    /// Closer to a warm black by `share`.
    pub(super) fn darker(self, share: f32) -> Self {
        self.mix(Self(0.09, 0.06, 0.08), share)
    }

    /// How bright the eye sees it, 0 to 1.
    pub(super) fn brightness(self) -> f32 {
        0.299 * self.0 + 0.587 * self.1 + 0.114 * self.2
    }

    fn color(self, alpha: f32) -> Color {
        let unit = |part: f32| part.clamp(0.0, 1.0);
        Color::from_rgba(unit(self.0), unit(self.1), unit(self.2), unit(alpha)).unwrap_or(Color::BLACK)
    }
}

/// One stop of a gradient: place (0 to 1), colour, opacity (0 to 1).
pub(super) type Stop = (f32, Rgb, f32);

/// What a shape is filled or drawn with.
pub(super) enum Ink<'a> {
    /// One colour of this opacity.
    Flat(Rgb, f32),
    /// From one point to another.
    Along((f32, f32), (f32, f32), &'a [Stop]),
    /// From a point outwards to a radius.
    Around((f32, f32), f32, &'a [Stop]),
}

impl Ink<'_> {
    fn paint(&self) -> Paint<'static> {
        let stops = |stops: &[Stop]| -> Vec<GradientStop> {
            stops.iter().map(|(at, rgb, alpha)| GradientStop::new(*at, rgb.color(*alpha))).collect()
        };
        let point = |(x, y): (f32, f32)| Point::from_xy(x, y);
        let shader = match *self {
            Self::Flat(rgb, alpha) => Some(Shader::SolidColor(rgb.color(alpha))),
            Self::Along(from, to, at) => {
                LinearGradient::new(point(from), point(to), stops(at), SpreadMode::Pad, Transform::identity())
            }
            Self::Around(centre, radius, at) => RadialGradient::new(
                point(centre),
                0.0,
                point(centre),
                radius,
                stops(at),
                SpreadMode::Pad,
                Transform::identity(),
            ),
        };
        Paint {
            shader: shader.unwrap_or(Shader::SolidColor(Color::TRANSPARENT)),
            blend_mode: BlendMode::SourceOver,
            anti_alias: true,
            ..Paint::default()
        }
    }
}

/// A sheet that shapes are laid on, one over the other. Shapes are given in the space of `at`.
pub(super) struct Canvas {
    pixmap: Pixmap,
    /// From the space of the shapes to the sheet.
    pub(super) at: Transform,
}

impl Canvas {
    /// An empty sheet of `side` times `side` pixels.
    pub(super) fn new(side: u32) -> Result<Self, PictureError> {
        let pixmap = Pixmap::new(side, side).ok_or(PictureError::Size)?;
        Ok(Self { pixmap, at: Transform::identity() })
    }

    pub(super) fn side(&self) -> u32 {
        self.pixmap.width()
    }

    pub(super) fn fill(&mut self, shape: &Path, ink: &Ink<'_>, within: Option<&Mask>) {
        self.pixmap.fill_path(shape, &ink.paint(), FillRule::Winding, self.at, within);
    }

    pub(super) fn line(&mut self, shape: &Path, width: f32, ink: &Ink<'_>, within: Option<&Mask>) {
        let pen = Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        self.pixmap.stroke_path(shape, &ink.paint(), &pen, self.at, within);
    }

    /// A line of stitches, each `length` long with as long a gap as `gap`.
    pub(super) fn stitches(&mut self, shape: &Path, width: f32, length: f32, gap: f32, ink: &Ink<'_>) {
        let pen = Stroke {
            width,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            dash: StrokeDash::new(vec![length, gap], 0.0),
            ..Stroke::default()
        };
        self.pixmap.stroke_path(shape, &ink.paint(), &pen, self.at, None);
    }

    /// The part of the sheet that a shape covers.
    pub(super) fn mask(&self, shape: &Path) -> Result<Mask, PictureError> {
        let mut mask = Mask::new(self.side(), self.side()).ok_or(PictureError::Size)?;
        mask.fill_path(shape, FillRule::Winding, true, self.at);
        Ok(mask)
    }

    /// Lays the soft shadow of a shape: moved by (`dx`, `dy`) pixels of the sheet, blurred by about `blur` pixels.
    pub(super) fn shadow(
        &mut self,
        shape: &Path,
        (dx, dy): (f32, f32),
        blur: u32,
        opacity: f32,
        within: Option<&Mask>,
    ) -> Result<(), PictureError> {
        // A blurred picture has no detail: a quarter of the size is enough and sixteen times faster. And it is as
        // large as the shadow, not as the sheet: drawing shadows is most of the work.
        const SHRINK: u32 = 4;
        let scale = 1.0 / SHRINK as f32;
        let at = self.at.post_translate(dx, dy).post_scale(scale, scale);
        let small = shape.clone().transform(at).ok_or(PictureError::Shape)?;
        let radius = (blur / SHRINK).max(1);
        let margin = (3 * radius + 1) as f32;
        let area = small.bounds();
        let (left, top) = ((area.left() - margin).floor(), (area.top() - margin).floor());
        let reach = |length: f32| (length + 2.0 * margin).ceil() + 1.0;
        let area = Rect::from_xywh(0.0, 0.0, reach(area.width()), reach(area.height()));
        let size = area.and_then(|area| area.round_out()).ok_or(PictureError::Size)?.size();
        let mut shade = Mask::new(size.width(), size.height()).ok_or(PictureError::Size)?;
        shade.fill_path(&small, FillRule::Winding, true, Transform::from_translate(-left, -top));
        let (width, height) = (size.width() as usize, size.height() as usize);
        for _ in 0..3 {
            blur_lines(shade.data_mut(), radius as usize, (height, width), (width, 1));
            blur_lines(shade.data_mut(), radius as usize, (width, height), (1, width));
        }
        let mut dark = Pixmap::new(size.width(), size.height()).ok_or(PictureError::Size)?;
        dark.fill(Rgb::BLACK.color(opacity));
        dark.apply_mask(&shade);
        let paint = PixmapPaint { quality: FilterQuality::Bilinear, ..PixmapPaint::default() };
        let grow = Transform::from_translate(left, top).post_scale(SHRINK as f32, SHRINK as f32);
        self.pixmap.draw_pixmap(0, 0, dark.as_ref(), &paint, grow, within);
        Ok(())
    }

    /// The sheet as a PNG file.
    pub(super) fn png(&self) -> Result<Vec<u8>, PictureError> {
        encode::png(&self.pixmap)
    }
}

/// One box blur along each of `lines` lines of `length` pixels: `across` pixels lead from line to line, `step` along.
fn blur_lines(
    image: &mut [u8],
    radius: usize,
    (lines, length): (usize, usize),
    (across, step): (usize, usize),
) {
    let mut line = vec![0; length];
    let window = u32::try_from(2 * radius + 1).unwrap_or(u32::MAX);
    for start in (0..lines).map(|line| line * across) {
        for (i, value) in line.iter_mut().enumerate() {
            *value = u32::from(image[start + i * step]);
        }
        let mut sum: u32 = line.iter().take(radius).sum();
        for i in 0..length {
            sum += line.get(i + radius).copied().unwrap_or(0);
            if i > radius {
                sum -= line[i - radius - 1];
            }
            image[start + i * step] = u8::try_from(sum / window).unwrap_or(u8::MAX);
        }
    }
}

/// A shape of one closed or open line: the start, then cubic curves (two control points and an end).
pub(super) fn curve(start: (f32, f32), curves: &[[f32; 6]], closed: bool) -> Option<Path> {
    let mut line = PathBuilder::new();
    line.move_to(start.0, start.1);
    for [x1, y1, x2, y2, x, y] in curves {
        line.cubic_to(*x1, *y1, *x2, *y2, *x, *y);
    }
    if closed {
        line.close();
    }
    line.finish()
}

/// A small deterministic source of variety: the same seed gives the same numbers on every machine.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The numbers of this seed, from the first.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits (Sebastiano Vigna's splitmix64).
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which must not be 0; the bias of a remainder does not matter here.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end.max(1)
    }

    /// One of the things.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.below(things.len() as u64)).unwrap_or(0);
        things.get(at)
    }

    /// A number from `low` to `high`.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        let unit = f32::from(u16::try_from(self.bits() >> 48).unwrap_or(0)) / f32::from(u16::MAX);
        low + (high - low) * unit
    }
}
