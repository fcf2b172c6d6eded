//! Many at once.

use std::sync::Barrier;

/// Does something `count` times at once, each on a thread of its own that is told its number; answers what came out, by
/// number.
pub(crate) fn at_once<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (start, act) = (&Barrier::new(count), &act);
    std::thread::scope(|scope| {
        let one = |number| {
            move || {
                start.wait();
                act(number)
            }
        };
        let threads: Vec<_> = (0..count).map(|number| scope.spawn(one(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("nobody in the crowd panics")).collect()
    })
}

/// Does something for each number below `count`, a few at a time.
pub(crate) fn a_few_at_a_time<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    const HANDS: usize = 4;
    let mut all: Vec<(usize, T)> = at_once(HANDS, |hand| {
        (hand..count).step_by(HANDS).map(|number| (number, act(number))).collect::<Vec<_>>()
    })
    .into_iter()
    .flatten()
    .collect();
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, outcome)| outcome).collect()
}
