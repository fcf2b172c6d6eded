//! Words that names of slippers are made of: in each language a quality, a thing, and what may follow.
//!
//! Things are in the plural, so that Russian qualities always agree with them.

/// The words of one language.
pub(super) struct Language {
    /// What the name begins with.
    pub(super) qualities: &'static [&'static str],
    /// The thing itself.
    pub(super) things: &'static [&'static str],
    /// What a third word may be.
    pub(super) endings: &'static [&'static str],
}

/// Uzbek in both of its scripts, Russian, English.
pub(super) const LANGUAGES: [Language; 4] = [
    Language {
        qualities: &[
            "Yumshoq",
            "Issiq",
            "Yengil",
            "Oppoq",
            "Moviy",
            "Yashil",
            "Qizil",
            "Sariq",
            "Kigiz",
            "Charm",
            "Paxtali",
            "Ipak",
            "Yozgi",
            "Qishki",
            "Bahor",
            "Kuzgi",
            "Milliy",
            "Zamonaviy",
            "Nafis",
            "Shinam",
            "Qulay",
            "Mayin",
            "Momiq",
            "Chiroyli",
            "Oʻzbek",
            "Gʻijduvon",
            "Atlas",
            "Adras",
            "Naqshli",
            "Tovus",
            "Zarbof",
            "Beqasam",
            "Baxmal",
            "Jun",
            "Yorqin",
        ],
        things: &["shippak", "tapochka", "kovush", "mahsi", "sandal", "uy shippagi", "choriq", "shippakcha"],
        endings: &[
            "Buxoro",
            "Samarqand",
            "Xiva",
            "Fargʻona",
            "Margʻilon",
            "Chorsu",
            "Registon",
            "Sharq",
            "Lola",
            "Bodom",
            "Anor",
            "Nur",
        ],
    },
    Language {
        qualities: &[
            "Юмшоқ",
            "Иссиқ",
            "Енгил",
            "Мовий",
            "Кигиз",
            "Чарм",
            "Ипак",
            "Ёзги",
            "Қишки",
            "Миллий",
            "Нафис",
            "Қулай",
            "Момиқ",
            "Ўзбек",
            "Нақшли",
            "Гулдор",
            "Атлас",
            "Адрас",
            "Бахмал",
            "Тоза",
        ],
        things: &["шиппак", "ковуш", "маҳси", "сандал", "тапочка"],
        endings: &["Бухоро", "Самарқанд", "Хива", "Фарғона", "Чорсу", "Лола", "Анор", "Нур"],
    },
    Language {
        qualities: &[
            "Мягкие",
            "Тёплые",
            "Домашние",
            "Летние",
            "Зимние",
            "Войлочные",
            "Кожаные",
            "Пушистые",
            "Лёгкие",
            "Пляжные",
            "Банные",
            "Детские",
            "Уютные",
            "Вязаные",
            "Махровые",
            "Бархатные",
            "Восточные",
            "Дорожные",
            "Плетёные",
            "Замшевые",
            "Цветные",
            "Вышитые",
            "Бабушкины",
            "Любимые",
            "Шёлковые",
            "Весёлые",
            "Ковровые",
            "Хлопковые",
            "Узорчатые",
            "Ташкентские",
        ],
        things: &["тапочки", "шлёпанцы", "сланцы", "сабо", "чуни", "вьетнамки", "туфли", "тапки", "чувяки"],
        endings: &[
            "Уют",
            "Ташкент",
            "Снежок",
            "Мишка",
            "Зайка",
            "Ромашка",
            "Гранат",
            "Восток",
            "Комфорт",
            "Лето",
            "Облако",
            "Барс",
        ],
    },
    Language {
        qualities: &[
            "Soft", "Warm", "Cozy", "Light", "Felt", "Leather", "Fluffy", "Summer", "Winter", "Velvet",
            "Cotton", "Silk", "Classic", "Royal", "Sunny", "Cloud", "Desert", "Garden", "River", "Mountain",
            "Golden", "Silver", "Sweet", "Quiet", "Travel", "Morning", "Linen", "Woolly", "Breezy", "Amber",
            "Meadow", "Harbour",
        ],
        things: &["Slippers", "Slides", "Mules", "Clogs", "Sandals", "Moccasins", "Loafers", "Scuffs"],
        endings: &[
            "Home", "Comfort", "Plus", "Air", "Step", "Breeze", "Spa", "Classic", "Pro", "Lux", "Bukhara",
            "Tulip", "Walnut", "Mini",
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_some_two_hundred_words() {
        let words: usize =
            LANGUAGES.iter().map(|l| l.qualities.len() + l.things.len() + l.endings.len()).sum();
        assert!((180..=240).contains(&words), "{words}");
    }
}
