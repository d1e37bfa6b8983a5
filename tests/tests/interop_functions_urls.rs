//! The one address that is configured leads to the same places in the published client's own functions, for ten thousand
//! cases by chance.

mod interop;

use interop::functions::{BATCH, Class, Tally, call, text};
use interop::{Dice, Script, on_each_version};
use relay_proto::endpoint::{Endpoint, EndpointError};
use serde_json::Value;

const SAME: Class = Class::Agrees("same");
/// Agrees but for the capitals, in which a host's name may be written.
const CAPITAL_HOST: Class = Class::Agrees("capital host");
/// Agrees with what the client makes of the same URL with the scheme written small.
const CAPITAL_SCHEME: Class = Class::Differs("capital scheme");
const NAMED_RELAY: Class = Class::Differs("host named relay");
const REFUSED: Class = Class::Differs("refused");

/// The wire's transport, which no rule restates: the one URL that is configured leads to the same places.
///
/// On purpose, a URL that could not be dialed, or would show a password, is refused here with a reason; there it is
/// taken as it is. A scheme in capitals is read here, and left as it is there; a host in capitals is written small here.
/// A host of the very name `relay` is not taken for the path here.
#[test]
fn urls() {
    on_each_version(async |version| {
        let mut dice = Dice::new(3);
        let mut client = Script::start(version, "functions.py");
        let mut tally = Tally::default();
        while !tally.is_full() {
            let cases: Vec<Configured> = (0..BATCH).map(|_| Configured::new(&mut dice)).collect();
            let plain: Vec<Value> = cases.iter().map(|case| case.with_scheme(&case.plain_scheme())).collect();
            let as_is: Vec<Value> = cases.iter().map(|case| case.with_scheme(case.scheme)).collect();
            let of_plain = call(&mut client, "urls", &plain).await;
            let of_as_is = call(&mut client, "urls", &as_is).await;
            for (index, case) in cases.iter().enumerate() {
                let class = compare_urls(case, text(&as_is[index]), &of_plain[index], &of_as_is[index]);
                tally.count(class);
            }
        }
        tally.assert_is_of(&[SAME, CAPITAL_HOST, CAPITAL_SCHEME, NAMED_RELAY, REFUSED]);
    });
}

/// A URL in its parts.
struct Configured {
    blanks: [&'static str; 2],
    scheme: &'static str,
    /// What stands between the scheme and the path, except for the port.
    host: String,
    port: &'static str,
    path: String,
    /// What is wrong with it, if anything is.
    fault: Option<fn(&EndpointError) -> bool>,
}

impl Configured {
    fn new(dice: &mut Dice) -> Self {
        const BLANKS: &[&str] = &["", "", "", " ", "\t", "\r\n", "\u{a0}", "\u{2003}\u{85}"];
        const HOSTS: &[&str] = &[
            "h",
            "connector.example",
            "Connector.EXAMPLE",
            "relay",
            "relay",
            "relay.",
            "my_relay",
            "RELAY",
            "127.0.0.1",
            "[::1]",
            "[FE80::a]",
            "xn--bcher-kva.example",
            "-",
            "1",
        ];
        let segments: &[&str] = &[
            "/a",
            "/relay",
            "/relay",
            "/",
            "/Relay",
            "/relayed",
            "/arelay",
            "/%C3%A9%2f",
            "/~u",
            "/a:b@c",
            "/!$&'()*+,;=",
            "/.",
        ];
        let schemes = ["http", "https", "ws", "wss", "http", "https", "ws", "wss", "HTTPS", "Ws", "hTTp"];
        let mut made = Self {
            blanks: [dice.one_of(BLANKS), dice.one_of(BLANKS)],
            scheme: dice.one_of(&schemes),
            host: dice.one_of(HOSTS).to_owned(),
            port: dice.one_of(&["", "", "", ":1", ":80", ":443", ":65535"]),
            path: dice.text(segments, 4) + dice.one_of(&["", "", "/", "//", "/relay", "/relay/"]),
            fault: None,
        };
        if dice.once_in(4) {
            made.spoil(dice);
        }
        made
    }

