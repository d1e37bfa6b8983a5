//! The one address of a connector that is configured, and the URLs that follow from it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::net::Ipv6Addr;

/// A connector's base URL.
///
/// It may be written with any of `http`, `https`, `ws` and `wss`, with or without `/relay` and slashes at its end;
/// all of these name the same connector.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    authority: Authority,
    /// The path before `/relay`; empty, or beginning with a slash.
    base: String,
}

impl Endpoint {
    /// Reads a base URL. Surrounding blanks, slashes at the end and one `/relay` before them are dropped; the host
    /// is lowercased.
    ///
    /// # Errors
    /// What is wrong with it, and what to write instead, in one line; nothing secret is repeated.
    pub fn parse(base: &str) -> Result<Self, EndpointError> {
        let url = base.trim();
        if url.is_empty() {
            return Err(EndpointError::Empty);
        }
        if let Some(blank) = url.chars().find(|c| c.is_whitespace() || c.is_control()) {
            return Err(EndpointError::Blank(blank));
        }
        let (authority, path) = split(url)?;
        for c in path.chars() {
            match c {
                '?' => return Err(EndpointError::Query),
                '#' => return Err(EndpointError::Fragment),
                c if is_path(c) => {}
                c => return Err(EndpointError::Path(c)),
            }
        }
        let path = path.trim_end_matches('/');
        Ok(Self { authority, base: path.strip_suffix("/relay").unwrap_or(path).to_owned() })
    }

    /// Where the link is dialed: `ws(s)://…/relay`.
    #[must_use]
    pub fn dial_url(&self) -> String {
        self.url(if self.is_tls() { "wss" } else { "ws" }, "/relay")
    }

    /// `POST` here to provision a hosted gateway.
    #[must_use]
    pub fn provision_url(&self) -> String {
        self.http("/relay/provision")
    }

    /// `POST` here to declare a relevance policy.
    #[must_use]
    pub fn policy_url(&self) -> String {
        self.http("/relay/policy")
    }

    /// `POST` here to enroll a self-hosted gateway.
    #[must_use]
    pub fn enroll_url(&self) -> String {
        self.http("/relay/enroll")
    }

    /// `POST` media here; `GET` them from here with `/` and their id.
    #[must_use]
    pub fn media_url(&self) -> String {
        self.http("/relay/media")
    }

    /// The management route of this name, such as `link` or `scope/release`.
    #[must_use]
    pub fn manage_url(&self, route: &str) -> String {
        self.http(&format!("/manage/{}", route.trim_start_matches('/')))
    }

    /// Whether the connector is reached over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.authority.tls
    }

    /// The host's name or address; an IPv6 address comes without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.authority.host
    }

    /// The port, 443 or 80 when none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.authority.port()
    }

    fn http(&self, path: &str) -> String {
        self.url(if self.is_tls() { "https" } else { "http" }, path)
    }

    fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{}{path}", self.authority, self.base)
    }
}

/// Whether two URLs lead to the same scheme, host and port, so that a bearer shown to one may be shown to the
/// other. `ws` counts as `http`, and `wss` as `https`. Anything that is no plain absolute URL of these, a relative
/// one included, has no origin in common with anything.
#[must_use]
pub fn same_origin(a: &str, b: &str) -> bool {
    let origin = |url: &str| {
        let clean = !url.contains(|c: char| c.is_whitespace() || c.is_control());
        let (authority, _) = split(url).ok().filter(|_| clean)?;
        Some((authority.tls, authority.port(), authority.host))
    };
    origin(a).is_some_and(|of_a| origin(b) == Some(of_a))
}

