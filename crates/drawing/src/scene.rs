//! The floor, the light, and where the two slippers stand.

use tiny_skia::{Path, PathBuilder, Rect, Transform};

use super::canvas::{Canvas, Dice, Ink, curve};
use super::palette::Palette;
use super::{Look, Model, Pattern, PictureError, patterns, uppers};

/// Draws the whole picture.
pub(super) fn draw(look: Look, side: u32) -> Result<Canvas, PictureError> {
    let palette = look.tone.palette();
    let mut canvas = Canvas::new(side)?;
    let unit = side as f32 / 640.0;
    let mut dice = Dice::new(look.seed ^ 0x5111_99e5);
    canvas.at = Transform::from_scale(unit, unit);
    floor(&mut canvas, &palette, &mut dice)?;

    // A child's slipper looks at us; the others stand as their owner would step into them.
    let turn = if look.model == Model::Animal { 180.0 } else { 0.0 };
    let lean = dice.between(-9.0, 11.0);
    let spread = dice.between(3.0, 7.0);
    let stand = |mirror: f32| {
        let flip = if turn > 0.0 { -mirror } else { mirror };
        Transform::from_scale(flip, 1.0)
            .post_rotate(turn + mirror * spread)
            .post_scale(1.06, 1.06)
            .post_translate(mirror * 118.0, 0.0)
            .post_rotate(lean)
            .post_translate(320.0, 322.0)
            .post_scale(unit, unit)
    };
    let outline = sole(1.0)?;
    for mirror in [-1.0, 1.0] {
        canvas.at = stand(mirror);
        let ground = sole(1.05)?;
        canvas.shadow(&ground, (20.0 * unit, 27.0 * unit), 24, 0.26, None)?;
        canvas.shadow(&ground, (7.0 * unit, 10.0 * unit), 10, 0.36, None)?;
    }
    for mirror in [-1.0, 1.0] {
        canvas.at = stand(mirror);
        base(&mut canvas, &outline, look, &palette, unit)?;
        // Both slippers of a pair are alike: the same dice for the left and the right.
        uppers::draw(&mut canvas, look, &palette, unit)?;
    }
    Ok(canvas)
}

fn floor(canvas: &mut Canvas, palette: &Palette, dice: &mut Dice) -> Result<(), PictureError> {
    let all =
        Rect::from_xywh(0.0, 0.0, 640.0, 640.0).map(PathBuilder::from_rect).ok_or(PictureError::Shape)?;
    let tone = palette.floor;
    let far = tone.mix(palette.upper, 0.13).lighter(0.10);
    let near = tone.mix(palette.upper, 0.20).darker(0.05);
    canvas.fill(&all, &Ink::Along((0.0, 0.0), (0.0, 640.0), &[(0.0, far, 1.0), (1.0, near, 1.0)]), None);

    // A round mat with a thin border, a little out of the middle.
    let (x, y) = (320.0 + dice.between(-14.0, 14.0), 326.0 + dice.between(-10.0, 10.0));
    let radius = dice.between(252.0, 272.0);
    let disc = |r: f32| PathBuilder::from_circle(x, y, r).ok_or(PictureError::Shape);
    let mat = tone.lighter(0.45);
    canvas.fill(&disc(radius)?, &Ink::Flat(mat, 0.85), None);
    canvas.line(&disc(radius - 14.0)?, 2.5, &Ink::Flat(palette.upper.lighter(0.2), 0.55), None);
    canvas.stitches(&disc(radius - 24.0)?, 2.5, 1.0, 11.0, &Ink::Flat(palette.accent, 0.5));
    Ok(())
}

/// The outline of the sole, grown by a factor.
pub(super) fn sole(scale: f32) -> Result<Path, PictureError> {
    let curves = [
        [42.0, -203.0, 84.0, -152.0, 82.0, -86.0],
        [81.0, -40.0, 63.0, 0.0, 61.0, 52.0],
        [59.0, 106.0, 74.0, 200.0, 1.0, 200.0],
        [-68.0, 200.0, -59.0, 110.0, -55.0, 55.0],
        [-51.0, 5.0, -75.0, -32.0, -77.0, -92.0],
        [-79.0, -152.0, -63.0, -199.0, -18.0, -201.0],
    ];
    curve((-18.0, -201.0), &curves, true)
        .and_then(|path| path.transform(Transform::from_scale(scale, scale)))
        .ok_or(PictureError::Shape)
}

