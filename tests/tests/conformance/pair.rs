//! A gateway before a connector, of either runtime each: everything that the two do together.

use std::net::TcpListener;
use std::time::Duration;

use relay_driver::connector::GatewayRecord;
use relay_driver::gateway::{Deliveries, Inbound};
use relay_driver::proto::action::{Action, ActionResult};
use relay_driver::proto::connector::Status as SessionStatus;
use relay_driver::proto::gateway::{Identity, Options, Outcome, Status};
use serde_json::json;

use crate::harness::{
    Answer, Certificate, GATEWAY, House, Proxy, SECRET, Stack, becomes, calm, delivered, delivery, record,
    redials_quickly, text_of, within,
};

crossed! {
    stored_and_acked,
    a_forwarded_request_arrives_as_it_was,
    requests_are_answered,
    interrupts_go_both_ways,
    much_at_once_both_ways,
    asleep_and_awake,
    held_over_a_reconnect,
    given_back_and_handed_out_again,
    a_revocation_is_final,
    a_connector_comes_back,
    a_gateway_comes_back,
    a_newer_gateway_takes_over,
    pings_keep_a_quiet_link,
    over_tls,
}

/// A gateway that fronts a discord bot at this connector, and is linked.
async fn linked<G: Stack, C: Stack>(house: &House<C>) -> (G::Gateway, Deliveries) {
    linked_by::<G>(&house.url(), true).await
}

async fn linked_by<G: Stack>(url: &str, reconnect: bool) -> (G::Gateway, Deliveries) {
    let mut config = redials_quickly(url);
    config.link.identities = vec![Identity::new("discord", "b")];
    config.link.reconnect = reconnect;
    let (gateway, deliveries) = G::connect(config);
    becomes(&gateway, |status| status == Status::Linked).await;
    (gateway, deliveries)
}

fn result_of(outcome: &Outcome) -> ActionResult<'_> {
    let Outcome::Answered(result) = outcome else { panic!("no answer: {outcome:?}") };
    ActionResult::parse(std::str::from_utf8(result).unwrap())
}

/// C3, D1: what is appended is delivered, and is done once the application has stored it.
async fn stored_and_acked<G: Stack, C: Stack>() {
    let house = House::<C>::start();
    house.say("buffered");
    let (_gateway, mut deliveries) = linked::<G, C>(&house).await;
    for text in ["buffered", "live"] {
        if text == "live" {
            house.say(text);
        }
        let held = delivery(&mut deliveries).await;
        assert_eq!((&*text_of(&held), house.session().backlog()), (text, 1));
        held.stored();
        house.has_backlog(0).await;
    }
}

/// D1, C9: a forwarded request arrives byte for byte, and is acked by itself: the two ends know of each other that it
/// will be.
async fn a_forwarded_request_arrives_as_it_was<G: Stack, C: Stack>() {
    let house = House::<C>::start();
    let (_gateway, mut deliveries) = linked::<G, C>(&house).await;
    house.forward("/hook?a=1");
    house.say("behind it");
    let forwarded = delivery(&mut deliveries).await;
    let request = forwarded.forward().unwrap();
    assert_eq!(
        (&*request.method, &*request.path, &*request.body),
        ("POST", "/hook?a=1", &b"\x00\x01\xff"[..])
    );
    let pair = |value: &str| ("x-a".to_owned(), value.to_owned());
    assert_eq!(request.headers, [pair("1"), pair("2")]);
    assert_eq!(delivered(&mut deliveries).await, "behind it");
    // The ack of the later one does not settle it: this gateway acks what it has stored.
    house.has_backlog(1).await;
    forwarded.stored();
    house.has_backlog(0).await;
}

/// O1, C12, O9: sends, follow-ups and questions are answered, and a refusal is told apart.
async fn requests_are_answered<G: Stack, C: Stack>() {
    let house = House::<C>::start();
    let (gateway, _deliveries) = linked::<G, C>(&house).await;
    let sent = within("an answer", gateway.send(Action::send("chat", "hello"))).await.unwrap();
    assert_eq!(result_of(&sent).message_id.as_deref(), Some("chat"));
    let followed = gateway.follow_up("session", "discord.interaction_token", "hello");
    let followed = within("an answer", followed).await.unwrap();
    assert_eq!(result_of(&followed).message_id.as_deref(), Some("session"));
    house.desk.answers(Answer::Declined);
    let declined = within("an answer", gateway.send(Action::send("chat", "hello"))).await.unwrap();
    assert!(result_of(&declined).is_declined());
    let info = json!({"success": true, "chat_info": {"name": "General", "type": "group"}});
    house.desk.answers(Answer::Text(info.to_string()));
    let info = within("an answer", gateway.chat_info("chat")).await;
    assert_eq!(info, Ok(("General".into(), "group".into())));
    assert!(house.desk.asked().iter().all(|(_, bot, _)| bot == "discord:b"));
}