/// Why a base URL cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EndpointError {
    /// There is nothing.
    Empty,
    /// A blank or a control character stands inside.
    Blank(char),
    /// There is no scheme.
    NoScheme,
    /// The scheme is of no use here.
    Scheme(String),
    /// There is no host.
    NoHost,
    /// The host holds a character that none may hold.
    Host(char),
    /// An IPv6 address is malformed, or stands without brackets.
    Address,
    /// The port is no number from 1 to 65535.
    Port,
    /// A user name or a password stands before the host.
    UserInfo,
    /// The path holds a character that must be escaped.
    Path(char),
    /// There is a query.
    Query,
    /// There is a fragment.
    Fragment,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the relay URL ")?;
        match self {
            Self::Empty => f.write_str("is empty: write one such as https://connector.example"),
            Self::Blank(c) => write!(f, "holds {c:?}: write it without blanks and control characters inside"),
            Self::NoScheme => f.write_str("has no scheme: write https:// (or http://) before the host"),
            Self::Scheme(scheme) => {
                write!(f, "has the scheme {scheme:?}: write https or http, or wss or ws, instead")
            }
            Self::NoHost => f.write_str("has no host: write one after https://, such as connector.example"),
            Self::Host(c) => write!(f, "has {c:?} in its host: write the name in ASCII (xn--… for others)"),
            Self::Address => {
                f.write_str("has a malformed host: write an IPv6 address in brackets, such as [::1]")
            }
            Self::Port => {
                f.write_str("has a bad port: write a number from 1 to 65535 after the colon, or neither")
            }
            Self::UserInfo => {
                f.write_str("has a user name: leave it out and set the gateway's id and secret")
            }
            Self::Path(c) => write!(f, "has {c:?} in its path: write it percent-encoded"),
            Self::Query => f.write_str("has a query: leave out the question mark and what follows it"),
            Self::Fragment => f.write_str("has a fragment: leave out the # and what follows it"),
        }
    }
}

impl core::error::Error for EndpointError {}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Authority {
    tls: bool,
    host: String,
    port: Option<u16>,
}

impl Authority {
    fn parse(tls: bool, text: &str) -> Result<Self, EndpointError> {
        if text.contains('@') {
            return Err(EndpointError::UserInfo);
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(bracketed) => {
                let (host, port) = bracketed.split_once(']').ok_or(EndpointError::Address)?;
                host.parse::<Ipv6Addr>().map_err(|_| EndpointError::Address)?;
                (host, port)
            }
            None => {
                let host_len = text.find(':').unwrap_or(text.len());
                let (host, port) = text.split_at(host_len);
                if port.matches(':').count() > 1 {
                    return Err(EndpointError::Address);
                }
                check_name(host)?;
                (host, port)
            }
        };
        Ok(Self { tls, host: host.to_ascii_lowercase(), port: port_of(port)? })
    }

    fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls { 443 } else { 80 })
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Takes a URL apart: the authority, and all that follows it.
fn split(url: &str) -> Result<(Authority, &str), EndpointError> {
    let (scheme, rest) = url.split_once("://").ok_or(EndpointError::NoScheme)?;
    let tls = match &*scheme.to_ascii_lowercase() {
        "https" | "wss" => true,
        "http" | "ws" => false,
        // What is no scheme at all may hold a password, and is not repeated.
        other if is_scheme(other) => return Err(EndpointError::Scheme(other.to_owned())),
        _ => return Err(EndpointError::NoScheme),
    };
    // Some clients take a backslash for a slash: what stands behind one must not pass for the host.
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Ok((Authority::parse(tls, authority)?, path))
}

fn check_name(host: &str) -> Result<(), EndpointError> {
    if host.is_empty() {
        return Err(EndpointError::NoHost);
    }
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    host.chars().find(|c| !allowed(c)).map_or(Ok(()), |c| Err(EndpointError::Host(c)))
}

