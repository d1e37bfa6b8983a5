//! What both ends compute by themselves comes out the same in the published client's own functions: tokens and session
//! keys, each for ten thousand cases by chance. Where this project means to differ, the tests say how, and count.

mod interop;

use interop::functions::{BATCH, Class, Tally, call, text};
use interop::{Dice, Script, on_each_version};
use relay_proto::auth::{Secret, TokenError, Verified, mint_token, peek_gateway_id, verify_token};
use relay_proto::event::{MessageEvent, SessionScope, session_key};
use serde_json::{Value, json};

/// Parts of nasty ids and secrets: what parts them on the wire, what is no ASCII, what is blank. (U+001C to U+001F are
/// left out, which Python alone counts as blank.)
const PARTS: &[&str] = &[
    "a",
    "gw",
    "1",
    "0",
    ":",
    "::",
    "-",
    "_",
    ".",
    "@",
    "+",
    "/",
    "=",
    "%",
    " ",
    "\t",
    "\n",
    "\u{a0}",
    "é",
    "ß",
    "😀",
    "\u{301}",
    "\u{2028}",
    "\u{200b}",
    "\"",
    "\\",
    "{}",
    "null",
    "main",
    "default",
    "dm",
    "1750000000",
];

const GOOD: Class = Class::Agrees("good");
const EXPIRED: Class = Class::Agrees("expired");
const REFUSED: Class = Class::Agrees("refused");
const CHANGED: Class = Class::Agrees("changed, and refused");
const SPELLING: Class = Class::Differs("another spelling");

/// A5, C1: a token is minted as there, and verified as there: by the same secrets, to the same second.
///
/// On purpose, one spelling of a token is read here and no other. Python also takes padding, the other base64 alphabet,
/// what is in neither, stray bits at the end, blanks and capitals in the signature, and any way that it reads a number.
/// What it takes for that alone is malformed here; of anything else that is refused here, it takes nothing.
#[test]
fn tokens() {
    on_each_version(async |version| {
        let mut dice = Dice::new(1);
        let mut client = Script::start(version, "functions.py");
        let mut tally = Tally::default();
        while !tally.is_full() {
            let minted: Vec<Value> = (0..BATCH).map(|_| token_to_mint(&mut dice)).collect();
            let tokens = call(&mut client, "mint", &minted).await;
            let to_verify: Vec<Value> = minted
                .iter()
                .zip(&tokens)
                .map(|(case, token)| token_to_verify(&mut dice, case, token))
                .collect();
            let verified = call(&mut client, "verify", &to_verify).await;
            for (index, case) in minted.iter().enumerate() {
                let expires_at = expires_at(case);
                let token = mint_token(text(&case["id"]), &Secret::new(text(&case["secret"])), expires_at);
                assert_eq!(token, tokens[index]["token"], "{case}");
                let class = compare_verified(case, &token, &to_verify[index], &verified[index]);
                tally.count(class);
            }
        }
        tally.assert_is_of(&[GOOD, EXPIRED, REFUSED, CHANGED, SPELLING]);
    });
}

fn token_to_mint(dice: &mut Dice) -> Value {
    let ttl = dice.one_of(&[0, 1, 2, 300, 300, 86_400, 1_000_000_000_000_u64]);
    json!({
        "id": dice.text(PARTS, 5), "secret": dice.text(PARTS, 4), "ttl": ttl,
        "now": dice.one_of(&[0, 1, 1_750_000_000, 1_750_000_000, 4_294_967_296_u64]),
    })
}

