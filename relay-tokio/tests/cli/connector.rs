//! `relay connector` over real sockets: who gets in, who is thrown out, and where its tokens go.

use relay_tokio::proto::auth::{Secret, mint_token};
use serde_json::json;

use super::http::{Server, get, post};
use super::program::{Directory, Running, relay, within};
use super::stand_in::Link;

const ADMIN: &str = "4dmin-t0ken";
const HOOK: &str = "h00k-t0ken";

/// A connector that runs. It knows gateway `a` with the secrets `new` and `old`, of instance `i`.
struct Connector {
    _running: Running,
    address: String,
    _directory: Directory,
}

impl Connector {
    async fn start(wake_url: &str, more: &[&str]) -> Self {
        Self::start_among(&[], wake_url, more).await
    }

    /// With these variables in its environment.
    async fn start_among(environment: &[(&str, &str)], wake_url: &str, more: &[&str]) -> Self {
        let directory = Directory::new();
        let gateways = directory.file(
            "gateways.toml",
            format!(
                "[[gateway]]\nid = 'a'\nsecret = 'new'\nprevious_secret = 'old'\ntenant = 't'\ninstance = 'i'\n\
                 wake_url = '{wake_url}'\n"
            ),
        );
        let (admin, hook) = (directory.file("admin", ADMIN), directory.file("hook", HOOK));
        let mut command = relay(&["connector", "--listen", "127.0.0.1:0", "--gateways", &gateways]);
        command.args(["--admin-token-file", &admin, "--hook-token-file", &hook]).args(more);
        command.envs(environment.iter().copied());
        let mut running = Running::start(command);
        let line = running.logs("listening on http://").await;
        let address = line.split_once("http://").unwrap().1.to_owned();
        Self { _running: running, address, _directory: directory }
    }

    /// Dials with a token of gateway `a`.
    async fn dial(&self, secret: &str, expires_at: Option<u64>) -> Link {
        let shown = format!("Bearer {}", mint_token("a", &Secret::new(secret), expires_at));
        Link::dial(&self.address, "/relay", Some(&shown)).await.unwrap()
    }
}

async fn greet(link: &mut Link) {
    link.send(&json!({"type": "hello", "platform": "discord", "botId": "b"})).await;
    link.next_of("descriptor").await;
}

/// C1: the upgrade is completed, and then closed with 4401, for the right reason.
#[tokio::test]
async fn a_refusal_is_a_close_after_the_upgrade() {
    let connector = Connector::start("http://h/", &[]).await;
    for (secret, expires_at, reason) in [
        ("new", Some(1), "expired"),
        ("old", Some(1), "expired"),
        ("wrong", Some(1), "unauthorized"),
        ("", None, "unauthorized"),
    ] {
        let mut link = connector.dial(secret, expires_at).await;
        assert_eq!(link.closed().await, (4401, reason.to_owned()), "{secret} {expires_at:?}");
    }
    let mut stranger = Link::dial(&connector.address, "/relay", None).await.unwrap();
    assert_eq!(stranger.closed().await, (4401, "unauthorized".to_owned()));
    for secret in ["new", "old"] {
        let mut link = connector.dial(secret, None).await;
        greet(&mut link).await;
        link.close(1000, "").await;
    }
}

/// The wire's transport: an upgrade on any other path is answered with HTTP 400, and other requests as usual.
#[tokio::test]
async fn another_path_is_a_bad_request() {
    let connector = Connector::start("http://h/", &[]).await;
    for path in ["/", "/relay/", "/relayx", "/healthz", "/admin/instances", "/%72elay"] {
        assert_eq!(Link::dial(&connector.address, path, None).await.err(), Some(400), "{path}");
    }
    assert_eq!(get(&connector.address, "/healthz").await.0, 200);
    assert_eq!(get(&connector.address, "/nowhere").await.0, 404);
    assert_eq!(get(&connector.address, "/relay").await.0, 426);
}

/// C11: the operator revokes: the live link is closed with 4401 at once, and later ones are refused.
#[tokio::test]
async fn the_operator_revokes() {
    let connector = Connector::start("http://h/", &[]).await;
    let mut link = connector.dial("new", None).await;
    greet(&mut link).await;
    assert_eq!(post(&connector.address, "/admin/gateways/a/revoke", "wrong", &json!({})).await.0, 401);
    assert_eq!(post(&connector.address, "/admin/gateways/b/revoke", ADMIN, &json!({})).await.0, 404);
    assert_eq!(post(&connector.address, "/admin/gateways/a/revoke", ADMIN, &json!({})).await.0, 200);
    assert_eq!(link.closed().await, (4401, "unauthorized".to_owned()));
    for (secret, expires_at) in [("new", None), ("old", None), ("new", Some(1))] {
        let mut later = connector.dial(secret, expires_at).await;
        assert_eq!(later.closed().await, (4401, "unauthorized".to_owned()));
    }
}

