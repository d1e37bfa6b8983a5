//! How `relay run` keeps its link at a connector on Python's `websockets`: hello, lines, loss, refusal, the end.

mod interop;

use interop::{AgentSeat, GATEWAY, RelayRun, SECRET, StandIn, descriptor, text_event, until};
use serde_json::{Value, json};

/// H1, A5: the link is dialed at `/relay` with a token that the published client's own check takes. One hello an
/// identity, in the order given, comes before anything else.
#[tokio::test]
async fn the_hellos_come_in_order() {
    let mut stand_in = StandIn::start().await;
    let seat = AgentSeat::new().await;
    let identities = ["telegram:t-bot", "discord:d-bot", "slack"];
    let run = RelayRun::start_as(&identities, &(stand_in.url() + "/"), &seat.option(), &[]);
    let mut agent = seat.next().await;
    // What the agent wants before the link is up waits for it.
    agent.asks("r", &send("c1", "early")).await;
    let mut link = stand_in.accepts().await;
    stand_in.checks_token(&link).await;
    for (platform, bot_id) in [("telegram", "t-bot"), ("discord", "d-bot"), ("slack", "")] {
        let hello = json!({"type": "hello", "platform": platform, "botId": bot_id});
        assert_eq!(stand_in.hears(&mut link).await, hello);
    }
    for platform in ["telegram", "discord", "slack"] {
        stand_in.says(&link, &descriptor(platform, 2_000)).await;
    }
    let request = stand_in.hears_request(&mut link).await;
    assert_eq!(request["action"]["content"], "early");
    // A chat that is not known yet goes untagged (rule O6).
    assert_eq!((&request["platform"], &request["botId"]), (&Value::Null, &Value::Null));
    agent.learns("linked").await;
    drop(run);
}