/// A token as it was minted or not quite, secrets that may be right, and a time.
fn token_to_verify(dice: &mut Dice, minted: &Value, token: &Value) -> Value {
    let now = minted["now"].as_u64().unwrap();
    let end = expires_at(minted).unwrap_or(now);
    let at = dice.one_of(&[now, end.saturating_sub(1), end, end, end + 1, end + 2, 0, u64::from(u32::MAX)]);
    let secret = text(&minted["secret"]);
    let other = secret.to_owned() + dice.one_of(&["x", " ", "\n"]);
    let secrets = match dice.below(8) {
        0 | 1 => vec![secret],
        2 => vec![&other, secret],
        3 => vec!["", secret, ""],
        4 => vec![secret, &other],
        5 => vec![other.as_str()],
        6 => vec![""],
        _ => vec![],
    };
    let mut case = json!({"at": at, "secrets": secrets});
    let (token, decoded) = (text(&token["token"]), text(&token["text"]));
    let (signed, signature) = decoded.rsplit_once(':').unwrap();
    let (id, expires_at) = signed.rsplit_once(':').unwrap();
    let stray = dice.one_of(&["=", "==", " ", "\n", "A", "-", "+", "*", "é", "\u{0}", "."]);
    let (whole, place) = (token.to_owned(), dice.place_in(token));
    match dice.below(20) {
        // The text inside is spelled in another way.
        0 => {
            let number = dice.one_of(&["+", "0", "00", " ", "\t", "-", "0_", "", "\u{661}"]);
            case["text"] = format!("{id}:{number}{expires_at}:{signature}").into();
        }
        1 => case["text"] = format!("{id}:{expires_at}:{}", signature.to_uppercase()).into(),
        2 => case["text"] = format!("{id}:{expires_at}: {} {}", &signature[..2], &signature[2..]).into(),
        3 => {
            let number = dice.one_of(&[" ", "0", ".0", "_"]);
            case["text"] = format!("{id}:{expires_at}{number}:{signature}").into();
        }
        // The text inside is another one.
        4 => {
            let place = dice.place_in(decoded);
            let (before, after) = decoded.split_at(place);
            case["text"] = format!("{before}{}{after}", dice.one_of(PARTS)).into();
        }
        5 => case["text"] = dice.text(PARTS, 8).into(),
        // The token is another one, or spelled in another way.
        6 => case["token"] = whole[..place].into(),
        7 => case["token"] = format!("{}{stray}{}", &whole[..place], &whole[place..]).into(),
        8 => case["token"] = format!("{whole}{stray}").into(),
        9 => case["token"] = whole.replace('-', "+").replace('_', "/").into(),
        10 => {
            let last = dice.one_of(&["B", "h", "x", "_"]);
            case["token"] = format!("{}{last}", &whole[..whole.len() - 1]).into();
        }
        11 => case["token"] = dice.text(PARTS, 8).into(),
        _ => case["token"] = whole.into(),
    }
    case
}

fn expires_at(case: &Value) -> Option<u64> {
    let ttl = case["ttl"].as_u64().unwrap();
    (ttl > 0).then_some(case["now"].as_u64().unwrap() + ttl)
}

fn compare_verified(minted: &Value, token: &str, case: &Value, client: &Value) -> Class {
    let secrets = case["secrets"].as_array().unwrap();
    let held: Vec<Secret> = secrets.iter().map(|secret| Secret::new(text(secret))).collect();
    let (shown, at) = (text(&client["token"]), case["at"].as_u64().unwrap());
    let ours = verify_token(shown, &held, at);
    let accepted = client["verified"].as_str();
    let (id, expires_at) = (text(&minted["id"]), expires_at(minted));
    if let Ok(verified) = &ours {
        assert_eq!(Some(&*verified.gateway_id), accepted, "{case}");
        assert_eq!(peek_gateway_id(shown).as_deref(), accepted, "{case}");
    }
    if shown != token {
        return match (ours, accepted) {
            (Err(TokenError::Malformed), Some(accepted)) => {
                assert_eq!(accepted, id, "{case}");
                SPELLING
            }
            (Ok(_), _) | (Err(_), None) => CHANGED,
            (Err(error), Some(_)) => panic!("{error}, and there it is taken: {case}"),
        };
    }
    let signed = secrets.iter().any(|secret| *secret == minted["secret"] && *secret != "");
    let expected = match expires_at {
        _ if !signed => Err(TokenError::BadSignature),
        Some(end) if at > end => Err(TokenError::Expired { gateway_id: id.to_owned() }),
        expires_at => Ok(Verified { gateway_id: id.to_owned(), expires_at }),
    };
    assert_eq!(ours, expected, "{case}");
    assert_eq!(ours.is_ok(), accepted.is_some(), "{case}");
    match ours {
        Ok(_) => GOOD,
        Err(TokenError::Expired { .. }) => EXPIRED,
        Err(TokenError::BadSignature | TokenError::Malformed) => REFUSED,
    }
}

const SAME: Class = Class::Agrees("same");
/// Agrees once the platform has the name that the client gives it.
const UNKNOWN_PLATFORM: Class = Class::Differs("unknown platform");
const NO_CHAT_TYPE: Class = Class::Differs("no chat type");
const ODD_WHATSAPP: Class = Class::Differs("odd WhatsApp id");

/// The wire's session key, which no rule restates: the same source has the same key.
///
/// On purpose, it differs where Python has no key of its own to agree with. A platform that it does not know it calls
/// `relay`; here it keeps its name. Without a chat type it leaves a hole, or raises; here that is a dm. Over a WhatsApp
/// id that is none it raises; here there is a key.
#[test]
fn session_keys() {
    on_each_version(async |version| {
        let mut dice = Dice::new(2);
        let mut client = Script::start(version, "functions.py");
        let mut tally = Tally::default();
        while !tally.is_full() {
            let cases: Vec<Value> = (0..BATCH).map(|_| session(&mut dice)).collect();
            let answers = call(&mut client, "session_key", &cases).await;
            for (case, answer) in cases.iter().zip(&answers) {
                tally.count(compare_session_key(case, answer));
            }
        }
        tally.assert_is_of(&[SAME, UNKNOWN_PLATFORM, NO_CHAT_TYPE, ODD_WHATSAPP]);
    });
}

