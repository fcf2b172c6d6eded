//! Pictures of slippers, drawn by the program itself: a shop can be tried out without a photographer. It knows colours and shapes
//! alone; which product has which picture is decided in `slippers`.
//!
//! A pair is seen from above. Every shape is given in the space of the right slipper: the toe up, the origin in the
//! middle of the sole, 400 units from toe to heel; the left one is its mirror image.

#![forbid(unsafe_code)]

mod canvas;
mod encode;
mod palette;
mod patterns;
mod scene;
mod uppers;

use thiserror::Error;

pub use canvas::Dice;
pub use palette::Tone;

/// How a slipper is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// One broad band across the foot.
    Slide,
    /// Two straps that meet between the toes.
    FlipFlop,
    /// Closed at the toe, open at the heel.
    Mule,
    /// Of felt, with a rolled collar and a seam by hand.
    Felt,
    /// A band of long fur.
    Fluffy,
    /// For children: a face and ears.
    Animal,
}

impl Model {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Slide, Self::Mule, Self::FlipFlop, Self::Felt, Self::Fluffy, Self::Animal];
}

/// What the upper (of a flip-flop: the insole) is adorned with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// None.
    Plain,
    Stripes,
    Dots,
    Ikat,
    Suzani,
    Checks,
    Hearts,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Suzani, Self::Stripes, Self::Plain, Self::Ikat, Self::Dots, Self::Checks, Self::Hearts];
}

/// Everything that tells one picture from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The cut.
    pub model: Model,
    /// The colours.
    pub tone: Tone,
    /// The adornment.
    pub pattern: Pattern,
    /// Decides the rest: how the pair stands, which animal it is, where the hairs lie.
    pub seed: u64,
}

/// The side of a picture in pixels.
pub const SIDE: u32 = 640;

/// Why a picture could not be drawn. None of it depends on what comes from outside.
#[derive(Debug, Error)]
pub enum PictureError {
    /// There is no sheet of that size.
    #[error("a picture can't have this size")]
    Size,
    /// A shape has no points.
    #[error("a shape of the drawing is empty")]
    Shape,
    /// The encoder gave up.
    #[error("the picture could not be encoded: {0}")]
    Encoding(String),
}

/// Draws a pair, [`SIDE`] times [`SIDE`] pixels; the same look gives the same PNG file, byte for byte.
///
/// # Errors
/// None that depends on what comes from outside: see [`PictureError`].
pub fn draw(look: Look) -> Result<Vec<u8>, PictureError> {
    scene::draw(look, SIDE)?.png()
}

/// The `index`th look of a row in which neighbours differ in cut, colour and pattern.
pub fn variation(index: u64) -> Look {
    // Each round through the colours starts one further, so that a cut meets all of them in time.
    let round = index / Tone::ALL.len() as u64;
    let turn = |len: usize, place: u64| usize::try_from(place % len as u64).unwrap_or(0);
    Look {
        model: Model::ALL[turn(Model::ALL.len(), index)],
        tone: Tone::ALL[turn(Tone::ALL.len(), index * 7 + round)],
        pattern: Pattern::ALL[turn(Pattern::ALL.len(), index * 3)],
        seed: index,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn pictures_are_small_png_files_of_the_promised_size() {
        // One of each model; the rest differs in colours only.
        for look in (0..Model::ALL.len() as u64).map(variation) {
            let png = draw(look).expect("a picture");
            assert!(png.len() < 80_000, "{look:?}: {} bytes", png.len());
            let sheet = tiny_skia::Pixmap::decode_png(&png).expect("a PNG file");
            assert_eq!((sheet.width(), sheet.height()), (SIDE, SIDE));
            let colours: BTreeSet<[u8; 3]> =
                sheet.pixels().iter().map(|p| [p.red(), p.green(), p.blue()]).collect();
            assert!(colours.len() > 50, "{look:?}: {} colours", colours.len());
        }
    }

    #[test]
    fn one_look_is_one_file_and_another_look_another() {
        let looks: Vec<Look> = (0..4).map(variation).collect();
        let files: BTreeSet<Vec<u8>> = looks.iter().map(|look| draw(*look).expect("a picture")).collect();
        assert_eq!(files.len(), looks.len());
        assert_eq!(
            draw(looks[0]).ok(),
            files.iter().find(|file| Some(*file) == draw(looks[0]).ok().as_ref()).cloned()
        );
    }

    #[test]
    fn three_dozen_variations_are_all_different() {
        let looks: BTreeSet<String> = (0..36)
            .map(variation)
            .map(|look| format!("{:?} {:?} {:?}", look.model, look.tone, look.pattern))
            .collect();
        assert_eq!(looks.len(), 36);
    }
}