/// A5: each dial mints a token of its own, so that a link which is lost after its token has expired is dialed again
/// with a good one. Neither the secret nor a token shows in the log, however much is logged.
#[tokio::test]
async fn every_dial_has_a_fresh_token() {
    let mut stand_in = StandIn::start().await;
    let run = RelayRun::start(&stand_in.url(), "discard", &["--token-ttl", "3s"]);
    let link = stand_in.links().await;
    let first = link.token.clone().unwrap();
    stand_in.checks_token(&link).await;
    let expired = async || stand_in.verifies(&first).await.is_none().then_some(());
    until("the end of the first token", expired).await;
    stand_in.cuts(&link).await;
    let link = stand_in.links().await;
    let second = link.token.unwrap();
    assert_eq!(stand_in.verifies(&second).await.as_deref(), Some(GATEWAY));
    let log = run.log();
    assert!(log.contains("linked"));
    for secret in [SECRET, &first, &second] {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}

/// D7, D8: lines may be split over messages, share one, come in fragments or as binary; blank ones, garbage, unknown
/// frames and fields, and events with fields of a wrong type among them cost nothing else.
#[tokio::test]
async fn lines_come_in_any_shape() {
    let mut stand_in = StandIn::start().await;
    let seat = AgentSeat::new().await;
    let _run = RelayRun::start(&stand_in.url(), &seat.option(), &[]);
    let (mut agent, mut link) = tokio::join!(seat.next(), stand_in.links());
    let line = |text: &str| format!("{}\n", interop::inbound(&text_event(text), Some(text)));

    // Split, also inside what becomes one character.
    let split = line("a é");
    for part in [&split[..9], &split[9..30], &split[30..]] {
        stand_in.sends(&link, part).await;
    }
    // Joined, with blanks and garbage between.
    let garbage =
        "\n \n\t\r\nno json\n[1]\n\"x\"\n7\nnull\n{\n{\"type\":7}\n{\"type\":\"later\",\"x\":1}\n{}\n";
    let joined = line("b") + garbage + line("c").trim_end() + "\r\n" + &line("d")[..20];
    stand_in.sends(&link, &joined).await;
    stand_in.sends(&link, &line("d")[20..]).await;
    // Binary, and one message in several WebSocket frames.
    stand_in.ask("send_binary", json!({"link": link.number, "text": line("e é")})).await;
    let fragmented = line("f 😀");
    let texts = [&fragmented[..5], "", &fragmented[5..40], &fragmented[40..]];
    stand_in.ask("send_fragments", json!({"link": link.number, "texts": texts})).await;
    for text in ["a é", "b", "c", "d", "e é", "f 😀"] {
        agent.gets_text(text).await;
        stand_in.hears_ack(&mut link, text).await;
    }
    // Frames that lack what they need, and an event whose fields are all wrong, which is handed on as it is.
    for frame in [
        json!({"type": "inbound"}),
        json!({"type": "inbound", "event": 7, "bufferId": "x"}),
        json!({"type": "outbound_result", "result": {}}),
        json!({"type": "interrupt_inbound"}),
        json!({"type": "going_idle_ack"}),
        json!({"type": "hello", "platform": "discord", "botId": ""}),
    ] {
        stand_in.says(&link, &frame).await;
    }
    let wrong = json!({"text": [1], "source": {"chat_id": {}, "platform": 7}, "message_id": true});
    stand_in.delivers(&link, &wrong, Some("g")).await;
    let fits = |line: &Value| line["type"] == "message" && line["event"]["message_id"] == true;
    assert_eq!(agent.hears_where("the event", fits).await["event"], wrong);
    loop {
        let frame = stand_in.hears(&mut link).await;
        assert_eq!(frame["type"], "inbound_ack", "{frame}");
        if frame["bufferId"] == "g" {
            break;
        }
    }
}

/// D7: a line over the limit ends the link with 1009, and a new one is dialed.
#[tokio::test]
async fn a_line_over_the_limit_ends_the_link() {
    let mut stand_in = StandIn::start().await;
    let _run = RelayRun::start(&stand_in.url(), "discard", &[]);
    let mut link = stand_in.links().await;
    // A long one that fits comes through, for what comes after it does.
    stand_in.ask("send_long", json!({"link": link.number, "length": 16_000_000})).await;
    stand_in.delivers(&link, &text_event("m1"), Some("b:1")).await;
    stand_in.hears_ack(&mut link, "b:1").await;
    stand_in.ask("send_long", json!({"link": link.number, "length": 17_000_000})).await;
    assert_eq!(stand_in.sees_closed(&link).await.0, 1009);
    stand_in.links().await;
}

/// L2, D1, W1: after a cut the gateway dials again. What the agent had not acked stays unacked until it does, then on
/// the new link.
#[tokio::test]
async fn a_cut_link_is_dialed_again() {
    let mut stand_in = StandIn::start().await;
    let seat = AgentSeat::new().await;
    let _run = RelayRun::start(&stand_in.url(), &seat.option(), &["--ack", "agent"]);
    let (mut agent, link) = tokio::join!(seat.next(), stand_in.links());
    stand_in.delivers(&link, &text_event("m1"), Some("b:1")).await;
    let delivery = agent.gets_text("m1").await;
    stand_in.cuts(&link).await;
    agent.learns("reconnecting").await;
    let mut link = stand_in.links().await;
    agent.learns("linked").await;
    // As a connector does, it gives out again what was not acked (rule C4).
    stand_in.delivers(&link, &text_event("m1"), Some("b:1")).await;
    stand_in.delivers(&link, &text_event("m2"), Some("b:2")).await;
    let second = agent.gets_text("m2").await;
    for (delivery, buffer_id) in [(delivery, "b:1"), (second, "b:2")] {
        agent.acks(&delivery).await;
        stand_in.hears_ack(&mut link, buffer_id).await;
    }
}

/// W1, D1: a gateway that is killed has acked nothing that its agent had not; the next one gets it again.
#[tokio::test]
async fn a_killed_gateway_has_acked_nothing_too_early() {
    let mut stand_in = StandIn::start().await;
    let seat = AgentSeat::new().await;
    let options = ["--inbox", "memory", "--ack", "agent"];
    let mut run = RelayRun::start(&stand_in.url(), &seat.option(), &options);
    let (mut agent, link) = tokio::join!(seat.next(), stand_in.links());
    stand_in.delivers(&link, &text_event("m1"), Some("b:1")).await;
    agent.gets_text("m1").await;
    run.kill().await;
    stand_in.sees_closed(&link).await;
    assert!(stand_in.unasked("message").is_empty());
    let _run = RelayRun::start(&stand_in.url(), &seat.option(), &options);
    let (mut agent, mut link) = tokio::join!(seat.next(), stand_in.links());
    stand_in.delivers(&link, &text_event("m1"), Some("b:1")).await;
    let delivery = agent.gets_text("m1").await;
    agent.acks(&delivery).await;
    stand_in.hears_ack(&mut link, "b:1").await;
}

/// L5, H4: no descriptor in time, and one that lacks a required field, end the link with a reason, and the gateway
/// dials again.
#[tokio::test]
async fn a_link_without_a_good_descriptor_is_a_failed_attempt() {
    let mut stand_in = StandIn::start().await;
    let seat = AgentSeat::new().await;
    let _run = RelayRun::start(&stand_in.url(), &seat.option(), &["--handshake-timeout", "300ms"]);
    let (mut agent, link) = tokio::join!(seat.next(), stand_in.accepts());
    assert_eq!(stand_in.sees_closed(&link).await, (1002, "no descriptor".to_owned()));
    let mut link = stand_in.accepts().await;
    let mut lacking = descriptor("discord", 2_000);
    lacking["descriptor"].as_object_mut().unwrap().remove("len_unit");
    stand_in.hears(&mut link).await;
    stand_in.says(&link, &lacking).await;
    let (code, reason) = stand_in.sees_closed(&link).await;
    assert!(code == 1002 && reason.contains("len_unit"), "{code} {reason}");
    let mut link = stand_in.links().await;
    agent.learns("linked").await;
    stand_in.delivers(&link, &text_event("m1"), Some("b:1")).await;
    stand_in.hears_ack(&mut link, "b:1").await;
}

fn send(chat_id: &str, content: &str) -> Value {
    json!({"op": "send", "chat_id": chat_id, "content": content, "reply_to": null, "metadata": {}})
}