fn session(dice: &mut Dice) -> Value {
    let mut source = json!({});
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            source[name] = value;
        }
    };
    let platforms = [
        "discord",
        "telegram",
        "whatsapp",
        "whatsapp",
        "whatsapp",
        "slack",
        "matrix",
        "relay",
        "whatsapp_cloud",
        " Discord ",
        "WhatsApp",
        "nosuch",
        "a:b",
        "",
    ];
    put("platform", (!dice.once_in(20)).then(|| dice.one_of(&platforms).into()));
    let chat_types = ["dm", "dm", "dm", "group", "group", "channel", "thread", "forum", "DM", "späť:1"];
    put(
        "chat_type",
        match dice.below(40) {
            0 => None,
            1 => Some("".into()),
            2 => Some(Value::Null),
            _ => Some(dice.one_of(&chat_types).into()),
        },
    );
    for name in ["chat_id", "user_id", "user_id_alt", "thread_id"] {
        put(name, id(dice));
    }
    put("profile", id(dice));
    put("scope_id", id(dice));
    let profile =
        dice.one_of(&[None, None, Some(""), Some("default"), Some("main"), Some("Default"), Some("a:b ü")]);
    json!({
        "source": source, "group": !dice.once_in(3), "thread": dice.once_in(3), "profile": profile,
    })
}

/// An id that is missing, null, empty, some text, or one of WhatsApp's.
fn id(dice: &mut Dice) -> Option<Value> {
    let number = ["15551234567", "1", "+", "+1555", "1+5", "a.b-C", ""];
    let rest = ["", "", "@s.whatsapp.net", "@lid", ":47@s.whatsapp.net", ":1", "@g.us", "@a:b+", "+"];
    let blank = ["", "", "", " ", "\u{a0}\n", "\u{2003}"];
    match dice.below(10) {
        0 => None,
        1 => Some(Value::Null),
        2 => Some("".into()),
        3 | 4 => Some(dice.text(PARTS, 4).into()),
        _ => {
            let [before, after] = [dice.one_of(&blank), dice.one_of(&blank)];
            Some(format!("{before}{}{}{after}", dice.one_of(&number), dice.one_of(&rest)).into())
        }
    }
}

fn compare_session_key(case: &Value, client: &Value) -> Class {
    let json = json!({"source": case["source"]}).to_string();
    let mut source = MessageEvent::parse(&json).source;
    let scope = SessionScope {
        group_sessions_per_user: case["group"].as_bool().unwrap(),
        thread_sessions_per_user: case["thread"].as_bool().unwrap(),
    };
    let known = source.platform == text(&client["platform"]);
    source.platform = text(&client["platform"]).to_owned().into();
    let ours = session_key(&source, case["profile"].as_str(), scope);
    let chat_type = case["source"].get("chat_type");
    if chat_type == Some(&Value::Null) {
        assert!(client["error"].is_string() && ours.contains(":dm"), "{case}");
        return NO_CHAT_TYPE;
    }
    if let Some(error) = client["error"].as_str() {
        assert_eq!((error, &*source.platform), ("ValueError", "whatsapp"), "{case}");
        let persons = [Some(&source.chat_id), source.user_id.as_ref(), source.user_id_alt.as_ref()];
        assert!(persons.into_iter().flatten().any(|name| is_odd(name)), "{case}");
        return ODD_WHATSAPP;
    }
    let theirs = text(&client["key"]);
    if chat_type.is_some_and(|chat_type| chat_type == "") {
        let hole = theirs.contains("::") || theirs.ends_with(':');
        assert!(hole && ours.contains(":dm"), "{ours} {theirs}");
        return NO_CHAT_TYPE;
    }
    assert_eq!(ours, theirs, "{case}");
    if known { SAME } else { UNKNOWN_PLATFORM }
}

/// Whether Python raises over a WhatsApp id: its number, taken twice, has nothing left or characters that it does not
/// expect.
fn is_odd(id: &str) -> bool {
    let number = |id: &str| {
        let bare = id.trim().replacen('+', "", 1);
        bare.split([':', '@']).next().unwrap_or_default().to_owned()
    };
    let usual = |c: char| c.is_ascii_alphanumeric() || "@.+-".contains(c);
    let (once, twice) = (number(id), number(&number(id)));
    !once.is_empty() && (twice.is_empty() || !twice.chars().all(usual))
}
