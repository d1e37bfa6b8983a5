//! What the crate takes for JSON, beside what a JSON library does.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;
use relay_proto::json::Json;
use serde_json::value::RawValue;

/// What a value is written of, and what breaks one.
const PIECES: [&str; 34] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\"a\"",
    "\"a\":",
    "\\\"",
    "\\u12aF",
    "\\u12g4",
    "\\ud83d",
    "\\x",
    "0",
    "-",
    "7",
    ".5",
    "e+3",
    "E",
    "+",
    "true",
    "false",
    "null",
    "nul",
    " ",
    "\n",
    "\t",
    "\u{1}",
    "é",
    "😀",
    "plain text of some length",
    "\u{7f}",
];

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "\"[ -!#-\\[\\]-~é😀]{0,40}\"",
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
        Just("true".to_owned()),
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let field =
            ("\"[a-z]{0,20}\"[ \n]{0,2}", inner.clone()).prop_map(|(name, value)| format!("{name}:{value}"));
        let blank = "[ \n\t\r]{0,2}";
        prop_oneof![
            (prop::collection::vec(inner, 0..6), blank)
                .prop_map(|(all, blank)| format!("[{blank}{}]", all.join(","))),
            (prop::collection::vec(field, 0..6), blank).prop_map(|(all, blank)| format!(
                "{{{blank}{}{blank}}}",
                all.join(&format!("{blank},{blank}"))
            )),
        ]
    })
}

/// A value in which something is put, taken away or put twice.
fn broken() -> impl Strategy<Value = String> {
    let change = (any::<Index>(), 0..3_usize, prop::sample::select(&PIECES[..]));
    (value(), prop::collection::vec(change, 0..4)).prop_map(|(mut text, changes)| {
        for (place, taken, put) in changes {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let from = place.index(places.len());
            let to = (from + taken).min(places.len() - 1);
            text.replace_range(places[from]..places[to], put);
        }
        text
    })
}

/// What a string is written of, and the UTF-16 that it means.
const UNITS: [(&str, &str); 9] = [
    ("\\\\", "\\"),
    ("\\\"", "\""),
    ("\\n", "\n"),
    ("\\u0041", "A"),
    ("\\u00e9", "é"),
    ("ud83d", "ud83d"),
    ("\\/", "/"),
    ("é😀", "é😀"),
    ("\\uD83D\\ude00", "😀"),
];

/// A part of a string, and its UTF-16: one of the above, or half a pair.
fn part() -> impl Strategy<Value = (String, Vec<u16>)> {
    let whole = prop::sample::select(&UNITS[..])
        .prop_map(|(written, meant)| (written.to_owned(), meant.encode_utf16().collect()));
    let half = (0xd800..=0xdfff_u16, any::<bool>()).prop_map(|(unit, large)| {
        (if large { format!("\\u{unit:X}") } else { format!("\\u{unit:x}") }, vec![unit])
    });
    prop_oneof![whole, half]
}

fn agree(text: &str) {
    let library = serde_json::from_str::<&RawValue>(text).ok().map(RawValue::get);
    assert_eq!(Json::parse(text).map(Json::get), library, "{text:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..Default::default() })]

    /// D7, D8: whole values are taken for what they are.
    #[test]
    fn whole_values(text in value()) {
        agree(&text);
        prop_assert!(Json::parse(&text).is_some());
    }

    /// D7, D8: values with something broken in them.
    #[test]
    fn broken_values(text in broken()) {
        agree(&text);
    }

    /// D7, D8: any pieces in a row.
    #[test]
    fn pieces(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12)) {
        agree(&pieces.concat());
    }

    /// D7: half an emoji is mended and nothing else is touched, wherever it stands.
    #[test]
    fn halves_are_mended(parts in prop::collection::vec(part(), 0..12)) {
        let (written, units): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let text = format!("{{\"é\":[\"{}\"]}}", written.concat());
        let meant = String::from_utf16_lossy(&units.concat());
        let mended = Json::parse(&text).unwrap().mended();
        let read: serde_json::Value = serde_json::from_str(&mended).unwrap();
        prop_assert_eq!(read, serde_json::json!({"é": [meant]}));
        let is_whole = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        prop_assert_eq!(mended == text, is_whole);
    }

    /// D7: any text at all.
    #[test]
    fn texts(text in any::<String>()) {
        agree(&text);
        agree(&format!("\"{text}\""));
    }
}