/// D5: a stop reaches the other side, both ways.
async fn interrupts_go_both_ways<G: Stack, C: Stack>() {
    let house = House::<C>::start();
    let (gateway, mut deliveries) = linked::<G, C>(&house).await;
    gateway.interrupt("theirs", Some("enough")).unwrap();
    gateway.interrupt("quietly", None).unwrap();
    // Platforms are told by tasks of their own, which overtake each other.
    let mut told = house.desk.interrupted(2).await;
    told.sort_unstable();
    assert_eq!(told, [("quietly".to_owned(), None), ("theirs".to_owned(), Some("enough".to_owned()))]);
    house.session().interrupt("ours", "chat").unwrap();
    let Some(Inbound::Interrupt { session_key, chat_id }) = within("a stop", deliveries.next()).await else {
        panic!("no interrupt")
    };
    assert_eq!((&*session_key, &*chat_id), ("ours", "chat"));
}

/// W1 to W3, O1: hundreds of messages and requests at once, both ways, each once and in order.
async fn much_at_once_both_ways<G: Stack, C: Stack>() {
    let house = House::<C>::start();
    let (gateway, mut deliveries) = linked::<G, C>(&house).await;
    let asking: Vec<_> = (0..200)
        .map(|chat| {
            let gateway = gateway.clone();
            tokio::spawn(async move { gateway.send(Action::send(chat.to_string(), "x")).await.unwrap() })
        })
        .collect();
    for number in 0..300 {
        house.say(&number.to_string());
    }
    for number in 0..300 {
        assert_eq!(delivered(&mut deliveries).await, number.to_string());
    }
    for (chat, asked) in asking.into_iter().enumerate() {
        let outcome = within("an outcome", asked).await.unwrap();
        assert_eq!(result_of(&outcome).message_id.as_deref(), Some(&*chat.to_string()));
    }
    house.has_backlog(0).await;
    assert_eq!(house.desk.asked().len(), 200);
}

/// I2, C5, C6, C8, W1, W3: a gateway that goes dormant is buffered for and poked, and drains in order once awake.
async fn asleep_and_awake<G: Stack, C: Stack>() {
    let house = House::<C>::start();
    let wake_url = Some("http://host.example/wake".to_owned());
    house.connector.register(GatewayRecord { wake_url, ..record(GATEWAY, "t", "i", &[SECRET]) }).unwrap();
    let (gateway, mut deliveries) = linked::<G, C>(&house).await;
    within("the dormancy", gateway.go_dormant()).await.unwrap();
    house.becomes(SessionStatus::Offline).await;
    for number in 0..50 {
        house.say(&number.to_string());
    }
    house.desk.poked(1).await;
    assert_eq!(gateway.watch().current().status, Status::Dormant);
    gateway.wake();
    for number in 0..50 {
        assert_eq!(delivered(&mut deliveries).await, number.to_string());
    }
    house.has_backlog(0).await;
}

/// D3, C4, W2: what the application holds over a reconnect is not handed out again, and done once it is stored.
async fn held_over_a_reconnect<G: Stack, C: Stack>() {
    let house = House::<C>::start();
    let (gateway, mut deliveries) = linked::<G, C>(&house).await;
    house.say("held");
    let held = delivery(&mut deliveries).await;
    let mut watch = gateway.watch();
    house.session().disconnect();
    within("the loss", watch.changed()).await;
    becomes(&gateway, |status| status == Status::Linked).await;
    house.say("next");
    assert_eq!(delivered(&mut deliveries).await, "next");
    house.has_backlog(1).await;
    held.stored();
    house.has_backlog(0).await;
}

/// D4, W3: what the application gives back comes again on the next link, with what was appended meanwhile behind it.
async fn given_back_and_handed_out_again<G: Stack, C: Stack>() {
    let house = House::<C>::start();
    let (_gateway, mut deliveries) = linked::<G, C>(&house).await;
    house.say("first");
    house.say("second");
    drop(delivery(&mut deliveries).await);
    assert_eq!(delivered(&mut deliveries).await, "second");
    house.has_backlog(1).await;
    house.session().disconnect();
    assert_eq!(delivered(&mut deliveries).await, "first");
    house.has_backlog(0).await;
}

/// C11, A3, A4: revoking a gateway disables it at once and for good; a new one with the new secret gets everything.
async fn a_revocation_is_final<G: Stack, C: Stack>() {
    let house = House::<C>::start();
    let (gateway, mut deliveries) = linked::<G, C>(&house).await;
    house.say("never stored");
    drop(delivery(&mut deliveries).await);
    assert!(house.connector.revoke(GATEWAY));
    becomes(&gateway, |status| status == Status::Disabled).await;
    assert!(within("the end", deliveries.next()).await.is_none());
    gateway.wake();
    assert!(within("a refusal", gateway.send(Action::send("c", "x"))).await.is_err());
    assert_eq!(house.session().status(), SessionStatus::Revoked);
    // The old secret, in a machine that has never been told of the refusal: it is retried, and gets nowhere.
    let (old, _none) = G::connect(redials_quickly(&house.url()));
    becomes(&old, |status| matches!(status, Status::Reconnecting { failures: 3.., .. })).await;
    within("the shutdown", old.shut_down()).await;
    house.connector.register(record(GATEWAY, "t", "i", &[SECRET])).unwrap();
    let (_gateway, mut deliveries) = linked::<G, C>(&house).await;
    assert_eq!(delivered(&mut deliveries).await, "never stored");
}

