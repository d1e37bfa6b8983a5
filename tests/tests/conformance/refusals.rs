//! A gateway whose credential is refused, over real sockets: what it retries, what it takes as final, and what it
//! shows of itself.

use std::time::Duration;

use relay_driver::gateway::LinkStatus;
use relay_driver::proto::action::Action;
use relay_driver::proto::auth::{Secret, Verified, verify_token};
use relay_driver::proto::gateway::{Cause, NotNow, Options, Refusal, Status};
use relay_driver::proto::{CloseCode, DialError, Ended};

use crate::harness::{GATEWAY, SECRET, Stack, StandIn, becomes, patient, redials_quickly, within};

on_both! {
    a_refusal_before_any_handshake_is_retried,
    an_expired_token_is_replaced,
    a_refusal_after_a_handshake_is_final,
    a_refusal_of_an_old_token_is_asked_again_at_once,
    no_http_status_is_final,
    no_other_close_code_is_final,
    a_redirect_is_not_followed,
    each_dial_mints_a_token,
    without_credentials_there_is_no_header,
    nothing_secret_shows,
}

/// The token of an `Authorization` header, checked.
fn checked(authorization: Option<&str>) -> Verified {
    let token = authorization.unwrap().strip_prefix("Bearer ").unwrap();
    verify_token(token, &[Secret::new(SECRET)], 0).unwrap()
}

/// What the gateway gives as the cause of its last loss.
fn cause(status: &LinkStatus) -> String {
    status.cause.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// A1: 4401 before any handshake is retried, as often as it comes.
async fn a_refusal_before_any_handshake_is_retried<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(redials_quickly(&stand_in.url()));
    for reason in ["unauthorized", "", "revoked", "expired", "unauthorized"] {
        stand_in.open().await.close(4401, reason).await;
        assert_ne!(gateway.inspect(|machine| machine.status()), Status::Disabled);
    }
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
}

/// A2: `expired` is never final, with a descriptor or without.
async fn an_expired_token_is_replaced<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(redials_quickly(&stand_in.url()));
    stand_in.link().await.close(4401, "expired").await;
    stand_in.open().await.close(4401, "expired").await;
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
}

/// A3, A4: once a handshake has succeeded, any other 4401 is final: requests fail at once, nothing wakes the gateway,
/// and nobody is ever dialed again.
async fn a_refusal_after_a_handshake_is_final<S: Stack>() {
    for on_the_next_link in [false, true] {
        let stand_in = StandIn::bind().await;
        let (gateway, mut deliveries) = S::connect(redials_quickly(&stand_in.url()));
        let link = stand_in.link().await;
        becomes(&gateway, |status| status == Status::Linked).await;
        if on_the_next_link {
            link.close(1001, "").await;
            stand_in.open().await.close(4401, "unauthorized").await;
        } else {
            link.close(4401, "unauthorized").await;
        }
        becomes(&gateway, |status| status == Status::Disabled).await;
        let waits = Options { wait_for_link: true, ..Options::default() };
        let refused = within("a refusal", gateway.send_with(Action::send("c", "x"), &waits)).await;
        assert_eq!(refused.unwrap_err().refusal, Refusal::NotNow(NotNow::Disabled));
        gateway.wake();
        gateway.hold();
        assert!(within("a refusal", gateway.go_dormant()).await.is_err());
        assert!(within("the end", deliveries.next()).await.is_none());
        assert_eq!(gateway.watch().current().status, Status::Disabled);
        within("the shutdown", gateway.shut_down()).await;
        assert!(stand_in.was_left_alone());
    }
}

/// A3: a token that was too old when its refusal came says nothing: a new one is shown at once, whatever the backoff.
async fn a_refusal_of_an_old_token_is_asked_again_at_once<S: Stack>() {
    let stand_in = StandIn::bind().await;
    // Nothing but a dial at once can be waited for here.
    let mut config = patient(&stand_in.url());
    config.token_ttl = 1;
    let (gateway, _deliveries) = S::connect(config);
    let link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    link.close(1001, "").await;
    becomes(&gateway, |status| matches!(status, Status::Reconnecting { .. })).await;
    gateway.wake();
    let suspended = stand_in.open().await;
    let shown = checked(suspended.authorization());
    // The token was minted before this connection came, so that after its lifetime it is old for certain.
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    suspended.close(4401, "unauthorized").await;
    let link = stand_in.link().await;
    assert!(checked(link.authorization()).expires_at > shown.expires_at);
    becomes(&gateway, |status| status == Status::Linked).await;
}

