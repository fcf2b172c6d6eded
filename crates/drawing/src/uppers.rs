//! The upper of each model.

use tiny_skia::{Mask, Path, PathBuilder, Rect, Transform};

use super::canvas::{Canvas, Dice, Ink, Rgb, curve};
use super::palette::Palette;
use super::patterns::{self, Place};
use super::{Look, Model, Pattern, PictureError, scene};

/// Draws the upper over the sole.
pub(super) fn draw(
    canvas: &mut Canvas,
    look: Look,
    palette: &Palette,
    unit: f32,
) -> Result<(), PictureError> {
    match look.model {
        Model::Slide => slide(canvas, look, palette, unit),
        Model::FlipFlop => flip_flop(canvas, look, palette, unit),
        Model::Mule => mule(canvas, look, palette, unit),
        Model::Felt => felt(canvas, look, palette, unit),
        Model::Fluffy => fluffy(canvas, look, palette, unit),
        Model::Animal => animal(canvas, look, palette, unit),
    }
}

/// A shape's shadow on the bed of the sole.
fn cast(canvas: &mut Canvas, shape: &Path, unit: f32) -> Result<(), PictureError> {
    let bed = canvas.mask(&scene::sole(1.0)?)?;
    canvas.shadow(shape, (5.0 * unit, 13.0 * unit), 12, 0.55, Some(&bed))
}

/// Cloth over a foot: light in the middle, dark where it bends down to the sole.
fn round_off(canvas: &mut Canvas, shape: &Path, cloth: Rgb, within: &Mask) {
    let sides = [
        (0.0, cloth.darker(0.75), 0.50),
        (0.22, cloth.darker(0.6), 0.10),
        (0.40, Rgb::WHITE, 0.22),
        (0.62, Rgb::WHITE, 0.0),
        (0.80, cloth.darker(0.6), 0.12),
        (1.0, cloth.darker(0.75), 0.55),
    ];
    canvas.fill(shape, &Ink::Along((-88.0, 0.0), (90.0, 14.0), &sides), Some(within));
    canvas.line(shape, 10.0, &Ink::Flat(cloth.darker(0.8), 0.12), Some(within));
    canvas.line(shape, 4.0, &Ink::Flat(cloth.darker(0.8), 0.22), Some(within));
}

fn cloth(canvas: &mut Canvas, shape: &Path, look: Look, palette: &Palette) -> Result<Mask, PictureError> {
    let upper = palette.upper;
    let within = canvas.mask(shape)?;
    let fall = [(0.0, upper.lighter(0.10), 1.0), (0.6, upper, 1.0), (1.0, upper.darker(0.10), 1.0)];
    canvas.fill(shape, &Ink::Along((0.0, -205.0), (0.0, 30.0), &fall), None);
    patterns::draw(canvas, look.pattern, palette, &within, Place::Upper)?;
    Ok(within)
}

fn band() -> Result<Path, PictureError> {
    let curves = [
        [-44.0, -172.0, 46.0, -170.0, 84.0, -124.0],
        [93.0, -80.0, 88.0, -34.0, 75.0, 14.0],
        [38.0, -30.0, -34.0, -34.0, -69.0, 8.0],
        [-84.0, -36.0, -92.0, -84.0, -82.0, -128.0],
    ];
    curve((-82.0, -128.0), &curves, true).ok_or(PictureError::Shape)
}

/// The two free edges of a band: towards the toe, towards the heel.
fn band_edges() -> Result<[Path; 2], PictureError> {
    let front = curve((-79.0, -121.0), &[[-43.0, -163.0, 45.0, -161.0, 81.0, -116.0]], false);
    let back = curve((76.0, 4.0), &[[39.0, -39.0, -35.0, -43.0, -71.0, -2.0]], false);
    Ok([front.ok_or(PictureError::Shape)?, back.ok_or(PictureError::Shape)?])
}

fn slide(canvas: &mut Canvas, look: Look, palette: &Palette, unit: f32) -> Result<(), PictureError> {
    let band = band()?;
    cast(canvas, &band, unit)?;
    let within = cloth(canvas, &band, look, palette)?;
    round_off(canvas, &band, palette.upper, &within);
    for edge in band_edges()? {
        canvas.line(&edge, 11.0, &Ink::Flat(palette.upper.darker(0.28), 0.95), Some(&within));
        canvas.stitches(&edge, 2.0, 5.0, 5.0, &Ink::Flat(palette.trim, 0.9));
    }
    if look.pattern == Pattern::Plain {
        buckle(canvas, palette, unit)?;
    }
    Ok(())
}

