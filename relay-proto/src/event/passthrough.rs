//! A request that a platform made of the connector and that the connector forwards as it came.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::json::{Fields, Json};

/// A forwarded request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Passthrough {
    /// The platform that made it.
    pub platform: String,
    /// The bot that it was made for.
    pub bot_id: String,
    /// The HTTP method.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The headers in order of arrival; a name may come more than once.
    pub headers: Vec<(String, String)>,
    /// The exact bytes of the body.
    pub body: Vec<u8>,
    /// The agent's profile that the request is for.
    pub profile: Option<String>,
}

impl Passthrough {
    /// Reads a forward; never fails (rule D8). A field that is absent or of the wrong type is empty, a header that
    /// is no pair of texts is dropped, and a body that is no base64 is empty.
    ///
    /// Base64 is that of RFC 4648, with its padding; line breaks and blanks in it are skipped. (The published peer
    /// skips every foreign character, and so makes other bytes of a body in the URL-safe alphabet. No body is
    /// better than a wrong one.)
    #[must_use]
    pub fn parse(json: &str) -> Self {
        Fields::parse(json).map(|fields| Self::read(&fields)).unwrap_or_default()
    }

    fn read(fields: &Fields<'_>) -> Self {
        let text = |name| fields.text(name).map(Into::into).unwrap_or_default();
        Self {
            platform: text("platform"),
            bot_id: text("botId"),
            method: text("method"),
            path: text("path"),
            headers: fields.elements("headers").into_iter().filter_map(header).collect(),
            body: fields
                .get("bodyB64")
                .and_then(Json::string)
                .and_then(|body| decode(&body))
                .unwrap_or_default(),
            profile: fields.filled("profile").map(Into::into),
        }
    }
}

impl Serialize for Passthrough {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("platform", &self.platform)?;
        map.serialize_entry("botId", &self.bot_id)?;
        map.serialize_entry("method", &self.method)?;
        map.serialize_entry("path", &self.path)?;
        map.serialize_entry("headers", &self.headers)?;
        map.serialize_entry("bodyB64", &BASE64.encode(&self.body))?;
        if self.profile.is_some() {
            map.serialize_entry("profile", &self.profile)?;
        }
        map.end()
    }
}

/// Padding must be right, as the published peer has it, but bits after the last byte are nobody's business.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

fn decode(body: &str) -> Option<Vec<u8>> {
    let body = if body.contains(|c: char| c.is_ascii_whitespace()) {
        Cow::Owned(body.split_ascii_whitespace().collect::<String>())
    } else {
        Cow::Borrowed(body)
    };
    BASE64.decode(&*body).ok()
}

fn header(pair: Json<'_>) -> Option<(String, String)> {
    match pair.elements()[..] {
        [name, value] => Some((name.text()?.into(), value.text()?.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn body(base64: &str) -> Vec<u8> {
        Passthrough::parse(&format!(r#"{{"bodyB64":{base64}}}"#)).body
    }

    #[test]
    fn a_body_that_is_no_base64_is_empty() {
        for wrong in
            [r#""%%%""#, r#""YQ""#, r#""YQ=""#, r#""=""#, r#""-_-_""#, r#""YQ==x""#, "7777", "null", "[]"]
        {
            assert_eq!(body(wrong), b"", "{wrong}");
        }
    }

    #[test]
    fn blanks_in_base64_are_skipped() {
        assert_eq!(body(r#"" aGVs\r\nbG8= ""#), b"hello");
        assert_eq!(body(r#""YR==""#), b"a");
    }

    #[test]
    fn headers_keep_their_order_and_non_pairs_go() {
        let json =
            r#"{"headers":[["B","1"],["a",2],["x"],"y",["p","q","r"],["n",null],{"k":"v"},["B","3"]]}"#;
        let headers = Passthrough::parse(json).headers;
        assert_eq!(headers, [("B", "1"), ("a", "2"), ("B", "3")].map(|(k, v)| (k.into(), v.into())));
    }

    #[test]
    fn what_was_written_is_read_again() {
        let forward = Passthrough {
            platform: "twilio".into(),
            bot_id: "b".into(),
            method: "POST".into(),
            path: "/x?y".into(),
            headers: [("A".into(), "é\n".into())].into(),
            body: (0..=255).collect(),
            profile: Some("work".into()),
        };
        assert_eq!(Passthrough::parse(&serde_json::to_string(&forward).unwrap()), forward);
        assert_eq!(Passthrough::parse("[]"), Passthrough::default());
    }
}
