//! Chance that a seed repeats.

/// A stream of numbers from a seed: SplitMix64.
#[derive(Debug, Clone)]
pub(super) struct Lot(u64);

impl Lot {
    /// The stream of one connection.
    pub(super) fn new(seed: u64, connection: u64) -> Self {
        let mut lot = Self(seed ^ connection.wrapping_mul(0xd1b5_4a32_d192_ed03));
        lot.draw();
        lot
    }

    /// Another stream, independent of what is drawn here later.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.draw())
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when that is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::Lot;

    fn drawn(seed: u64, connection: u64) -> Vec<u64> {
        let mut lot = Lot::new(seed, connection);
        (0..20).map(|_| lot.below(1000)).collect()
    }

    #[test]
    fn a_seed_repeats_and_another_differs() {
        assert_eq!(drawn(1, 1), drawn(1, 1));
        assert_ne!(drawn(1, 1), drawn(2, 1));
        assert_ne!(drawn(1, 1), drawn(1, 2));
    }
}
