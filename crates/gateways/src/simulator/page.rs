//! The page on which a buyer of the demo pays: plain HTML, without a script, for a phone.

/// What a page offers.
pub(super) struct PayPage<'a> {
    /// Whose page it is.
    pub(super) gateway: &'a str,
    /// What is paid.
    pub(super) title: &'a str,
    /// How much, in soum.
    pub(super) amount: &'a str,
    /// Where it stands, when nothing can be done any more.
    pub(super) state: &'a str,
    /// Where each button posts to, and what it says.
    pub(super) buttons: &'a [(String, &'a str)],
    /// Where a link leads back, or nothing.
    pub(super) back: &'a str,
}

/// Text that means itself in HTML, between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:0 auto;padding:1rem;color:#1b1b1b;\
background:#fafafa}main{background:#fff;border:1px solid #ddd;border-radius:.8rem;padding:1.2rem}h1{font-size:1.3rem;\
margin:0}p.amount{font-size:2rem;font-weight:700;margin:.6rem 0}button{display:block;width:100%;min-height:3rem;margin:\
.6rem 0;font:inherit;border-radius:.6rem;border:1px solid #666;background:#fff;color:inherit}form:first-of-type button\
{background:#0a6b3d;border-color:#0a6b3d;color:#fff;font-weight:700}small{color:#555}";

/// Only links of the web lead back; a text that is something else leads nowhere.
fn back_link(url: &str) -> String {
    if url.starts_with("http://") || url.starts_with("https://") {
        format!("<p><a href=\"{}\">Back to the shop · Назад в магазин</a></p>", escape(url))
    } else {
        String::new()
    }
}

impl PayPage<'_> {
    /// The page as HTML.
    pub(super) fn render(&self) -> String {
        let buttons: String = self
            .buttons
            .iter()
            .map(|(to, says)| {
                format!(
                    "<form method=\"post\" action=\"{}\"><button>{}</button></form>",
                    escape(to),
                    escape(says)
                )
            })
            .collect();
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width,initial-scale=1\"><title>{gateway}: {title}</title><style>{STYLE}</style>\
             <main><small>{gateway} · demo, no money moves · демо, деньги не списываются</small><h1>{title}</h1>\
             <p class=\"amount\">{amount} soum</p><p role=\"status\">{state}</p>{buttons}{back}</main></html>",
            gateway = escape(self.gateway),
            title = escape(self.title),
            amount = escape(self.amount),
            state = escape(self.state),
            back = back_link(self.back),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_stays_text() {
        let page = PayPage {
            gateway: "OCTO",
            title: "<script>alert(1)</script>",
            amount: "1.0",
            state: "\"><b>",
            buttons: &[("/pay/\"x".to_owned(), "Pay")],
            back: "javascript:alert(1)",
        };
        let html = page.render();
        assert!(!html.contains("<script") && !html.contains("<b>") && !html.contains("javascript:"));
        assert!(html.contains("action=\"/pay/&quot;x\""));
        let back = PayPage { back: "https://shop.example/?a=1&b=2", ..page }.render();
        assert!(back.contains("href=\"https://shop.example/?a=1&amp;b=2\""));
    }
}