/// A6: no HTTP status at the upgrade is final; 401 and 403 are shown as refused.
async fn no_http_status_is_final<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(redials_quickly(&stand_in.url()));
    stand_in.link().await.close(1001, "").await;
    for (status, shown) in [
        ("401 Unauthorized", "refused with HTTP 401"),
        ("403 Forbidden", "refused with HTTP 403"),
        ("400 Bad Request", "HTTP 400"),
        ("404 Not Found", "HTTP 404"),
        ("426 Upgrade Required", "HTTP 426"),
        ("429 Too Many Requests", "HTTP 429"),
        ("500 Internal Server Error", "HTTP 500"),
        ("503 Service Unavailable", "HTTP 503"),
        ("200 OK", "HTTP 200"),
    ] {
        let code: u16 = status[..3].parse().unwrap();
        let mut watch = gateway.watch();
        stand_in.answer(status, "").await;
        let failed = Cause::Dial(DialError::Status(code));
        let seen = watch.wait_for(|status| status.cause.as_deref() == Some(&failed));
        let seen = within("the refusal", seen).await;
        assert!(cause(&seen).contains(shown), "{}", cause(&seen));
        assert_ne!(seen.status, Status::Disabled);
    }
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
}

/// A6: no other close code is final, and neither is an end without one.
async fn no_other_close_code_is_final<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(redials_quickly(&stand_in.url()));
    for code in [1000, 1001, 1002, 1008, 1009, 1011, 1012, 3000, 4000, 4400, 4403, 4999] {
        stand_in.link().await.close(code, "unauthorized").await;
        let closed =
            Cause::Ended(Ended::Closed(relay_driver::proto::Close::new(CloseCode(code), "unauthorized")));
        let seen = |status: &LinkStatus| status.cause.as_deref() == Some(&closed);
        within("the close", gateway.watch().wait_for(seen)).await;
    }
    drop(stand_in.link().await);
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
}

/// A6: a redirect is not followed, so that no other origin ever sees the token.
async fn a_redirect_is_not_followed<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let elsewhere = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(redials_quickly(&stand_in.url()));
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        for scheme in ["ws", "http"] {
            let location = format!("location: {scheme}://127.0.0.1:{}/relay\r\n", elsewhere.port());
            let mut watch = gateway.watch();
            stand_in.answer(status, &location).await;
            let failed = Cause::Dial(DialError::Status(status[..3].parse().unwrap()));
            within("the refusal", watch.wait_for(|now| now.cause.as_deref() == Some(&failed))).await;
        }
    }
    let _link = stand_in.link().await;
    assert!(elsewhere.was_left_alone());
}

/// A5: each dial shows a token of its own, good for the configured time from that dial on.
async fn each_dial_mints_a_token<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    // Tokens of the same second are the same, so the dials are more than a second apart.
    config.link.backoff_base = Duration::from_millis(2_100);
    config.token_ttl = 100;
    let (_gateway, _deliveries) = S::connect(config);
    let mut last = 0;
    for _ in 0..2 {
        let end = stand_in.open().await;
        let shown = checked(end.authorization());
        assert_eq!(shown.gateway_id, GATEWAY);
        let expires_at = shown.expires_at.unwrap();
        assert!(expires_at > last, "{expires_at} after {last}");
        last = expires_at;
    }
    let mut config = redials_quickly(&stand_in.url());
    config.token_ttl = 0;
    let (_gateway, _deliveries) = S::connect(config);
    assert_eq!(checked(stand_in.open().await.authorization()).expires_at, None);
}

/// A5: without credentials nothing is shown.
async fn without_credentials_there_is_no_header<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    config.credentials = None;
    let (_gateway, _deliveries) = S::connect(config);
    assert_eq!(stand_in.open().await.authorization(), None);
}

/// A5: neither the secret nor a token shows in what the gateway says of itself, whatever becomes of its dials.
async fn nothing_secret_shows<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let config = redials_quickly(&stand_in.url());
    let mut shown = format!("{config:?} {config:#?} {:?} {:?}", config.credentials, S::Runtime::default());
    let (gateway, deliveries) = S::connect(config);
    let mut requests = String::new();
    for (turn, expected) in
        ["upgrade failed", "HTTP 403", "HTTP 307", "close 4401", "without a close"].iter().enumerate()
    {
        match turn {
            0 => drop(stand_in.connection().await),
            1 => requests += &stand_in.answer("403 Forbidden", "").await,
            2 => requests += &stand_in.answer("307 Temporary Redirect", "location: ws://h/relay\r\n").await,
            3 => stand_in.open().await.close(4401, "unauthorized").await,
            _ => {
                let mut end = stand_in.open().await;
                // With nothing unread it ends, rather than being reset.
                end.next_of("hello").await;
                drop(end);
            }
        }
        let told = |status: &LinkStatus| cause(status).contains(expected);
        let status = within(expected, gateway.watch().wait_for(told)).await;
        shown += &format!("{status:?} {}", cause(&status));
    }
    shown += &format!("{gateway:?} {deliveries:?} {}", gateway.inspect(|machine| format!("{machine:?}")));
    let tokens: Vec<&str> =
        requests.split("Bearer ").skip(1).map(|rest| rest.split("\r\n").next().unwrap()).collect();
    assert_eq!(tokens.len(), 2);
    for secret in tokens.into_iter().chain([SECRET]) {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.contains(GATEWAY), "what is no secret shows: {shown}");
}