/// The sole, from the ground up to where the foot rests.
fn base(
    canvas: &mut Canvas,
    outline: &Path,
    look: Look,
    palette: &Palette,
    unit: f32,
) -> Result<(), PictureError> {
    // The wall of the sole shows on the side away from the light: the outline, pushed down in steps.
    let stand = canvas.at;
    for step in (1..=6_u8).rev() {
        let shade = 0.42 - 0.03 * f32::from(6 - step);
        canvas.at = stand.post_translate(f32::from(step) * 1.1 * unit, f32::from(step) * 1.6 * unit);
        canvas.fill(outline, &Ink::Flat(palette.sole.darker(shade), 1.0), None);
    }
    canvas.at = stand;
    let rim = [(0.0, palette.sole.lighter(0.22), 1.0), (1.0, palette.sole, 1.0)];
    canvas.fill(outline, &Ink::Along((-80.0, -200.0), (80.0, 200.0), &rim), None);
    canvas.line(outline, 1.6, &Ink::Flat(palette.sole.lighter(0.5), 0.55), None);

    let bed = sole(0.925)?;
    let light = palette.insole;
    let rest = [(0.0, light.lighter(0.18), 1.0), (0.55, light, 1.0), (1.0, light.darker(0.10), 1.0)];
    canvas.fill(&bed, &Ink::Along((-60.0, -190.0), (60.0, 190.0), &rest), None);
    let within = canvas.mask(&bed)?;
    if look.model == Model::FlipFlop && look.pattern != Pattern::Plain {
        patterns::draw(canvas, look.pattern, palette, &within, patterns::Place::Insole)?;
    }
    // The bed is hollow: darker along its edge, and where heel and ball press.
    canvas.line(&bed, 13.0, &Ink::Flat(light.darker(0.7), 0.10), Some(&within));
    canvas.line(&bed, 6.0, &Ink::Flat(light.darker(0.7), 0.14), Some(&within));
    for (x, y, radius) in [(0.0, 132.0, 62.0), (4.0, -88.0, 78.0)] {
        let hollow = [(0.0, light.darker(0.8), 0.13), (0.6, light.darker(0.8), 0.07), (1.0, light, 0.0)];
        let spot = PathBuilder::from_circle(x, y, radius).ok_or(PictureError::Shape)?;
        canvas.fill(&spot, &Ink::Around((x, y), radius, &hollow), Some(&within));
    }
    canvas.stitches(&sole(0.872)?, 1.8, 6.0, 5.0, &Ink::Flat(light.darker(0.45), 0.55));
    label(canvas, palette)
}

/// A small woven label at the heel.
fn label(canvas: &mut Canvas, palette: &Palette) -> Result<(), PictureError> {
    let oval = Rect::from_xywh(-24.0, 116.0, 48.0, 30.0)
        .and_then(PathBuilder::from_oval)
        .ok_or(PictureError::Shape)?;
    let ink = if palette.insole.brightness() > 0.6 { palette.upper.darker(0.25) } else { palette.trim };
    canvas.line(&oval, 2.0, &Ink::Flat(ink, 0.75), None);
    let toe =
        curve((-11.0, 134.0), &[[-6.0, 120.0, 6.0, 120.0, 11.0, 134.0]], false).ok_or(PictureError::Shape)?;
    canvas.line(&toe, 3.0, &Ink::Flat(ink, 0.75), None);
    let rest =
        curve((-11.0, 138.0), &[[-4.0, 139.0, 4.0, 139.0, 11.0, 138.0]], false).ok_or(PictureError::Shape)?;
    canvas.line(&rest, 2.0, &Ink::Flat(ink, 0.75), None);
    Ok(())
}
