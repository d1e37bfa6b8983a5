//! The connector's front door over real sockets: who gets in, and how the others are told.

use relay_driver::proto::connector::Status;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::http::HeaderMap;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;

use crate::harness::{End, GATEWAY, House, SECRET, Stack, StandIn, bearer, patient, record, within};

on_both! {
    both_ends_say_what_they_can,
    an_upgrade_answered_elsewhere,
    a_refusal_is_a_close_after_the_upgrade,
    whoever_holds_a_secret_gets_in,
    a_revoked_secret_never_expires,
    a_refused_peer_that_talks_is_still_told,
    another_path_is_a_bad_request,
    what_is_no_upgrade_harms_nobody,
    silent_connections_keep_nobody_out,
    the_stand_in_is_dialed_like_a_connector,
}

/// A moment long past, and one that no test lives to see.
const PAST: Option<u64> = Some(1_000_000_000);
const FUTURE: Option<u64> = Some(4_000_000_000);

/// C1: the upgrade is completed, and then closed with 4401: `expired` of a token that was good once, `unauthorized`
/// of anything else.
async fn a_refusal_is_a_close_after_the_upgrade<S: Stack>() {
    let house = House::<S>::start();
    for (shown, reason) in [
        (Some(bearer(GATEWAY, SECRET, PAST)), "expired"),
        (Some(bearer(GATEWAY, "wrong", PAST)), "unauthorized"),
        (Some(bearer(GATEWAY, "wrong", FUTURE)), "unauthorized"),
        (Some(bearer(GATEWAY, "", FUTURE)), "unauthorized"),
        (Some(bearer("nobody", SECRET, FUTURE)), "unauthorized"),
        (Some(bearer("", SECRET, FUTURE)), "unauthorized"),
        (Some(bearer(GATEWAY, SECRET, FUTURE).replace("Bearer", "Basic")), "unauthorized"),
        (Some("Bearer".to_owned()), "unauthorized"),
        (Some("Bearer ".to_owned()), "unauthorized"),
        (Some(format!("Bearer {}", "A".repeat(8_000))), "unauthorized"),
        (Some(SECRET.to_owned()), "unauthorized"),
        (None, "unauthorized"),
    ] {
        let mut end = End::dial(house.address, shown.as_deref()).await;
        assert_eq!(end.closed().await, (4401, reason.to_owned()), "{shown:?}");
    }
    assert_eq!(house.session().status(), Status::Offline, "nobody got in");
}

/// C1: tokens that get in: with an end or without, of the present secret or the one before it, and of an id with
/// colons.
async fn whoever_holds_a_secret_gets_in<S: Stack>() {
    let house = House::<S>::start();
    house.connector.register(record("gw:2:x", "t", "i2", &["new", "old"])).unwrap();
    for (id, secret, expires_at, instance) in [
        (GATEWAY, SECRET, None, "i"),
        (GATEWAY, SECRET, FUTURE, "i"),
        ("gw:2:x", "new", FUTURE, "i2"),
        ("gw:2:x", "old", FUTURE, "i2"),
    ] {
        let mut end = End::dial(house.address, Some(&bearer(id, secret, expires_at))).await;
        end.send(&json!({"type": "hello", "platform": "discord", "botId": "b"})).await;
        assert_eq!(end.next_of("descriptor").await["descriptor"]["platform"], "discord");
        let session = house.connector.session(instance).unwrap();
        assert_eq!(session.status(), Status::Live, "{id} with {secret}");
        end.close(1000, "").await;
        within("the end of the session", session.wait_for(|status| status == Status::Offline)).await;
    }
}

/// C1, C11: a revoked secret is `unauthorized`, whether or not its token has expired.
async fn a_revoked_secret_never_expires<S: Stack>() {
    let house = House::<S>::start();
    assert!(house.connector.revoke(GATEWAY));
    for expires_at in [PAST, FUTURE, None] {
        let mut end = End::dial(house.address, Some(&bearer(GATEWAY, SECRET, expires_at))).await;
        assert_eq!(end.closed().await, (4401, "unauthorized".to_owned()), "{expires_at:?}");
    }
}

/// C1: what a refused peer sends is not read as frames, and does not keep its close from it.
async fn a_refused_peer_that_talks_is_still_told<S: Stack>() {
    let house = House::<S>::start();
    let mut end = End::dial(house.address, None).await;
    for _ in 0..100 {
        let hello =
            json!({"type": "hello", "platform": "discord", "botId": "b", "filler": "x".repeat(1_000)});
        // The close may be there already.
        _ = end.try_send(hello.to_string().into()).await;
    }
    assert_eq!(end.closed().await, (4401, "unauthorized".to_owned()));
    assert!(end.leftovers().is_empty());
}

