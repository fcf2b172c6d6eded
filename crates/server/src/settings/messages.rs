//! Messages about orders.

/// Who is told of orders, in what language.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrderMessages {
    /// Whether buyers get a confirmation, where people can be reached.
    pub buyer: bool,
    /// Whether the staff hears of new orders and of payments that need a person, where it can be reached.
    pub staff: bool,
    /// The language of both.
    pub language: Language,
}

/// A language of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// O'zbekcha, in Latin letters.
    #[default]
    Uzbek,
    /// Русский.
    Russian,
    /// English.
    English,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Uzbek, Self::Russian, Self::English];

    /// The language of this ISO 639-1 code.
    pub fn parse(code: &str) -> Option<Self> {
        match code.to_ascii_lowercase().as_str() {
            "uz" => Some(Self::Uzbek),
            "ru" => Some(Self::Russian),
            "en" => Some(Self::English),
            _ => None,
        }
    }
}