/// The port of what follows a host: nothing, or a colon and digits.
fn port_of(text: &str) -> Result<Option<u16>, EndpointError> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_prefix(':').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()) {
        None | Some(0) => Err(EndpointError::Port),
        port @ Some(_) => Ok(port),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn is_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@%".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn dial(base: &str) -> String {
        Endpoint::parse(base).unwrap().dial_url()
    }

    #[test]
    fn all_spellings_name_the_same_connector() {
        for base in ["https://h", "wss://h/", "HTTPS://H/relay", " wss://h/relay// \n", "Wss://h"] {
            assert_eq!(dial(base), "wss://h/relay", "{base}");
        }
        assert_eq!(dial("http://h/a/relay/relay"), "ws://h/a/relay/relay");
        assert_eq!(dial("http://relay"), "ws://relay/relay");
        assert_eq!(dial("http://h/relayed"), "ws://h/relayed/relay");
    }

    #[test]
    fn urls_follow_from_the_base() {
        let endpoint = Endpoint::parse("ws://[::1]:8080/base/relay").unwrap();
        assert_eq!(endpoint.dial_url(), "ws://[::1]:8080/base/relay");
        assert_eq!(endpoint.enroll_url(), "http://[::1]:8080/base/relay/enroll");
        assert_eq!(endpoint.media_url(), "http://[::1]:8080/base/relay/media");
        assert_eq!(endpoint.manage_url("scope/release"), "http://[::1]:8080/base/manage/scope/release");
        assert_eq!((endpoint.host(), endpoint.port(), endpoint.is_tls()), ("::1", 8080, false));
        let endpoint = Endpoint::parse("https://connector.example").unwrap();
        assert_eq!((endpoint.host(), endpoint.port(), endpoint.is_tls()), ("connector.example", 443, true));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (base, error) in [
            (" \n", EndpointError::Empty),
            ("https://a b", EndpointError::Blank(' ')),
            ("https://a\u{7}", EndpointError::Blank('\u{7}')),
            ("connector.example:80", EndpointError::NoScheme),
            ("://h", EndpointError::NoScheme),
            ("ftp://h", EndpointError::Scheme("ftp".into())),
            ("https://", EndpointError::NoHost),
            ("https:///relay", EndpointError::NoHost),
            ("https://:80", EndpointError::NoHost),
            ("https://hé", EndpointError::Host('é')),
            ("https://h%41", EndpointError::Host('%')),
            ("https://::1", EndpointError::Address),
            ("https://[::1", EndpointError::Address),
            ("https://[h]", EndpointError::Address),
            ("https://[::1]80", EndpointError::Port),
            ("https://h:", EndpointError::Port),
            ("https://h:0", EndpointError::Port),
            ("https://h:+1", EndpointError::Port),
            ("https://h:65536", EndpointError::Port),
            ("https://u:p@h", EndpointError::UserInfo),
            ("https://h/é", EndpointError::Path('é')),
            ("https://h\\relay", EndpointError::Path('\\')),
            ("https://h?x", EndpointError::Query),
            ("https://h/relay#x", EndpointError::Fragment),
        ] {
            assert_eq!(Endpoint::parse(base), Err(error), "{base}");
        }
    }

    /// A5: a password that was put into the URL does not reach a log.
    #[test]
    fn errors_are_one_line_and_repeat_nothing_secret() {
        for base in [
            "https://u:hunter2@h",
            "u:hunter2@h",
            "u:hunter2@h/?x=y://z",
            "ftp://u:hunter2@h",
            "https://h?hunter2",
        ] {
            let line = Endpoint::parse(base).unwrap_err().to_string();
            assert!(!line.contains("hunter2") && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn origins_are_compared_by_scheme_host_and_port() {
        for (a, b, same) in [
            ("https://h/relay", "https://H:443/x?y#z", true),
            ("ws://h", "http://h:80/", true),
            ("https://h", "http://h", false),
            ("https://h", "https://h:444", false),
            ("https://h", "https://h.evil", false),
            ("https://h", "https://h@evil/", false),
            ("https://h", "https://evil\\@h/", false),
            ("https://h", "https://h\n", false),
            ("https://h/a b", "https://h/a b", false),
            ("https://h/\u{1}", "https://h/\u{1}", false),
            ("https://h", "/relay", false),
            ("https://h", "//h/relay", false),
            ("ftp://h", "ftp://h", false),
        ] {
            assert_eq!(same_origin(a, b), same, "{a} {b}");
        }
    }
}
