//! Names of gateways, currencies, and of payments at gateways.

use std::fmt;

use thiserror::Error;

/// Who takes the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gateway {
    /// OCTO (octo.uz): we make the payment and are told, or ask, what became of it.
    Octo,
    /// Payme: it calls us and asks before it takes money.
    Payme,
    /// Click: it calls us and asks before it takes money.
    Click,
    /// Cash, or any other way that an admin recorded by hand.
    Manual,
}

impl Gateway {
    /// Every gateway.
    pub const ALL: [Gateway; 4] = [Self::Octo, Self::Payme, Self::Click, Self::Manual];

    /// Its name in paths, in answers and in the databases.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Octo => "octo",
            Self::Payme => "payme",
            Self::Click => "click",
            Self::Manual => "manual",
        }
    }

    /// The gateway of this name, which is matched to the letter.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|gateway| gateway.as_str() == name)
    }

    /// Whether it tells where a payment stands when we ask. Payme asks us, and reads our statement (`GetStatement`).
    pub const fn tells_when_asked(self) -> bool {
        matches!(self, Self::Octo | Self::Click)
    }

    /// Whether of two buyers' transactions on one order the second is turned away while the first is open. Payme
    /// freezes an order from Create until it is decided; Click begins a new transaction at each try and never tells of
    /// one that was given up.
    pub const fn holds_orders_alone(self) -> bool {
        matches!(self, Self::Payme)
    }
}

/// The currency of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Currency {
    /// Soum, the shop's own.
    Uzs,
    /// US dollars.
    Usd,
    /// Roubles.
    Rub,
}

impl Currency {
    /// Every currency that a gateway takes.
    pub const ALL: [Currency; 3] = [Self::Uzs, Self::Usd, Self::Rub];

    /// Its ISO 4217 code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uzs => "UZS",
            Self::Usd => "USD",
            Self::Rub => "RUB",
        }
    }

    /// The currency of this code, upper case.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|currency| currency.as_str() == code)
    }
}

/// By what a payment or a refund is known, to us or to a gateway: 1 to [`Name::MAX`] visible ASCII characters. It is
/// opaque, and compared to the letter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// A text that is no [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not 1 to {} visible ASCII characters", Name::MAX)]
pub struct NameError;

impl Name {
    /// The most characters.
    pub const MAX: usize = 100;

    /// Reads a name as it came.
    ///
    /// # Errors
    /// [`NameError`] when it is empty, too long, or has a character outside of `!` to `~`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if (1..=Self::MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_visible() {
        assert_eq!(Name::parse("4556a13e-f763").map(|name| name.to_string()), Ok("4556a13e-f763".to_owned()));
        for text in ["", "a b", "ж", "a\n", &"x".repeat(Name::MAX + 1)] {
            assert_eq!(Name::parse(text), Err(NameError), "{text:?}");
        }
    }

    #[test]
    fn gateways_and_currencies_are_read_by_what_they_are_written_as() {
        for gateway in Gateway::ALL {
            assert_eq!(Gateway::parse(gateway.as_str()), Some(gateway));
        }
        for currency in Currency::ALL {
            assert_eq!(Currency::parse(currency.as_str()), Some(currency));
        }
        assert_eq!((Gateway::parse("OCTO"), Currency::parse("uzs")), (None, None));
    }
}