/// A strap with a buckle, for a band that has no pattern to show.
fn buckle(canvas: &mut Canvas, palette: &Palette, unit: f32) -> Result<(), PictureError> {
    let strap = curve((-86.0, -58.0), &[[-40.0, -98.0, 44.0, -96.0, 88.0, -54.0]], false)
        .ok_or(PictureError::Shape)?;
    let within = canvas.mask(&band()?)?;
    canvas.line(&strap, 34.0, &Ink::Flat(palette.upper.darker(0.55), 0.35), Some(&within));
    canvas.line(&strap, 28.0, &Ink::Flat(palette.upper.darker(0.22), 1.0), Some(&within));
    canvas.stitches(&strap, 1.6, 4.0, 4.0, &Ink::Flat(palette.trim, 0.7));
    let frame =
        Rect::from_xywh(20.0, -112.0, 40.0, 46.0).map(PathBuilder::from_rect).ok_or(PictureError::Shape)?;
    let frame = frame.transform(Transform::from_rotate_at(11.0, 40.0, -89.0)).ok_or(PictureError::Shape)?;
    canvas.shadow(&frame, (2.0 * unit, 4.0 * unit), 4, 0.25, Some(&within))?;
    canvas.line(&frame, 7.0, &Ink::Flat(palette.accent.darker(0.45), 1.0), None);
    canvas.line(&frame, 4.5, &Ink::Flat(palette.accent.lighter(0.35), 1.0), None);
    let pin =
        curve((22.0, -93.0), &[[32.0, -91.0, 44.0, -88.0, 57.0, -85.0]], false).ok_or(PictureError::Shape)?;
    canvas.line(&pin, 4.5, &Ink::Flat(palette.accent.lighter(0.2), 1.0), None);
    Ok(())
}

fn flip_flop(canvas: &mut Canvas, look: Look, palette: &Palette, unit: f32) -> Result<(), PictureError> {
    let post = (-24.0, -128.0);
    let outer = curve(post, &[[22.0, -128.0, 66.0, -78.0, 72.0, 14.0]], false).ok_or(PictureError::Shape)?;
    let inner =
        curve(post, &[[-50.0, -116.0, -68.0, -66.0, -66.0, 10.0]], false).ok_or(PictureError::Shape)?;
    let pen = tiny_skia::Stroke { width: 30.0, line_cap: tiny_skia::LineCap::Round, ..Default::default() };
    for strap in [&outer, &inner] {
        let solid = strap.stroke(&pen, 1.0).ok_or(PictureError::Shape)?;
        cast(canvas, &solid, unit)?;
    }
    let strap = if palette.upper.brightness() > 0.82 { palette.upper.darker(0.12) } else { palette.upper };
    for (path, side) in [(&outer, 1.0), (&inner, -1.0)] {
        canvas.line(path, 32.0, &Ink::Flat(strap.darker(0.42), 1.0), None);
        canvas.line(path, 28.0, &Ink::Flat(strap, 1.0), None);
        let lit = path
            .clone()
            .transform(Transform::from_translate(-5.0, -4.0 * side))
            .ok_or(PictureError::Shape)?;
        canvas.line(&lit, 9.0, &Ink::Flat(Rgb::WHITE, 0.16), None);
        canvas.line(&lit, 3.5, &Ink::Flat(Rgb::WHITE, 0.28), None);
        canvas.stitches(path, 1.8, 5.0, 5.0, &Ink::Flat(palette.trim, 0.75));
    }
    let knob = PathBuilder::from_circle(post.0, post.1, 21.0).ok_or(PictureError::Shape)?;
    canvas.shadow(&knob, (3.0 * unit, 6.0 * unit), 6, 0.35, None)?;
    let dome = [(0.0, palette.accent.lighter(0.45), 1.0), (1.0, palette.accent.darker(0.12), 1.0)];
    canvas.fill(&knob, &Ink::Around((post.0 - 6.0, post.1 - 7.0), 27.0, &dome), None);
    let (petals, heart) = (Ink::Flat(palette.trim, 0.95), Ink::Flat(palette.upper, 1.0));
    if look.seed.is_multiple_of(2) {
        patterns::rosette(canvas, post, 0.7, [&petals, &heart], None)?;
    }
    Ok(())
}

/// The closed front of a mule, down to `reach` on the y axis.
fn vamp(reach: f32) -> Result<Path, PictureError> {
    let curves = [
        [-68.0, reach - 30.0, -85.0, -58.0, -84.0, -94.0],
        [-86.0, -160.0, -68.0, -209.0, -18.0, -210.0],
        [46.0, -211.0, 91.0, -156.0, 89.0, -88.0],
        [88.0, -52.0, 74.0, reach - 30.0, 70.0, reach],
        [48.0, reach - 76.0, -42.0, reach - 80.0, -63.0, reach],
    ];
    curve((-63.0, reach), &curves, true).ok_or(PictureError::Shape)
}

