//! When a gateway is asked again about what is not decided.

/// Seconds before the first question.
const FIRST_SECONDS: i64 = 5;
/// The most seconds between two questions.
const LAST_SECONDS: i64 = 15 * 60;

/// Seconds to wait after so many questions: 5, 10, 20 and so on up to 15 minutes, and up to a quarter more as `jitter` (0
/// to 255, drawn at random) says, so that what was opened together is not asked about together.
pub fn delay_seconds(asked: i64, jitter: u8) -> i64 {
    let doublings = u32::try_from(asked.clamp(0, 30)).unwrap_or(30);
    let delay = FIRST_SECONDS.saturating_mul(1_i64 << doublings).min(LAST_SECONDS);
    delay + delay * i64::from(jitter) / (4 * 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_become_rarer_and_never_stop() {
        let delays: Vec<i64> = (0..10).map(|asked| delay_seconds(asked, 0)).collect();
        assert_eq!(delays, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(delay_seconds(i64::MAX, 255), 900 + 225);
        assert_eq!(delay_seconds(-1, 255), 6);
    }
}