/// The wire's transport: an upgrade on any other path is answered with HTTP 400.
async fn another_path_is_a_bad_request<S: Stack>() {
    let house = House::<S>::start();
    let shown = bearer(GATEWAY, SECRET, None);
    for path in ["/", "/relay/", "/relay/x", "/relayx", "/RELAY", "//relay", "/x/relay", "/%72elay"] {
        let refused = End::try_dial(house.address, path, Some(&shown)).await;
        assert_eq!(refused.err(), Some(400), "{path}");
    }
    assert!(End::try_dial(house.address, "/relay?later=1", Some(&shown)).await.is_ok());
}

/// D7: bytes that are no upgrade, and connections that end early, leave the door open for the next one.
async fn what_is_no_upgrade_harms_nobody<S: Stack>() {
    let house = House::<S>::start();
    let endless = "GET /relay HTTP/1.1\r\n".to_owned() + &"x-filler: y\r\n".repeat(5_000);
    for said in [
        "",
        "\0\x01\x02\r\n\r\n",
        "GET /relay HTTP/1.1\r\nhost: h\r\n\r\n",
        "POST /relay HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        "GET /relay HTTP/1.1\r\nauthorization: \x7f\x01\r\n\r\n",
        &endless,
    ] {
        let mut connection = TcpStream::connect(house.address).await.unwrap();
        // It may be cut off while it still talks.
        _ = connection.write_all(said.as_bytes()).await;
        _ = connection.shutdown().await;
        let mut answer = Vec::new();
        _ = within("the end of the connection", connection.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.starts_with("HTTP/1.1 101"), "{said:?} got {answer:?}");
    }
    drop(house.link().await);
}

/// C15: connections that say nothing do not keep others out.
async fn silent_connections_keep_nobody_out<S: Stack>() {
    let house = House::<S>::start();
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(house.address).await.unwrap());
    }
    drop(house.link().await);
}

/// What the stand-in for a connector sees of a gateway is what the connector is shown: the two fit.
async fn the_stand_in_is_dialed_like_a_connector<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (_gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    let request = stand_in.answer("400 Bad Request", "").await.to_lowercase();
    for line in
        ["get /relay http/1.1\r\n", "upgrade: websocket\r\n", "authorization: bearer ", "user-agent: relay/"]
    {
        assert!(request.contains(line), "{line:?} in {request}");
    }
}

/// C9: both ends say in the upgrade that they ack forwarded requests.
async fn both_ends_say_what_they_can<S: Stack>() {
    let house = House::<S>::start();
    let features = |headers: &HeaderMap| headers.get("relay-features").unwrap().to_str().unwrap().to_owned();
    let link = house.link().await;
    assert_eq!(features(&link.headers), "passthrough-ack");
    let stand_in = StandIn::bind().await;
    let (_gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    assert_eq!(features(&stand_in.open().await.headers), "passthrough-ack");
}

/// C1: an application that answers upgrades itself hands the stream over, and the rest is the same.
async fn an_upgrade_answered_elsewhere<S: Stack>() {
    let house = House::<S>::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for (shown, welcome) in [(bearer(GATEWAY, SECRET, None), true), (bearer(GATEWAY, "wrong", None), false)] {
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut headers = HeaderMap::new();
            let (name, value) = read_key(&mut stream).await;
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n{name}: {value}\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            headers.insert(AUTHORIZATION, shown.parse().unwrap());
            S::attach_upgraded(&house.connector, headers, stream.into_std().unwrap());
        };
        let (mut end, ()) = tokio::join!(End::dial(address, Some(&shown)), within("an upgrade", answering));
        if welcome {
            end.send(&json!({"type": "hello", "platform": "discord", "botId": "b"})).await;
            end.next_of("descriptor").await;
            assert_eq!(house.session().status(), Status::Live);
        } else {
            assert_eq!(end.closed().await, (4401, "unauthorized".to_owned()));
        }
    }
}

/// Reads an upgrade's request: the header that answers its key.
async fn read_key(stream: &mut TcpStream) -> (&'static str, String) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let key = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    };
    let key = request.lines().find_map(key).unwrap();
    ("sec-websocket-accept", derive_accept_key(key.as_bytes()))
}