/// A redirect of a hook or of a wake URL is not followed: no other origin sees the hook token or what users said.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (hook, waking, elsewhere) = (Server::bind().await, Server::bind().await, Server::bind().await);
    let platform = format!("discord={}/hook", hook.url());
    let connector = Connector::start(&waking.url(), &["--platform", &platform]).await;
    let location = format!("location: {}/stolen\r\n", elsewhere.url());

    let event = json!({"text": "private", "source": {"platform": "discord", "chat_id": "c"}});
    let body = json!({"id": "1", "event": event});
    assert_eq!(post(&connector.address, "/platforms/discord/events", HOOK, &body).await.0, 202);
    let (poke, _) = waking.answers("302 Found", &location).await;
    assert!(!poke.contains("authorization") && !poke.contains("private"), "{poke}");

    let mut link = connector.dial("new", None).await;
    link.send(&json!({"type": "hello", "platform": "discord", "botId": "b"})).await;
    let (head, asked) = hook.answers("307 Temporary Redirect", &location).await;
    assert_eq!((head.contains(&format!("bearer {HOOK}")), &asked["kind"]), (true, &json!("describe")));
    link.next_of("descriptor").await;
    link.next_of("inbound").await;
    for status in ["301 Moved Permanently", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let action = json!({"op": "send", "chat_id": "c", "content": "private", "metadata": {}});
        link.send(&json!({"type": "outbound", "requestId": "r", "action": action})).await;
        hook.answers(status, &location).await;
        let result = &link.next_of("outbound_result").await["result"];
        assert_eq!((&result["success"], &result["code"]), (&json!(false), &json!("hook_failed")));
    }
    assert!(elsewhere.was_left_alone());
}

/// A connector has no environment: a proxy that it names sees neither the hook token nor what users said.
#[tokio::test]
async fn a_proxy_of_the_environment_is_not_used() {
    let (hook, waking, proxy) = (Server::bind().await, Server::bind().await, Server::bind().await);
    let (platform, url) = (format!("discord={}/hook", hook.url()), proxy.url());
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let mut environment: Vec<_> = names.iter().map(|name| (*name, &*url)).collect();
    environment.extend([("NO_PROXY", ""), ("no_proxy", "")]);
    let connector = Connector::start_among(&environment, &waking.url(), &["--platform", &platform]).await;

    let event = json!({"text": "private", "source": {"platform": "discord", "chat_id": "c"}});
    let body = json!({"id": "1", "event": event});
    assert_eq!(post(&connector.address, "/platforms/discord/events", HOOK, &body).await.0, 202);
    waking.answers("200 OK", "").await;

    let mut link = connector.dial("new", None).await;
    link.send(&json!({"type": "hello", "platform": "discord", "botId": "b"})).await;
    hook.answers("200 OK", "").await;
    link.next_of("descriptor").await;
    link.next_of("inbound").await;
    let action = json!({"op": "send", "chat_id": "c", "content": "private", "metadata": {}});
    link.send(&json!({"type": "outbound", "requestId": "r", "action": action})).await;
    let (_, asked) = hook.answers("200 OK", "").await;
    assert_eq!((&asked["kind"], &asked["action"]["content"]), (&json!("action"), &json!("private")));
    assert!(proxy.was_left_alone());
}

/// D7: an action reaches its hook as it was written, but for half an emoji. Some languages cut texts there.
#[tokio::test]
async fn an_action_travels_as_it_was_written() {
    let (discord, slack) = (Server::bind().await, Server::bind().await);
    let hooks =
        [("discord", &discord), ("slack", &slack)].map(|(name, hook)| format!("{name}={}/h", hook.url()));
    let connector = Connector::start("http://h/", &["--platform", &hooks[0], "--platform", &hooks[1]]).await;
    let event = json!({"text": "x", "source": {"platform": "slack", "chat_id": "c"}});
    let body = json!({"id": "1", "event": event});
    assert_eq!(post(&connector.address, "/platforms/slack/events", HOOK, &body).await.0, 202);
    let mut link = connector.dial("new", None).await;
    link.send(&json!({"type": "hello", "platform": "relay", "botId": ""})).await;
    link.next_of("descriptor").await;
    link.next_of("inbound").await;
    let action = r#"{"op":"pin","chat_id":"c","content":"hi \ud83d","far":-0.0e+0,"deep":[[[]]]}"#;
    link.send_text(&format!("{{\"type\":\"outbound\",\"requestId\":\"r\",\"action\":{action}}}\n")).await;
    // Where the chat lives counts as well: it is read of the same action.
    let (_, asked) = slack.answers("200 OK", "").await;
    let expected =
        json!({"op": "pin", "chat_id": "c", "content": "hi \u{fffd}", "far": -0.0, "deep": [[[]]]});
    assert_eq!(asked["action"], expected);
}

