//! Pages of other sites, and OPTIONS.

use crate::shop::Shop;
use crate::wire;

const SITE: &str = "http://localhost:3000";

#[test]
fn pages_of_allowed_sites_may_read_the_answers() {
    let shop = Shop::open_with(&[("ALLOWED_ORIGINS", "http://localhost:3000/,https://shop.example")]);
    let exposed = "Authorization, Refresh-Token, Token-Type, X-Expires-In, X-Slippers-Consistency";
    for origin in [SITE, "https://shop.example", "https://optomoyoqkiyim.uz", "http://a.b.optomoyoqkiyim.uz"]
    {
        for (path, status) in [("/", 200), ("/cart", 401), ("/nowhere", 404), ("/slippers/abc", 422)] {
            let answer = shop.send("GET", path, &[("origin", origin)], None).expect(status);
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{path}");
            assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{path}");
            assert_eq!(answer.header("access-control-expose-headers"), Some(exposed), "{path}");
            assert!(answer.header_list("vary").contains(&"Origin"), "{path}");
        }
        // Pages that are made, and those that were kept since: each is told to whoever asks.
        for path in ["/slippers/", "/categories/", "/slippers/", "/categories/"] {
            let answer = shop.send("GET", path, &[("origin", origin)], None).expect(200);
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{path}");
            assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{path}");
            assert_eq!(answer.header("access-control-expose-headers"), Some(exposed), "{path}");
            let refused = shop.send("GET", path, &[("origin", "https://evil.example")], None).expect(200);
            assert_eq!(refused.header("access-control-allow-origin"), None, "{path}");
            assert!(refused.header_list("vary").contains(&"Origin"), "{path}");
        }
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "content-type,x-any-thing"),
        ];
        for path in ["/auth/refresh", "/nowhere", "/slippers/1/upload-images/", "/static/x.png", "/a//b"] {
            let answer = shop.send("OPTIONS", path, &headers, None).expect(200);
            assert_eq!(
                (answer.text().as_str(), answer.header("access-control-max-age")),
                ("OK", Some("600"))
            );
            assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{path}");
            assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{path}");
            assert_eq!(
                answer.header("access-control-allow-headers"),
                Some("content-type,x-any-thing"),
                "{path}"
            );
            assert_eq!(
                answer.header_list("access-control-allow-methods"),
                ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
                "{path}"
            );
            assert_eq!(answer.header("vary"), Some("Origin"), "{path}");
        }
    }
}

#[test]
fn pages_of_other_sites_may_not() {
    let shop = Shop::open();
    for origin in [
        "https://evil.example",
        "http://localhost:3001",
        "https://optomoyoqkiyim.uz.evil.example",
        "https://evil-optomoyoqkiyim.uz",
        "https://optomoyoqkiyim.uz/",
        "https://optomoyoqkiyim.uz:8443",
        "HTTPS://OPTOMOYOQKIYIM.UZ",
        "null",
        "*",
        "",
    ] {
        let answer = shop.send("GET", "/", &[("origin", origin)], None).expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{origin}");
        let preflight = [("origin", origin), ("access-control-request-method", "GET")];
        let answer = shop.send("OPTIONS", "/slippers/", &preflight, None).expect(400);
        assert_eq!(answer.text(), "Disallowed CORS origin", "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        assert_eq!(answer.header("access-control-max-age"), Some("600"), "{origin}");
        assert!(answer.header("access-control-allow-methods").is_some(), "{origin}");
    }
    let none = shop.get("/").expect(200);
    assert!(none.headers.iter().all(|(name, _)| !name.starts_with("access-control-")), "{none:?}");
}

#[test]
fn options_is_answered_anywhere_and_carries_little() {
    let shop = Shop::open();
    for path in ["/", "/slippers/", "/cart", "/nowhere", "/static/x.png", "/orders//1"] {
        for headers in [&[][..], &[("origin", SITE)], &[("access-control-request-method", "GET")]] {
            let answer = wire::send(&shop, "OPTIONS", path, headers, b"").expect(200);
            assert_eq!(answer.text(), "{}", "{path}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
            for name in
                ["x-frame-options", "x-content-type-options", "x-ratelimit-limit", "access-control-max-age"]
            {
                assert_eq!(answer.header(name), None, "{path}: {name}");
            }
            for name in ["x-process-time", "x-uptime"] {
                assert!(answer.header(name).is_some(), "{path}: {name}");
            }
        }
    }
}