/// L2, D2: a connector that shuts down says so, and the gateway links with the one that comes in its place, whose
/// entries are none that it knows.
async fn a_connector_comes_back<G: Stack, C: Stack>() {
    let house = House::<C>::start();
    let proxy = Proxy::before(house.address, Vec::new()).await;
    let (gateway, mut deliveries) = linked_by::<G>(&proxy.url(), true).await;
    house.say("before");
    assert_eq!(delivered(&mut deliveries).await, "before");
    within("the end of the connector", house.connector.shut_down()).await;
    let told = |status: &relay_driver::gateway::LinkStatus| {
        status.cause.as_ref().is_some_and(|cause| cause.to_string().contains("shutting down"))
    };
    within("the word of it", gateway.watch().wait_for(told)).await;
    let next = House::<C>::start();
    proxy.leads_to(next.address);
    next.say("after");
    assert_eq!(delivered(&mut deliveries).await, "after");
    next.has_backlog(0).await;
}

/// L6, W1: what a gateway had not stored when it was shut down is the next one's.
async fn a_gateway_comes_back<G: Stack, C: Stack>() {
    let house = House::<C>::start();
    let (gateway, mut deliveries) = linked::<G, C>(&house).await;
    for text in ["stored", "held", "not even taken"] {
        house.say(text);
    }
    assert_eq!(delivered(&mut deliveries).await, "stored");
    house.has_backlog(2).await;
    let held = delivery(&mut deliveries).await;
    within("the shutdown", gateway.shut_down()).await;
    assert_eq!(gateway.watch().current().status, Status::ShutDown);
    house.becomes(SessionStatus::Offline).await;
    drop(held);
    let (_gateway, mut deliveries) = linked::<G, C>(&house).await;
    for text in ["held", "not even taken"] {
        assert_eq!(delivered(&mut deliveries).await, text);
    }
    house.has_backlog(0).await;
}

/// C10: a newer link of the same gateway replaces the older, which is told so.
async fn a_newer_gateway_takes_over<G: Stack, C: Stack>() {
    let house = House::<C>::start();
    let (older, _deliveries) = linked_by::<G>(&house.url(), false).await;
    let (_newer, mut deliveries) = linked::<G, C>(&house).await;
    let status = becomes(&older, |status| status == Status::Stopped).await;
    assert!(status.cause.unwrap().to_string().contains("replaced by a newer link"));
    house.say("for the newer");
    assert_eq!(delivered(&mut deliveries).await, "for the newer");
}

/// K1: two ends that answer each other's pings keep a link on which nothing else is said for longer than a pong may
/// take.
async fn pings_keep_a_quiet_link<G: Stack, C: Stack>() {
    let mut config = calm();
    config.session.ping_interval = Duration::from_millis(50);
    config.session.pong_timeout = Duration::from_secs(1);
    let house = House::<C>::with(config);
    let mut config = redials_quickly(&house.url());
    config.link.ping_interval = Duration::from_millis(50);
    config.link.pong_timeout = Duration::from_secs(1);
    let (gateway, mut deliveries) = G::connect(config);
    becomes(&gateway, |status| status == Status::Linked).await;
    let mut watch = gateway.watch();
    // Nothing may happen for this long: twice what an unanswered ping would take.
    let quiet = tokio::time::timeout(Duration::from_millis(2_200), watch.changed()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    house.say("still there");
    assert_eq!(delivered(&mut deliveries).await, "still there");
}

/// C1, W1: the same over TLS, at a listener of the application's own.
async fn over_tls<G: Stack, C: Stack>() {
    let house = House::<C>::start();
    let certificate = Certificate::of("localhost");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (gateway, mut deliveries) = G::connect_on(redials_quickly(&url), G::trusting(certificate.root()));
    for text in ["one", "two"] {
        let accepting = tokio::task::spawn_blocking({
            let listener = listener.try_clone().unwrap();
            move || listener.accept().unwrap().0
        });
        let stream = within("a dial", accepting).await.unwrap();
        C::accept_secured(&house.connector, stream, certificate.shown());
        becomes(&gateway, |status| status == Status::Linked).await;
        house.say(&text.repeat(100_000));
        assert_eq!(delivered(&mut deliveries).await, text.repeat(100_000));
        let waits = Options { wait_for_link: true, ..Options::default() };
        let sent = within("an answer", gateway.send_with(Action::send("chat", text), &waits)).await.unwrap();
        assert!(result_of(&sent).success);
        house.has_backlog(0).await;
        let mut watch = gateway.watch();
        house.session().disconnect();
        within("the loss", watch.changed()).await;
    }
}