/// A secret is changed without a gap: the one before it is accepted beside the new one, whoever makes that.
#[tokio::test]
async fn the_operator_changes_a_secret() {
    let connector = Connector::start("http://h/", &[]).await;
    let mut record = json!({"id": "a", "tenant": "t", "instance": "i", "previous_secret": "new"});
    for given in [None, Some("newest")] {
        if let Some(given) = given {
            record["secret"] = given.into();
        }
        let (status, told) = post(&connector.address, "/admin/gateways", ADMIN, &record).await;
        assert_eq!(status, 201, "{told}");
        let secret = given.or(told["secret"].as_str()).unwrap();
        for secret in [secret, "new"] {
            let mut link = connector.dial(secret, None).await;
            greet(&mut link).await;
            link.close(1000, "").await;
        }
        let mut link = connector.dial("old", None).await;
        assert_eq!(link.closed().await, (4401, "unauthorized".to_owned()));
    }
}

/// A misspelt field is refused, and nothing is changed: without its meaning the rest may lock a gateway out.
#[tokio::test]
async fn the_operator_misspells_a_field() {
    let connector = Connector::start("http://h/", &[]).await;
    for field in ["previous-secret", "previousSecret", "secrte", "wakeUrl", "a\nb", ""] {
        let mut record = json!({"id": "a", "tenant": "t", "instance": "i", "secret": "newest"});
        record[field] = "th3-value".into();
        let (status, told) = post(&connector.address, "/admin/gateways", ADMIN, &record).await;
        assert_eq!(status, 400, "{field}: {told}");
        let error = told["error"].as_str().unwrap();
        assert!(error.contains(&format!("unknown field {field:?}")) && !error.contains('\n'), "{error}");
        assert!(error.contains("previous_secret") && !error.contains("th3-value"), "{error}");
    }
    greet(&mut connector.dial("new", None).await).await;
    let mut link = connector.dial("newest", None).await;
    assert_eq!(link.closed().await, (4401, "unauthorized".to_owned()));
}

/// Whatever is refused on these routes is refused with JSON: bodies that are too large, and paths that are no text.
#[tokio::test]
async fn errors_are_json() {
    let connector = Connector::start("http://h/", &["--platform", "chat=http://127.0.0.1:1/"]).await;
    // One byte too many, so that all of it has been read when it is refused.
    let too_large = json!("x".repeat((4 << 20) - 1));
    for (path, token, body, expected) in [
        ("/platforms/chat/events", HOOK, &too_large, 413),
        ("/platforms/chat/passthrough", HOOK, &too_large, 413),
        ("/platforms/chat/interrupts", HOOK, &too_large, 413),
        ("/admin/gateways", ADMIN, &too_large, 413),
        ("/platforms/%ff/events", HOOK, &json!({}), 400),
        ("/platforms/%ff/passthrough", HOOK, &json!({}), 400),
        ("/platforms/%ff/interrupts", HOOK, &json!({}), 400),
        ("/admin/gateways/%ff/revoke", ADMIN, &json!({}), 400),
    ] {
        let (status, told) = post(&connector.address, path, token, body).await;
        let error = told["error"].as_str();
        assert_eq!((status, error.is_some()), (expected, true), "{path}: {told}");
        assert!(error.is_some_and(|error| !error.is_empty() && !error.contains('\n')), "{path}: {told}");
    }
}

/// C15: a connection on which nobody says what they want is dropped, and so is one on which they say it for ever.
#[tokio::test]
async fn a_silent_connection_is_dropped() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut running = Running::start(relay(&["connector", "--listen", "127.0.0.1:0"]));
    let said = running.logs("listening on").await;
    let address = said.trim().rsplit("http://").next().unwrap().to_owned();
    for beginning in ["", "GET /relay HTTP/1.1\r\nHost: x\r\n"] {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A reset is an end as well.
        _ = within("the end of the connection", stream.read_to_end(&mut answer)).await;
    }
}