fn opening(reach: f32) -> Result<Path, PictureError> {
    curve((68.0, reach - 3.0), &[[47.0, reach - 76.0, -41.0, reach - 80.0, -61.0, reach - 3.0]], false)
        .ok_or(PictureError::Shape)
}

/// The toe is round in the other direction too: a soft light on it and a shade at its tip.
fn toe_light(canvas: &mut Canvas, shape: &Path, within: &Mask) {
    let light = [(0.0, Rgb::WHITE, 0.34), (0.5, Rgb::WHITE, 0.12), (1.0, Rgb::WHITE, 0.0)];
    canvas.fill(shape, &Ink::Around((-26.0, -128.0), 84.0, &light), Some(within));
    let tip = [(0.0, Rgb::BLACK, 0.22), (1.0, Rgb::BLACK, 0.0)];
    canvas.fill(shape, &Ink::Along((10.0, -212.0), (0.0, -160.0), &tip), Some(within));
}

fn mule(canvas: &mut Canvas, look: Look, palette: &Palette, unit: f32) -> Result<(), PictureError> {
    let reach = 14.0;
    let vamp = vamp(reach)?;
    cast(canvas, &vamp, unit)?;
    let within = cloth(canvas, &vamp, look, palette)?;
    round_off(canvas, &vamp, palette.upper, &within);
    toe_light(canvas, &vamp, &within);
    let edge = opening(reach)?;
    canvas.line(&edge, 17.0, &Ink::Flat(palette.upper.darker(0.5), 1.0), None);
    canvas.line(&edge, 13.0, &Ink::Flat(palette.trim.darker(0.06), 1.0), None);
    canvas.line(&edge, 3.0, &Ink::Flat(Rgb::WHITE, 0.35), None);
    if look.pattern == Pattern::Plain {
        let (petals, heart) = (Ink::Flat(palette.trim, 0.95), Ink::Flat(palette.accent, 1.0));
        patterns::rosette(canvas, (2.0, -112.0), 1.5, [&petals, &heart], Some(&within))?;
    }
    Ok(())
}

fn felt(canvas: &mut Canvas, look: Look, palette: &Palette, unit: f32) -> Result<(), PictureError> {
    let reach = 40.0;
    let vamp = vamp(reach)?;
    cast(canvas, &vamp, unit)?;
    let plain = Look { pattern: Pattern::Plain, ..look };
    let within = cloth(canvas, &vamp, plain, palette)?;
    // Felt is a tangle of short fibres.
    let mut dice = Dice::new(look.seed ^ 0xfe17);
    for i in 0..420_u16 {
        let (x, y) = (dice.between(-88.0, 90.0), dice.between(-210.0, 30.0));
        let (dx, dy) = (dice.between(-9.0, 9.0), dice.between(-9.0, 9.0));
        let fibre = curve((x, y), &[[x + dx, y, x + dx, y + dy, x + 2.0 * dx, y + dy]], false);
        let ink = if i.is_multiple_of(2) { palette.upper.lighter(0.4) } else { palette.upper.darker(0.4) };
        canvas.line(&fibre.ok_or(PictureError::Shape)?, 1.5, &Ink::Flat(ink, 0.30), Some(&within));
    }
    round_off(canvas, &vamp, palette.upper, &within);
    toe_light(canvas, &vamp, &within);
    let (petals, heart) = (Ink::Flat(palette.trim, 0.95), Ink::Flat(palette.accent, 1.0));
    if look.pattern != Pattern::Plain {
        for (x, y, size) in [(0.0, -116.0, 1.45), (-46.0, -72.0, 0.72), (48.0, -68.0, 0.72)] {
            patterns::rosette(canvas, (x, y), size, [&petals, &heart], Some(&within))?;
        }
    }
    // The rolled collar and the seam by hand.
    let edge = opening(reach)?;
    let roll = palette.insole;
    canvas.line(&edge, 30.0, &Ink::Flat(palette.upper.darker(0.6), 0.85), None);
    canvas.line(&edge, 26.0, &Ink::Flat(roll.darker(0.12), 1.0), None);
    canvas.line(&edge, 17.0, &Ink::Flat(roll.lighter(0.1), 1.0), None);
    canvas.line(&edge, 6.0, &Ink::Flat(Rgb::WHITE, 0.4), None);
    canvas.stitches(&edge, 3.2, 8.0, 11.0, &Ink::Flat(palette.accent, 0.95));
    Ok(())
}

