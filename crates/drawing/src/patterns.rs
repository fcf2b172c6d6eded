//! Adornments: what is printed, woven or embroidered.

use tiny_skia::{Mask, Path, PathBuilder, Transform};

use super::canvas::{Canvas, Ink, curve};
use super::palette::Palette;
use super::{Pattern, PictureError};

/// What is adorned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The upper, in full colour.
    Upper,
    /// The insole, where feet wear it off: paler.
    Insole,
}

/// Covers what the mask leaves open.
pub(super) fn draw(
    canvas: &mut Canvas,
    pattern: Pattern,
    palette: &Palette,
    within: &Mask,
    place: Place,
) -> Result<(), PictureError> {
    let (first, second, strength) = match place {
        Place::Upper => (palette.trim, palette.accent, 0.92),
        Place::Insole => (palette.upper, palette.accent, 0.62),
    };
    let (first, second) = (Ink::Flat(first, strength), Ink::Flat(second, strength));
    let within = Some(within);
    match pattern {
        Pattern::Plain => {}
        Pattern::Stripes => {
            for (y, ink, width) in (-240..220).step_by(46).flat_map(|y: i16| {
                let y = f32::from(y);
                [(y, &first, 13.0), (y + 14.0, &second, 4.0)]
            }) {
                let arc =
                    curve((-120.0, y + 14.0), &[[-50.0, y - 20.0, 50.0, y - 20.0, 120.0, y + 14.0]], false);
                canvas.line(&arc.ok_or(PictureError::Shape)?, width, ink, within);
            }
        }
        Pattern::Dots => {
            for (x, y, odd) in grid(31.0, 27.0) {
                let dot = PathBuilder::from_circle(x, y, 5.6).ok_or(PictureError::Shape)?;
                canvas.fill(&dot, if odd { &first } else { &second }, within);
            }
        }
        Pattern::Checks => {
            let soft = |ink: &Ink<'_>, share: f32| match ink {
                Ink::Flat(rgb, alpha) => Ink::Flat(*rgb, alpha * share),
                _ => Ink::Flat(palette.trim, share),
            };
            for at in (-240..=240_i16).step_by(40).map(f32::from) {
                for path in [line((at, -240.0), (at, 240.0)), line((-120.0, at), (120.0, at))] {
                    canvas.line(&path.ok_or(PictureError::Shape)?, 15.0, &soft(&first, 0.42), within);
                }
                for path in [
                    line((at + 20.0, -240.0), (at + 20.0, 240.0)),
                    line((-120.0, at + 20.0), (120.0, at + 20.0)),
                ] {
                    canvas.line(&path.ok_or(PictureError::Shape)?, 2.6, &soft(&second, 0.8), within);
                }
            }
        }
        Pattern::Ikat => {
            for (x, y, odd) in grid(44.0, 58.0) {
                let (outer, inner) = if odd { (&first, &second) } else { (&second, &first) };
                canvas.fill(&ikat(x, y, 1.0)?, outer, within);
                canvas.fill(&ikat(x, y, 0.55)?, inner, within);
                canvas.fill(&ikat(x, y, 0.22)?, outer, within);
            }
        }
        Pattern::Suzani => {
            for (x, y, odd) in grid(62.0, 54.0) {
                let size = if odd { 1.0 } else { 0.62 };
                rosette(canvas, (x, y), size, [&first, &second], within)?;
            }
        }
        Pattern::Hearts => {
            for (x, y, odd) in grid(40.0, 36.0) {
                canvas.fill(&heart(x, y)?, if odd { &first } else { &second }, within);
            }
        }
    }
    Ok(())
}

/// A flower of eight petals inside a dotted ring, as on the embroidered cloths of Bukhara.
pub(super) fn rosette(
    canvas: &mut Canvas,
    (x, y): (f32, f32),
    size: f32,
    [petals, heart]: [&Ink<'_>; 2],
    within: Option<&Mask>,
) -> Result<(), PictureError> {
    let petal = curve(
        (0.0, -6.0),
        &[[9.0, -12.0, 7.0, -22.0, 0.0, -26.0], [-7.0, -22.0, -9.0, -12.0, 0.0, -6.0]],
        true,
    );
    let petal = petal.ok_or(PictureError::Shape)?;
    for step in 0..8_u8 {
        let turn = Transform::from_rotate(f32::from(step) * 45.0).post_scale(size, size).post_translate(x, y);
        canvas.fill(&petal.clone().transform(turn).ok_or(PictureError::Shape)?, petals, within);
        let turn =
            Transform::from_rotate(f32::from(step) * 45.0 + 22.5).post_scale(size, size).post_translate(x, y);
        let bead = PathBuilder::from_circle(0.0, -22.0, 2.3).and_then(|bead| bead.transform(turn));
        canvas.fill(&bead.ok_or(PictureError::Shape)?, heart, within);
    }
    let middle = PathBuilder::from_circle(x, y, 6.5 * size).ok_or(PictureError::Shape)?;
    canvas.fill(&middle, heart, within);
    Ok(())
}

/// The points of a grid over the sole, every other row shifted by half a step; `true` for the shifted rows.
fn grid(dx: f32, dy: f32) -> impl Iterator<Item = (f32, f32, bool)> {
    (-12..=12_i8).flat_map(move |row| {
        let odd = row.rem_euclid(2) == 1;
        let shift = if odd { dx / 2.0 } else { 0.0 };
        (-5..=5_i8).map(move |column| (f32::from(column) * dx + shift, f32::from(row) * dy - 70.0, odd))
    })
}

fn line(from: (f32, f32), to: (f32, f32)) -> Option<Path> {
    let mut path = PathBuilder::new();
    path.move_to(from.0, from.1);
    path.line_to(to.0, to.1);
    path.finish()
}

/// A lozenge with the stepped flanks of ikat silk.
fn ikat(x: f32, y: f32, size: f32) -> Result<Path, PictureError> {
    let corners: [(f32, f32); 12] = [
        (0.0, -27.0),
        (5.0, -15.0),
        (10.0, -17.0),
        (12.0, -6.0),
        (19.0, 0.0),
        (12.0, 6.0),
        (10.0, 17.0),
        (5.0, 15.0),
        (0.0, 27.0),
        (-7.0, 15.0),
        (-12.0, 6.0),
        (-19.0, 0.0),
    ];
    let mirrored = [(-12.0, -6.0), (-7.0, -15.0)];
    let mut path = PathBuilder::new();
    for (i, (cx, cy)) in corners.into_iter().chain(mirrored).enumerate() {
        let (px, py) = (x + cx * size, y + cy * size);
        if i == 0 { path.move_to(px, py) } else { path.line_to(px, py) }
    }
    path.close();
    path.finish().ok_or(PictureError::Shape)
}

fn heart(x: f32, y: f32) -> Result<Path, PictureError> {
    let right = [x + 4.0, y - 14.0, x + 15.0, y - 6.0, x, y + 9.0];
    let left = [x - 15.0, y - 6.0, x - 4.0, y - 14.0, x, y - 4.0];
    curve((x, y - 4.0), &[right, left], true).ok_or(PictureError::Shape)
}
