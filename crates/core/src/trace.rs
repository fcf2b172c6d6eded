//! Which trace a piece of work belongs to, as others are told and tell us: W3C Trace Context,
//! <https://www.w3.org/TR/trace-context/>.

/// A place in a trace: that of the work at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The trace's number, which is never 0.
    pub id: u128,
    /// The number of this piece of work in it, which is never 0.
    pub span: u64,
    /// The piece of work that it is done for, where there is one.
    pub parent: Option<u64>,
    /// Whether whoever began it records it.
    pub is_sampled: bool,
}

impl Trace {
    /// Reads the value of a `traceparent` header. What is no such value is as if there were none, as the standard wants;
    /// of a later version the part that is known is read.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let lengths = [version.len(), id.len(), span.len(), flags.len()];
        if lengths != [2, 32, 16, 2] || ![version, id, span, flags].into_iter().all(is_hex) {
            return None;
        }
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let flags = u8::from_str_radix(flags, 16).ok()?;
        let (id, span) = (u128::from_str_radix(id, 16).ok()?, u64::from_str_radix(span, 16).ok()?);
        (id != 0 && span != 0).then_some(Self { id, span, parent: None, is_sampled: flags & 1 == 1 })
    }

    /// The value of a `traceparent` header for those who are called.
    pub fn text(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.id, self.span, u8::from(self.is_sampled))
    }

    /// A piece of work that is done for this one.
    #[must_use]
    pub const fn child(self, span: u64) -> Self {
        Self { span: if span == 0 { 1 } else { span }, parent: Some(self.span), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_was_read_is_written_again() {
        let trace = Trace::parse(GOOD).expect("a trace");
        assert_eq!((trace.text().as_str(), trace.is_sampled), (GOOD, true));
        let later = GOOD.replacen("00-", "cc-", 1) + "-what-comes-later";
        assert_eq!(Trace::parse(&later), Some(trace));
        assert_eq!((trace.child(0).span, trace.child(7).parent), (1, Some(trace.span)));
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473\n-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Trace::parse(text), None, "{text:?}");
        }
    }
}
