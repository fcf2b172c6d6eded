//! What the running program holds.

use crate::shop::Shop;

/// MiB of the program that are in memory now.
pub(crate) fn resident_mib(shop: &Shop) -> u64 {
    field(shop, "VmRSS:")
}

fn field(shop: &Shop, name: &str) -> u64 {
    let path = format!("/proc/{}/status", shop.process_id());
    let mut text = String::new();
    std::fs::File::open(&path)
        .and_then(|mut file| std::io::Read::read_to_string(&mut file, &mut text))
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a line about memory");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib / 1024
}

/// The most MiB of the program that were ever in memory at once.
pub(crate) fn peak_mib(shop: &Shop) -> u64 {
    field(shop, "VmHWM:")
}