    /// Makes it a URL that cannot be used.
    fn spoil(&mut self, dice: &mut Dice) {
        let fault: fn(&EndpointError) -> bool = match dice.below(10) {
            0 => {
                self.host.insert_str(0, dice.one_of(&["u@", "u:p@", "@"]));
                |error| *error == EndpointError::UserInfo
            }
            1 => {
                self.path.push_str(dice.one_of(&["?", "?a=/relay", "/relay?x"]));
                |error| *error == EndpointError::Query
            }
            2 => {
                self.path.push_str(dice.one_of(&["#", "#/relay"]));
                |error| *error == EndpointError::Fragment
            }
            3 => {
                let blank = dice.one_of(&[" ", "\t", "\u{7}", "\u{1f}", "\u{a0}", "\u{2028}"]);
                let place = dice.place_in(&self.path);
                self.path.insert_str(place, blank);
                // At the very end it would only surround the URL.
                self.path.push('a');
                |error| matches!(error, EndpointError::Blank(_))
            }
            4 => {
                let place = dice.place_in(&self.path);
                let odd = dice.one_of(&["/é", "/\"", "/<", "/{", "/\\", "/^", "/|", "/`", "/😀"]);
                self.path.insert_str(place, odd);
                |error| matches!(error, EndpointError::Path(_))
            }
            5 => {
                self.port = dice.one_of(&[":", ":0", ":65536", ":x", ":-1", ":+1"]);
                |error| *error == EndpointError::Port
            }
            6 => {
                self.host =
                    dice.one_of(&["é.example", "a%41", "*", "a,b", "ß", "[", "[::1", "[h]", "[]"]).to_owned();
                |error| matches!(error, EndpointError::Host(_) | EndpointError::Address)
            }
            7 => {
                (self.host, self.port) = (String::new(), dice.one_of(&["", ":80"]));
                |error| *error == EndpointError::NoHost
            }
            8 => {
                self.scheme = dice.one_of(&["ftp", "file", "javascript", "httpss", "w"]);
                |error| matches!(error, EndpointError::Scheme(_))
            }
            _ => {
                self.scheme = dice.one_of(&["", "a b", "1http"]);
                |error| matches!(error, EndpointError::NoScheme | EndpointError::Blank(_))
            }
        };
        self.fault = Some(fault);
    }

    fn plain_scheme(&self) -> String {
        self.scheme.to_ascii_lowercase()
    }

    fn with_scheme(&self, scheme: &str) -> Value {
        let Self { blanks: [before, after], host, port, path, .. } = self;
        format!("{before}{scheme}://{host}{port}{path}{after}").into()
    }
}

fn compare_urls(case: &Configured, url: &str, plain: &Value, as_is: &Value) -> Class {
    let endpoint = match (Endpoint::parse(url), case.fault) {
        (Ok(endpoint), None) => endpoint,
        (Err(error), Some(fault)) => {
            assert!(fault(&error), "{error:?} for {url:?}");
            return REFUSED;
        }
        (parsed, fault) => panic!("{url:?} is {parsed:?}, and spoilt: {}", fault.is_some()),
    };
    if case.host == "relay" && case.port.is_empty() && case.path.trim_end_matches('/').is_empty() {
        assert_eq!(endpoint.dial_url().split_once("://").unwrap().1, "relay/relay", "{url:?}");
        assert_eq!(text(&plain["dial"]).split_once("://").unwrap().1, "relay", "{url:?}");
        return NAMED_RELAY;
    }
    let small = case.host.to_ascii_lowercase();
    for (name, ours) in [
        ("dial", endpoint.dial_url()),
        ("provision", endpoint.provision_url()),
        ("policy", endpoint.policy_url()),
        ("enroll", endpoint.enroll_url()),
    ] {
        assert_eq!(ours, text(&plain[name]).replacen(&case.host, &small, 1), "{name} of {url:?}");
    }
    if case.plain_scheme() != case.scheme {
        assert!(text(&as_is["dial"]).starts_with(case.scheme), "{url:?}");
        return CAPITAL_SCHEME;
    }
    if small == case.host { SAME } else { CAPITAL_HOST }
}
