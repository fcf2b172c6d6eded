//! Points in time.

use std::fmt;

use time::OffsetDateTime;

/// A point in time: microseconds since 1970-01-01T00:00:00Z, between the years 1 and 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const MICROS_PER_SECOND: i64 = 1_000_000;
/// Asia/Tashkent has been UTC+5 without summer time since 1992 (IANA time zone database).
const TASHKENT_OFFSET_SECONDS: i64 = 5 * 3600;

impl Timestamp {
    const MIN: i64 = -62_135_596_800 * MICROS_PER_SECOND;
    const MAX: i64 = 253_402_300_799 * MICROS_PER_SECOND + 999_999;

    /// The point this many microseconds after 1970-01-01T00:00:00Z; points outside of the years 1 to 9999 are drawn
    /// to the nearest of them.
    pub const fn from_micros(micros: i64) -> Self {
        Self(if micros < Self::MIN {
            Self::MIN
        } else if micros > Self::MAX {
            Self::MAX
        } else {
            micros
        })
    }

    /// The point this many seconds after 1970-01-01T00:00:00Z, drawn into the range like [`Self::from_micros`].
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// The point this many seconds later (earlier, when negative).
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_micros(self.0.saturating_add(seconds.saturating_mul(MICROS_PER_SECOND)))
    }

    /// `2026-11-23T07:17:39.123456+00:00`: users, tokens and products.
    pub fn iso_with_offset(self) -> String {
        format!("{}+00:00", self.iso_naive())
    }

    /// `2026-11-23T07:17:39.123456Z`: categories.
    pub fn iso_with_z(self) -> String {
        format!("{}Z", self.iso_naive())
    }

    /// `2026-11-23T07:17:39.123456`: UTC without saying so, as health and logout answer.
    pub fn iso_naive(self) -> String {
        let t = self.calendar();
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.microsecond()
        )
    }

    /// `2026-11-23 12:17`: the minute on a clock in Tashkent, as orders show it.
    pub fn tashkent_minute(self) -> String {
        let t = self.plus_seconds(TASHKENT_OFFSET_SECONDS).calendar();
        format!("{:04}-{:02}-{:02} {:02}:{:02}", t.year(), u8::from(t.month()), t.day(), t.hour(), t.minute())
    }

    /// `2026-11-23 12:17:39`: the second on a clock in Tashkent, as gateways there write it.
    pub fn tashkent_second(self) -> String {
        format!("{}:{:02}", self.tashkent_minute(), self.calendar().second())
    }

    /// Whole milliseconds since 1970-01-01T00:00:00Z, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    fn calendar(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso_with_z())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_the_api_shows() {
        let t = Timestamp::from_micros(1_795_418_259_123_456);
        assert_eq!(t.iso_with_offset(), "2026-11-23T07:17:39.123456+00:00");
        assert_eq!(t.iso_with_z(), "2026-11-23T07:17:39.123456Z");
        assert_eq!(t.iso_naive(), "2026-11-23T07:17:39.123456");
        assert_eq!(t.tashkent_minute(), "2026-11-23 12:17");
        assert_eq!(t.tashkent_second(), "2026-11-23 12:17:39");
        assert_eq!(t.millis(), 1_795_418_259_123);
    }

    #[test]
    fn whole_seconds_keep_their_decimals() {
        assert_eq!(Timestamp::from_seconds(0).iso_with_z(), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn the_ends_of_the_calendar_hold() {
        for t in [Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX).plus_seconds(i64::MAX)] {
            assert!(t.iso_naive().len() == 26 && !t.tashkent_minute().is_empty(), "{t:?}");
        }
    }
}
