//! The file `.env`, read as the old shop's loader (python-dotenv) reads it, so that an existing file goes on working:
//! values may hold blanks and `$` without quotes.

/// A line that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LineFault {
    /// Its number, from 1.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) what: &'static str,
}

/// The names and values of the file, in its order; of a name that stands twice, the last counts.
///
/// `NAME=value`, `export NAME=value`, `# comment`; a value without quotes ends at ` #`, one in `'` is taken as it is,
/// one in `"` knows `\n`, `\r`, `\t`, `\"` and `\\`. A line without `=` means nothing. Quoted values may span lines.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, LineFault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut pairs = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { continue };
        let mut value = value.trim_start().to_owned();
        let quote = value.chars().next().filter(|first| matches!(first, '\'' | '"'));
        let value = if let Some(quote) = quote {
            value.remove(0);
            loop {
                if let Some(done) = unquote(&value, quote) {
                    break done;
                }
                let Some((_, more)) = lines.next() else {
                    return Err(LineFault { line: at + 1, what: "the quotation mark is never closed" });
                };
                value.push('\n');
                value.push_str(more);
            }
        } else {
            let end = value.find(" #").or_else(|| value.find("\t#")).unwrap_or(value.len());
            value[..end].trim().to_owned()
        };
        pairs.push((name.trim().to_owned(), value));
    }
    Ok(pairs)
}

/// The text up to the closing mark; `None` when there is none.
fn unquote(text: &str, quote: char) -> Option<String> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Some(value),
            '\\' => match (chars.next()?, quote) {
                ('n', '"') => value.push('\n'),
                ('r', '"') => value.push('\r'),
                ('t', '"') => value.push('\t'),
                (escaped @ ('\\' | '\'' | '"'), _) => value.push(escaped),
                (other, _) => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_file_is_read_as_before() {
        let text = "\u{feff}# shop\nSECRET_KEY=a$b{c}=d\nexport DEBUG = true # loud\n\nnonsense\n\
                    ALLOWED_ORIGINS=http://a.uz, http://b.uz\nA='x # y'\nB=\"1\\n2\nthree\" # rest\nC=\n";
        let pairs = parse(text).expect("a good file");
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("SECRET_KEY", "a$b{c}=d"),
                ("DEBUG", "true"),
                ("ALLOWED_ORIGINS", "http://a.uz, http://b.uz"),
                ("A", "x # y"),
                ("B", "1\n2\nthree"),
                ("C", ""),
            ]
        );
    }

    #[test]
    fn an_open_quotation_mark_is_told_with_its_line() {
        assert_eq!(parse("A=1\nB='open\nC=2").map_err(|fault| fault.line), Err(2));
    }
}