fn fluffy(canvas: &mut Canvas, look: Look, palette: &Palette, unit: f32) -> Result<(), PictureError> {
    let band = band()?;
    cast(canvas, &band, unit)?;
    let upper = palette.upper;
    canvas.fill(&band, &Ink::Flat(upper.darker(0.22), 1.0), None);
    let mut dice = Dice::new(look.seed ^ 0xf1ff);
    // Locks of hair from the heel's edge to the toe's, each row over the one before, all of them a little astray.
    for row in 0..22_u8 {
        let depth = f32::from(row) / 21.0;
        for column in 0..44_u8 {
            let across = f32::from(column) / 43.0 * 2.0 - 1.0 + dice.between(-0.04, 0.04);
            let (x, bulge) = (across * 79.0, (1.0 - across * across) * 38.0);
            let y = 4.0 - depth * 122.0 - bulge + dice.between(-6.0, 6.0);
            let (dx, dy) = (across * 7.0 + dice.between(-8.0, 8.0), dice.between(-20.0, -8.0));
            let lock =
                curve((x, y + 7.0), &[[x - dx * 0.3, y, x + dx * 0.4, y + dy * 0.8, x + dx, y + dy]], false);
            let side = across * across * 0.34;
            let shade = dice.between(-0.10, 0.30) - side + (1.0 - across.abs()) * 0.16;
            let ink = if shade > 0.0 { upper.lighter(shade) } else { upper.darker(-shade) };
            canvas.line(
                &lock.ok_or(PictureError::Shape)?,
                dice.between(3.0, 5.4),
                &Ink::Flat(ink, 0.6),
                None,
            );
        }
    }
    if look.pattern != Pattern::Plain {
        let pearl = |canvas: &mut Canvas, x: f32, y: f32, size: f32| -> Result<(), PictureError> {
            let bead = PathBuilder::from_circle(x, y, size).ok_or(PictureError::Shape)?;
            canvas.shadow(&bead, (2.0 * unit, 4.0 * unit), 4, 0.4, None)?;
            let gloss = [(0.0, Rgb::WHITE, 1.0), (1.0, palette.accent.lighter(0.25), 1.0)];
            canvas.fill(&bead, &Ink::Around((x - size * 0.3, y - size * 0.35), size * 1.2, &gloss), None);
            Ok(())
        };
        for (x, y, size) in [(-32.0, -92.0, 6.5), (0.0, -104.0, 9.0), (32.0, -91.0, 6.5)] {
            pearl(canvas, x, y, size)?;
        }
    }
    Ok(())
}

/// In this model's own space the slipper is turned: its toe, the animal's chin, shows down.
fn animal(canvas: &mut Canvas, look: Look, palette: &Palette, unit: f32) -> Result<(), PictureError> {
    let reach = 30.0;
    let vamp = vamp(reach)?;
    let kind = Dice::new(look.seed ^ 0xface).below(3);
    let fur = palette.upper;
    cast(canvas, &vamp, unit)?;
    let plain = Look { pattern: Pattern::Plain, ..look };
    let within = cloth(canvas, &vamp, plain, palette)?;
    round_off(canvas, &vamp, fur, &within);
    toe_light(canvas, &vamp, &within);
    let edge = opening(reach)?;
    canvas.line(&edge, 20.0, &Ink::Flat(fur.darker(0.5), 0.9), None);
    canvas.line(&edge, 16.0, &Ink::Flat(palette.trim, 1.0), None);
    for side in [-1.0, 1.0] {
        let at = canvas.at;
        let mirror = Transform::from_scale(side, 1.0).post_translate(2.0, 0.0);
        canvas.at = at.pre_concat(mirror);
        ear(canvas, kind, palette, unit)?;
        face_half(canvas, kind, palette)?;
        canvas.at = at;
    }
    face_middle(canvas, kind, palette)
}

