use super::*;

const TEXT: &str = "Code 12345678: \"don't\" & tell\\";

fn request(url: &str, body: &str, headers: &str) -> Request<Bytes> {
    let phone = Phone::parse("+998901234567").expect("a phone");
    let settings = SmsSettings::parse(url, body, headers).expect("good settings");
    assert_eq!(format!("{settings:?}"), "SmsSettings([redacted])");
    settings.request(Filling { phone: &phone, text: TEXT, id: "a1" }).expect("a request")
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> &'a str {
    request.headers().get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
}

#[test]
fn a_plain_gateway_takes_all_in_the_query() {
    let request = request("https://sms.example:8443/send?to={phone}&text={text}&key=K&n={id}", "", "");
    assert_eq!(request.method(), Method::GET);
    assert_eq!(
        request.uri().to_string(),
        "https://sms.example:8443/send?to=%2B998901234567&text=Code%2012345678%3A%20%22don%27t%22%20%26%20tell%5C&key=K&n=a1"
    );
    assert!(request.body().is_empty() && request.headers().is_empty());
}

#[test]
fn twilio_takes_a_form_and_basic_authentication() {
    let url = "https://AC1:tok%40en@api.twilio.com/2010-04-01/Accounts/AC1/Messages.json";
    let request = request(url, "To={phone}&From=%2B1555&Body={text}", "");
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri().authority().map(Authority::as_str), Some("api.twilio.com"), "no user in it");
    assert_eq!(header(&request, "authorization"), "Basic QUMxOnRva0Blbg==");
    assert_eq!(header(&request, "content-type"), "application/x-www-form-urlencoded");
    let fields: Vec<(String, String)> = form_urlencoded::parse(request.body()).into_owned().collect();
    let expected = [("To", "+998901234567"), ("From", "+1555"), ("Body", TEXT)];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn eskiz_takes_digits_and_a_bearer_token() {
    let headers = "Authorization: Bearer abc.def | X-Client: shop";
    let body = "mobile_phone={digits}&message={text}&from=4546";
    let request = request("https://notify.eskiz.uz/api/message/sms/send", body, headers);
    assert_eq!(header(&request, "authorization"), "Bearer abc.def");
    assert_eq!(header(&request, "x-client"), "shop");
    assert!(request.body().starts_with(b"mobile_phone=998901234567&message=Code%2012345678"));
    assert!(!format!("{:?}", request.headers()).contains("abc.def"), "headers don't show in a log");
}

#[test]
fn playmobile_takes_json() {
    let body = r#"{"messages":[{"recipient":"{digits}","message-id":"{id}","sms":{"originator":"3700","content":{"text":"{text}"}}}]}"#;
    let request = request("http://user:pass@91.204.239.44/broker-api/send", body, "");
    assert_eq!(header(&request, "content-type"), "application/json");
    let sent: serde_json::Value = serde_json::from_slice(request.body()).expect("JSON");
    let message = &sent["messages"][0];
    assert_eq!(message["recipient"], "998901234567");
    assert_eq!(message["message-id"], "a1");
    assert_eq!(message["sms"]["content"]["text"], TEXT);
}

#[test]
fn what_could_not_work_is_told() {
    for (url, body, headers, part, what) in [
        ("gateway", "", "", SmsPart::Url, "is no URL"),
        ("ftp://h/{phone}{text}", "", "", SmsPart::Url, "neither"),
        ("https:///{phone}{text}", "", "", SmsPart::Url, "no server"),
        ("https://{phone}.h/{text}", "", "", SmsPart::Url, "no server"),
        ("https://h/?t={text}", "", "", SmsPart::Url, "whom"),
        ("https://h/?t={phone}", "", "", SmsPart::Url, "what a message says"),
        ("https://h/?t={phone}&m={text}&x={message}", "", "", SmsPart::Url, "{message}"),
        ("https://h/ /?t={phone}&m={text}", "", "", SmsPart::Url, "is no URL"),
        ("https://h/", "to={phone}&text={text}&x={sender}", "", SmsPart::Body, "{sender}"),
        ("https://h/", r#"{"to":"{phone}","text":{text}}"#, "", SmsPart::Body, "JSON"),
        ("https://h/{phone}/{text}", "", "Authorization Bearer", SmsPart::Headers, "number 1"),
        ("https://h/{phone}/{text}", "", "A: b | C\u{e9}: d", SmsPart::Headers, "number 2"),
    ] {
        let fault = SmsSettings::parse(url, body, headers).expect_err(url);
        assert_eq!(fault.part, part, "{url} {body}: {fault:?}");
        assert!(fault.what.contains(what), "{url} {body}: {fault:?}");
    }
}

#[test]
fn what_others_can_read_is_known() {
    let is_open = |url: &str| {
        SmsSettings::parse(&format!("{url}/{{phone}}{{text}}"), "", "").expect("good").is_open_to_others()
    };
    assert!(is_open("http://sms.example") && is_open("http://91.204.239.44:80"));
    for url in ["https://sms.example", "http://127.0.0.1:9", "http://localhost", "http://[::1]:9"] {
        assert!(!is_open(url), "{url}");
    }
}

#[test]
fn what_may_change_is_tried_again() {
    for status in [408, 425, 429, 500, 503] {
        assert!(matches!(
            judge(StatusCode::from_u16(status).expect("a status")),
            Err(NotifyError::ForNow(_))
        ));
    }
    for status in [301, 400, 401, 403, 404, 422] {
        assert!(matches!(
            judge(StatusCode::from_u16(status).expect("a status")),
            Err(NotifyError::ForGood(_))
        ));
    }
    assert_eq!(judge(StatusCode::ACCEPTED), Ok(()));
}
