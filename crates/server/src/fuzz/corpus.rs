//! The short run of the corpora: every seed, and mutations of them that are the same in every run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{TARGETS, run};

/// How many mutations of its corpus a target is run with.
const MUTATIONS: usize = 4_000;

/// Longer inputs are cut: what is short finds as much, sooner.
const LONGEST: usize = 4_096;

/// What mutations put in: what readers of numbers, texts, JSON, queries, forms and tokens have to decide about.
const WORDS: [&[u8]; 40] = [
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"&",
    b"=",
    b"%",
    b"+",
    b"-",
    b".",
    b";",
    b"\r\n",
    b"--x",
    b"\0",
    b"0",
    b"9223372036854775808",
    b"-1",
    b"1e999",
    b".5",
    b"null",
    b"true",
    b"\\u0000",
    b"\\ud800",
    b"%00",
    b"%ff",
    b"\xff",
    b"\xef\xbb\xbf",
    "ς".as_bytes(),
    "İ".as_bytes(),
    "٣".as_bytes(),
    "oʻ".as_bytes(),
    b"password",
    b"filename=\"a.png\"",
    b"boundary=",
    b"sess_exp",
    b"eyJhbGciOiJub25lIn0",
];

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// The seeds of a target, in an order that is the same everywhere.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "a test may read its corpus")]
    let read = |file: &PathBuf| std::fs::read(file).expect("a seed");
    files(&fuzz_folder().join("corpus").join(target)).iter().map(read).collect()
}

/// SplitMix64: numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = u64::try_from(bound.max(1)).expect("fits");
        usize::try_from((z ^ (z >> 31)) % bound).expect("fits")
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..(start + self.below(16)).min(length)
    }
}

/// A seed with a few changes.
fn mutate(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut data = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(data.len() + 1);
        match dice.below(6) {
            0 if at < data.len() => data[at] ^= 1 << dice.below(8),
            1 => drop(data.splice(at..at, WORDS[dice.below(WORDS.len())].iter().copied())),
            2 => {
                let range = dice.range(data.len());
                drop(data.splice(range, WORDS[dice.below(WORDS.len())].iter().copied()));
            }
            3 => drop(data.drain(dice.range(data.len()))),
            4 => {
                let copied = data[dice.range(data.len())].to_vec();
                drop(data.splice(at..at, copied));
            }
            _ => {
                let other = &seeds[dice.below(seeds.len())];
                data.truncate(at);
                data.extend_from_slice(&other[dice.below(other.len() + 1)..]);
            }
        }
    }
    data.truncate(LONGEST);
    data
}

/// Runs a target and says with what input it fails.
fn hold(target: &str, data: &[u8]) {
    if std::panic::catch_unwind(|| run(target, data)).is_err() {
        let shown = data.escape_ascii();
        panic!("{target} fails with b\"{shown}\": mend it and put the input into fuzz/corpus/{target}");
    }
}

fn run_corpus(target: &str) {
    let seeds = seeds(target);
    assert!(seeds.len() >= 5, "{target} has {} seeds", seeds.len());
    seeds.iter().for_each(|seed| hold(target, seed));
    let mut dice = Dice(2_026);
    for _ in 0..MUTATIONS {
        hold(target, &mutate(&mut dice, &seeds));
    }
}

/// A test for each target, so that they run side by side.
macro_rules! corpora {
    ($($target:ident)+) => {
        $(
            #[test]
            fn $target() {
                run_corpus(stringify!($target));
            }
        )+

        #[test]
        fn every_target_has_its_test_its_file_and_its_corpus() {
            let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
            assert_eq!(names, BTreeSet::from([$(stringify!($target).to_owned()),+]), "tests");
            for folder in ["fuzz_targets", "corpus"] {
                let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
                let found: BTreeSet<_> =
                    files(&fuzz_folder().join(folder)).into_iter().filter_map(stem).collect();
                assert_eq!(names, found, "{folder}");
            }
        }
    };
}

corpora!(access_token body form money phone query refresh_token search signed_claims);