fn ear(canvas: &mut Canvas, kind: u64, palette: &Palette, unit: f32) -> Result<(), PictureError> {
    let fur = palette.upper;
    let (outer, inner) = match kind {
        0 => (
            curve(
                (20.0, -38.0),
                &[
                    [4.0, 20.0, 24.0, 96.0, 50.0, 98.0],
                    [74.0, 92.0, 76.0, 16.0, 58.0, -44.0],
                    [50.0, -66.0, 24.0, -62.0, 20.0, -38.0],
                ],
                true,
            ),
            curve(
                (32.0, -18.0),
                &[
                    [20.0, 24.0, 34.0, 80.0, 49.0, 82.0],
                    [62.0, 76.0, 62.0, 20.0, 52.0, -20.0],
                    [48.0, -34.0, 34.0, -32.0, 32.0, -18.0],
                ],
                true,
            ),
        ),
        1 => (PathBuilder::from_circle(58.0, -14.0, 32.0), PathBuilder::from_circle(58.0, -12.0, 19.0)),
        _ => (
            curve(
                (20.0, -42.0),
                &[
                    [30.0, -10.0, 52.0, 34.0, 68.0, 42.0],
                    [80.0, 14.0, 86.0, -30.0, 82.0, -62.0],
                    [68.0, -78.0, 30.0, -66.0, 20.0, -42.0],
                ],
                true,
            ),
            curve(
                (36.0, -36.0),
                &[
                    [42.0, -14.0, 54.0, 12.0, 64.0, 20.0],
                    [70.0, 2.0, 74.0, -28.0, 72.0, -46.0],
                    [64.0, -56.0, 44.0, -52.0, 36.0, -36.0],
                ],
                true,
            ),
        ),
    };
    let (outer, inner) = (outer.ok_or(PictureError::Shape)?, inner.ok_or(PictureError::Shape)?);
    canvas.shadow(&outer, (4.0 * unit, 8.0 * unit), 10, 0.40, None)?;
    let soft = [(0.0, fur.darker(0.16), 1.0), (1.0, fur.lighter(0.12), 1.0)];
    canvas.fill(&outer, &Ink::Along((40.0, -50.0), (50.0, 70.0), &soft), None);
    canvas.line(&outer, 2.2, &Ink::Flat(fur.darker(0.45), 0.55), None);
    canvas.fill(&inner, &Ink::Flat(palette.trim.mix(Rgb::hex(0xF2_A0_A8), 0.45), 1.0), None);
    Ok(())
}

fn face_half(canvas: &mut Canvas, kind: u64, palette: &Palette) -> Result<(), PictureError> {
    let dark = Rgb::hex(0x2B_22_26);
    let oval = |x: f32, y: f32, w: f32, h: f32| {
        Rect::from_xywh(x - w, y - h, 2.0 * w, 2.0 * h)
            .and_then(PathBuilder::from_oval)
            .ok_or(PictureError::Shape)
    };
    canvas.fill(&oval(34.0, -104.0, 10.5, 12.0)?, &Ink::Flat(dark, 1.0), None);
    canvas.fill(&oval(31.0, -100.0, 3.6, 4.0)?, &Ink::Flat(Rgb::WHITE, 0.95), None);
    canvas.fill(&oval(52.0, -130.0, 13.0, 8.5)?, &Ink::Flat(Rgb::hex(0xF0_7F_8C), 0.50), None);
    if kind != 1 {
        for end in [-132.0, -146.0, -160.0] {
            let hair = curve((26.0, -146.0), &[[40.0, -146.0, 52.0, end - 2.0, 68.0, end]], false);
            canvas.line(
                &hair.ok_or(PictureError::Shape)?,
                2.0,
                &Ink::Flat(palette.upper.darker(0.6), 0.6),
                None,
            );
        }
    }
    Ok(())
}

fn face_middle(canvas: &mut Canvas, kind: u64, palette: &Palette) -> Result<(), PictureError> {
    let dark = Rgb::hex(0x2B_22_26);
    let muzzle = Rect::from_xywh(-28.0, -176.0, 60.0, 46.0).and_then(PathBuilder::from_oval);
    let pale = if palette.upper.brightness() > 0.75 { Rgb::WHITE } else { palette.trim };
    canvas.fill(&muzzle.ok_or(PictureError::Shape)?, &Ink::Flat(pale, 0.92), None);
    let nose = curve(
        (-8.0, -142.0),
        &[
            [-4.0, -138.0, 8.0, -138.0, 12.0, -142.0],
            [14.0, -150.0, 6.0, -155.0, 2.0, -156.0],
            [-2.0, -155.0, -10.0, -150.0, -8.0, -142.0],
        ],
        true,
    );
    let tint = if kind == 1 { dark } else { Rgb::hex(0xE0_6C_7C) };
    canvas.fill(&nose.ok_or(PictureError::Shape)?, &Ink::Flat(tint, 1.0), None);
    let smile = curve(
        (-12.0, -161.0),
        &[[-8.0, -170.0, 0.0, -168.0, 2.0, -158.0], [4.0, -168.0, 12.0, -170.0, 16.0, -161.0]],
        false,
    );
    canvas.line(&smile.ok_or(PictureError::Shape)?, 2.8, &Ink::Flat(dark, 0.9), None);
    Ok(())
}
