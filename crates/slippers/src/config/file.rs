//! The TOML file: one flat list of settings.

use toml::Value;

/// A name and its value as text; `Err` tells why the value is none.
pub(super) type Pair = (String, Result<String, String>);

/// The settings of the file, or what is wrong with it as a whole. No text of the file is repeated: it may be a secret.
pub(super) fn parse(text: &str) -> Result<Vec<Pair>, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line} is no TOML")
    })?;
    Ok(table.into_iter().map(|(name, value)| (name, plain(&value))).collect())
}

fn plain(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(flag) => Ok(flag.to_string()),
        Value::Array(parts) => parts
            .iter()
            .map(|part| match part {
                Value::Array(_) => Err("is an array of arrays".to_owned()),
                part => plain(part).and_then(|text| {
                    if text.contains(',') { Err("holds a value with a comma".to_owned()) } else { Ok(text) }
                }),
            })
            .collect::<Result<Vec<_>, _>>()
            .map(|parts| parts.join(",")),
        Value::Table(_) => Err("is a section; settings stand in none".to_owned()),
        Value::Float(_) => Err("is a fraction".to_owned()),
        Value::Datetime(_) => Err("is a date".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_kind_become_text() {
        let pairs = parse("workers = 4\nDEBUG = true\nA = 'x'\nB = ['a', 'b']\n[c]\nd = 1").expect("TOML");
        let find = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        assert_eq!(find("workers"), Some(Ok("4".into())));
        assert_eq!(find("DEBUG"), Some(Ok("true".into())));
        assert_eq!(find("B"), Some(Ok("a,b".into())));
        assert!(find("c").is_some_and(|v| v.is_err()));
    }

    #[test]
    fn a_broken_line_is_told_by_number_and_not_repeated() {
        let fault = parse("a = 1\nSECRET_KEY = hunter2hunter2\n").expect_err("no TOML");
        assert!(fault.contains("line 2") && !fault.contains("hunter2"), "{fault}");
    }
}
