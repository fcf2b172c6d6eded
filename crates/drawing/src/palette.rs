//! Colours that go together.

use super::canvas::Rgb;

/// The colours of one picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    /// The upper: what one remembers the pair by.
    pub(super) upper: Rgb,
    /// Seams, bindings and the pattern.
    pub(super) trim: Rgb,
    /// A third colour, used sparingly.
    pub(super) accent: Rgb,
    /// Where the foot rests.
    pub(super) insole: Rgb,
    /// The edge of the sole.
    pub(super) sole: Rgb,
    /// The floor.
    pub(super) floor: Rgb,
}

/// The name of a palette, after the upper's colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Sky,
    Navy,
    Turquoise,
    Mint,
    Forest,
    Olive,
    Lemon,
    Apricot,
    Terracotta,
    Cherry,
    Rose,
    Plum,
    Lavender,
    Sand,
    Cocoa,
    Grey,
    Coal,
    Milk,
}

impl Tone {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Sky,
        Self::Terracotta,
        Self::Mint,
        Self::Plum,
        Self::Sand,
        Self::Navy,
        Self::Rose,
        Self::Forest,
        Self::Lemon,
        Self::Grey,
        Self::Cherry,
        Self::Turquoise,
        Self::Cocoa,
        Self::Lavender,
        Self::Apricot,
        Self::Coal,
        Self::Olive,
        Self::Milk,
    ];

    /// The colours of this name.
    pub(super) fn palette(self) -> Palette {
        let [upper, trim, accent, insole, sole, floor] = match self {
            Self::Sky => [0x6FA8DC, 0xFFFFFF, 0xF4B860, 0xF3E9DC, 0x3F6C9B, 0xF6EBDD],
            Self::Navy => [0x27406B, 0xE9DCC3, 0xD96C4F, 0xD8C3A5, 0x1B2A49, 0xDCE6F0],
            Self::Turquoise => [0x2FA4A0, 0xFFF4DC, 0xE4572E, 0xF0E2C8, 0x1F6F70, 0xFBE9D8],
            Self::Mint => [0x9AD1B6, 0xFFFFFF, 0xEF8A80, 0xF7F1E6, 0x6AA68B, 0xFCE8E4],
            Self::Forest => [0x3F6B4F, 0xF0DFB8, 0xC8553D, 0xD9C4A0, 0x2C4A38, 0xEAF0E0],
            Self::Olive => [0x8B8B4B, 0xF5EBD0, 0x5B3A29, 0xE3D3B0, 0x5D5D33, 0xF3EDDB],
            Self::Lemon => [0xF5CF52, 0xFFFFFF, 0x4C86A8, 0xFFF6DD, 0xD49E2A, 0xDDEBF2],
            Self::Apricot => [0xF3A56B, 0xFFF3E2, 0x7A9E7E, 0xFBE6CF, 0xC9743B, 0xE3EEE6],
            Self::Terracotta => [0xC4623F, 0xF7E3C6, 0x2E5E6B, 0xE9CFAE, 0x8A3F28, 0xF7E7D6],
            Self::Cherry => [0xB3263C, 0xFBE8D0, 0xE9B949, 0xEAD2B8, 0x7A1729, 0xF9E4E0],
            Self::Rose => [0xEE9CA7, 0xFFFFFF, 0xA84C6B, 0xFDEDE8, 0xCB6F7F, 0xF8E9EF],
            Self::Plum => [0x7B3F63, 0xF4DDE6, 0xE3B04B, 0xE2C9CF, 0x552A45, 0xF2E6EE],
            Self::Lavender => [0xB3A4DB, 0xFFFFFF, 0x6E5AA6, 0xF4F0FA, 0x8474B5, 0xEAF2EC],
            Self::Sand => [0xD8B98A, 0xFFF7E8, 0x8A5A3B, 0xF2E4CD, 0xA98453, 0xE6EDEC],
            Self::Cocoa => [0x7A5138, 0xEBD3B2, 0xC9803F, 0xCFAF8C, 0x51331F, 0xF4E8DA],
            Self::Grey => [0x9AA3AB, 0xFFFFFF, 0xE07A5F, 0xE8EAEC, 0x667078, 0xEFEAE2],
            Self::Coal => [0x3A3D42, 0xD9D4CB, 0xD9A441, 0x8E8A84, 0x222428, 0xE3E6E8],
            Self::Milk => [0xF6EFE3, 0xB98B5E, 0xC96A5B, 0xE7D3B8, 0xCDB695, 0xDCE7E3],
        }
        .map(Rgb::hex);
        Palette { upper, trim, accent, insole, sole, floor }
    }
}
