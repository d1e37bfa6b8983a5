//! What `relay run` does for its agent at a connector on Python's `websockets`.

mod interop;

use interop::{Agent, AgentSeat, Link, RelayRun, StandIn, event, text_event};
use serde_json::{Value, json};

/// D1: with `--ack agent` a delivery is acked to the connector only once the agent has acked it; each by itself, in
/// whatever order.
#[tokio::test]
async fn the_ack_waits_for_the_agent() {
    let mut world = World::start(&["--inbox", "memory", "--ack", "agent"]).await;
    let mut held = Vec::new();
    for (text, buffer_id) in [("m1", "b:1"), ("m2", "b:2"), ("m3", "b:3")] {
        world.delivers(&text_event(text), Some(buffer_id)).await;
        held.push((world.agent.gets_text(text).await, buffer_id));
    }
    // A request goes out meanwhile, and nothing before it.
    world.agent.asks("r", &send("c1", "thinking")).await;
    let request = world.stand_in.hears_request(&mut world.link).await;
    world.stand_in.does(&world.link, &request).await;
    world.agent.gets_result("r").await;
    for (delivery, buffer_id) in held.into_iter().rev() {
        world.agent.acks(&delivery).await;
        world.stand_in.hears_ack(&mut world.link, buffer_id).await;
    }
}

/// D1, D5: by default a delivery is acked once it is written to the agent; messages come in order, whole, and with their
/// session's key. One without a `bufferId` is never acked.
#[tokio::test]
async fn messages_reach_the_agent() {
    let mut world = World::start(&[]).await;
    let mut rich = event("discord", "c1", "m0", "hé\n\"😀\"\u{2028}");
    rich["later"] = json!({"a": [1, 2.5, null]});
    world.delivers(&rich, None).await;
    let line = world.agent.is_told().await;
    assert_eq!((&line["type"], &line["event"]), (&json!("message"), &rich));
    assert_eq!(line["session_key"], "agent:main:discord:group:c1:u1");
    for number in 1..100 {
        let buffer_id = (number % 2 == 0).then(|| format!("b-{number}"));
        world.delivers(&text_event(&format!("m{number}")), buffer_id.as_deref()).await;
    }
    for number in 1..100 {
        world.agent.gets_text(&format!("m{number}")).await;
        if number % 2 == 0 {
            world.stand_in.hears_ack(&mut world.link, &format!("b-{number}")).await;
        }
    }
}

/// D2, D3: what comes twice is handed out once. A duplicate of what the agent is done with is acked at once; one of what
/// it still has is acked when it is done, and no sooner.
#[tokio::test]
async fn what_comes_twice_is_handed_out_once() {
    let mut world = World::start(&["--ack", "agent"]).await;
    world.delivers(&text_event("m1"), Some("b:1")).await;
    let first = world.agent.gets_text("m1").await;
    world.delivers(&text_event("m1"), Some("b:1")).await;
    world.delivers(&text_event("m2"), Some("b:2")).await;
    let second = world.agent.gets_text("m2").await;
    world.agent.acks(&second).await;
    world.stand_in.hears_ack(&mut world.link, "b:2").await;
    world.agent.acks(&first).await;
    world.stand_in.hears_ack(&mut world.link, "b:1").await;
    // Under another `bufferId` it is known by its chat, its id and its content; an edit is something else.
    world.delivers(&text_event("m1"), Some("b:3")).await;
    world.stand_in.hears_ack(&mut world.link, "b:3").await;
    let mut edited = text_event("m1");
    edited["text"] = "m1, edited".into();
    world.delivers(&edited, Some("b:4")).await;
    world.agent.gets_text("m1, edited").await;
}

/// O6, O7: a reply goes to the chat that the delivery came from, under its platform and bot, with the routing that the
/// connector gave it. Replies to one chat leave one after the other.
#[tokio::test]
async fn a_reply_goes_where_the_message_came_from() {
    let mut world = World::start(&[]).await;
    let mut message = text_event("m1");
    message["source"]["profile"] = "work".into();
    message["source"]["thread_id"] = "t1".into();
    world.delivers(&message, Some("b:1")).await;
    let delivery = world.agent.gets_text("m1").await;
    world.stand_in.hears_ack(&mut world.link, "b:1").await;
    for content in ["one ü\n", "two"] {
        world.agent.replies(&delivery, content).await;
    }
    let one = world.stand_in.hears_request(&mut world.link).await;
    // The second waits for the first's answer, and another chat for neither.
    world.agent.asks("r", &send("c2", "aside")).await;
    let aside = world.stand_in.hears_request(&mut world.link).await;
    assert_eq!(aside["action"]["content"], "aside");
    world.stand_in.does(&world.link, &one).await;
    let two = world.stand_in.hears_request(&mut world.link).await;
    assert_ne!(one["requestId"], two["requestId"]);
    for (request, content) in [(one, "one ü\n"), (two, "two")] {
        assert_eq!((&request["platform"], &request["botId"]), (&json!("discord"), &json!("d-bot")));
        let action = &request["action"];
        assert_eq!((&action["op"], &action["chat_id"]), (&json!("send"), &json!("c1")));
        assert_eq!(action["content"], content);
        let metadata = json!({"scope_id": "s1", "user_id": "u1", "profile": "work", "thread_id": "t1"});
        assert_eq!(action["metadata"], metadata);
    }
}

/// O1, O9: an action of the agent's goes out as it is, and the connector's whole answer comes back under its reference,
/// whatever it is.
#[tokio::test]
async fn an_action_gets_its_result() {
    let mut world = World::start(&[]).await;
    let action = json!({
        "op": "send", "chat_id": "c9", "content": "x", "reply_to": "m0", "metadata": {"own": [1, {"é": null}]},
    });
    for result in [
        json!({"success": true, "message_id": "m1", "later": {"ü": [1]}}),
        json!({"success": false, "error": "rate limited"}),
        json!({
            "success": false, "code": "egress_declined",
            "error": "discord egress declined: target is not an approved destination for this connection",
        }),
    ] {
        world.agent.asks("r", &action).await;
        let request = world.stand_in.hears_request(&mut world.link).await;
        assert_eq!(request["action"], action);
        world.stand_in.answers(&world.link, &request, result.clone()).await;
        let told = world.agent.gets_result("r").await;
        assert_eq!((&told["result"], &told["ambiguous"]), (&result, &Value::Null));
    }
}

/// O1, O5: many actions are under way at once, answered from the last to the first, among answers to nobody.
#[tokio::test]
async fn many_actions_in_flight() {
    const MANY: usize = 50;
    let mut world = World::start(&[]).await;
    let mut requests = Vec::new();
    for chat in 0..MANY {
        world.agent.asks(&format!("r{chat}"), &send(&format!("c{chat}"), "x")).await;
        requests.push(world.stand_in.hears_request(&mut world.link).await);
    }
    for request in requests.iter().rev() {
        let chat = &request["action"]["chat_id"];
        let stray = json!({"requestId": format!("stray {chat}")});
        world.stand_in.does(&world.link, &stray).await;
        let result = json!({"success": true, "message_id": chat});
        world.stand_in.answers(&world.link, request, result).await;
        // Late, and so for nobody.
        world.stand_in.answers(&world.link, request, json!({"success": false})).await;
    }
    for chat in (0..MANY).rev() {
        let told = world.agent.gets_result(&format!("r{chat}")).await;
        assert_eq!(told["result"], json!({"success": true, "message_id": format!("c{chat}")}));
    }
}

/// O6, O8: what cannot go out is refused here, at once and for good: an op that the platform does not do, a platform
/// that is not fronted, and what is no action at all.
#[tokio::test]
async fn what_cannot_go_out_is_refused_at_once() {
    let mut world = World::start(&[]).await;
    let react = json!({"op": "react", "chat_id": "c1", "message_id": "m1", "emoji": "👍", "remove": false});
    for line in [
        json!({"type": "action", "ref": 1, "action": react}),
        json!({"type": "action", "ref": 1, "action": send("c1", "x"), "platform": "slack"}),
        json!({"type": "action", "ref": 1, "action": {"op": "send"}}),
    ] {
        world.agent.says(&line).await;
        let told = world.agent.is_told().await;
        assert_eq!((&told["type"], &told["ref"]), (&json!("result"), &json!(1)), "{told}");
        assert_eq!((&told["result"]["success"], &told["ambiguous"]), (&json!(false), &Value::Null), "{told}");
    }
    // The next thing that goes out is this.
    world.agent.asks("r", &send("c1", "after")).await;
    assert_eq!(world.stand_in.hears_request(&mut world.link).await["action"]["content"], "after");
}

/// O2, O3: a link that is lost settles what it carried at once: ambiguous, for nobody knows what came of it.
#[tokio::test]
async fn a_lost_link_leaves_what_it_carried_ambiguous() {
    let mut world = World::start(&[]).await;
    world.agent.asks("r", &send("c1", "x")).await;
    world.stand_in.hears_request(&mut world.link).await;
    world.stand_in.cuts(&world.link).await;
    let told = world.agent.gets_result("r").await;
    assert_eq!((&told["ambiguous"], &told["result"]["success"]), (&json!(true), &json!(false)), "{told}");
    // It is not sent again: the next thing that goes out is this.
    world.link = world.stand_in.links().await;
    world.agent.asks("s", &send("c1", "y")).await;
    assert_eq!(world.stand_in.hears_request(&mut world.link).await["action"]["content"], "y");
}

/// The wire's interrupts, which no rule restates, both ways. D6: one comes through while the agent is busy.
#[tokio::test]
async fn interrupts_go_both_ways() {
    let mut world = World::start(&["--ack", "agent"]).await;
    world.delivers(&text_event("m1"), Some("b:1")).await;
    world.agent.gets_text("m1").await;
    let (key, chat_id) = ("agent:main:discord:group:c1:ü", "c1");
    let frame = json!({"type": "interrupt_inbound", "session_key": key, "chat_id": chat_id});
    world.stand_in.says(&world.link, &frame).await;
    let told = world.agent.is_told().await;
    assert_eq!(told, json!({"type": "interrupt", "session_key": key, "chat_id": chat_id}));
    for reason in [json!("asked to"), Value::Null] {
        world.agent.says(&json!({"type": "interrupt", "session_key": key, "reason": reason})).await;
        let frame = json!({"type": "interrupt", "session_key": key, "reason": reason});
        assert_eq!(world.stand_in.hears(&mut world.link).await, frame);
    }
}

/// D1: a platform's own request reaches the agent as it is, and a Discord interaction as the message that it means;
/// either is acked.
#[tokio::test]
async fn forwards_reach_the_agent() {
    let mut world = World::start(&[]).await;
    let forward = json!({
        "platform": "twilio", "botId": "d-bot", "method": "POST", "path": "/hook?a=1&a=2",
        "headers": [["X-A", "1"], ["x-b", "é"], ["X-A", "2"]], "bodyB64": "AP+AIQ==", "later": 1,
    });
    let frame = json!({"type": "passthrough_forward", "forward": forward, "bufferId": "b:1"});
    world.stand_in.says(&world.link, &frame).await;
    let told = world.agent.is_told().await;
    assert_eq!((&told["type"], &told["forward"]), (&json!("passthrough"), &forward));
    world.stand_in.hears_ack(&mut world.link, "b:1").await;

    // {"id":"i1","type":2,"guild_id":"g1","channel_id":"c1","data":{"name":"ask","options":[{"name":"q","type":3,
    // "value":"why"}]},"member":{"user":{"id":"u1","username":"ann"}}}
    let pressed = json!({
        "platform": "discord", "botId": "d-bot", "method": "POST", "path": "/interactions", "headers": [],
        "bodyB64": INTERACTION_IN_BASE64,
    });
    let frame = json!({"type": "passthrough_forward", "forward": pressed, "bufferId": "b:2"});
    world.stand_in.says(&world.link, &frame).await;
    let (delivery, event) = world.agent.gets().await;
    assert_eq!((&event["message_type"], &event["text"]), (&json!("command"), &json!("/ask why")));
    assert_eq!((&event["source"]["chat_id"], &event["source"]["user_id"]), (&json!("c1"), &json!("u1")));
    world.stand_in.hears_ack(&mut world.link, "b:2").await;
    world.agent.replies(&delivery, "because").await;
    let request = world.stand_in.hears_request(&mut world.link).await;
    assert_eq!((&request["platform"], &request["action"]["chat_id"]), (&json!("discord"), &json!("c1")));
}

/// The built-in echo agent answers through the same link.
#[tokio::test]
async fn the_echo_agent_answers() {
    let mut stand_in = StandIn::start().await;
    let _run = RelayRun::start(&stand_in.url(), "echo", &[]);
    let mut link = stand_in.links().await;
    stand_in.delivers(&link, &text_event("hé 😀"), Some("b:1")).await;
    let mut frames = [stand_in.hears(&mut link).await, stand_in.hears(&mut link).await];
    frames.sort_by_key(|frame| frame["type"].as_str().map(str::to_owned));
    assert_eq!(frames[0], json!({"type": "inbound_ack", "bufferId": "b:1"}));
    assert_eq!(frames[1]["action"]["content"], "hé 😀");
}

/// A stand-in of a connector, `relay run` linked to it as `discord:d-bot`, and its agent.
struct World {
    stand_in: StandIn,
    _run: RelayRun,
    agent: Agent,
    link: Link,
}

impl World {
    async fn start(arguments: &[&str]) -> Self {
        let mut stand_in = StandIn::start().await;
        let seat = AgentSeat::new().await;
        let run = RelayRun::start(&stand_in.url(), &seat.option(), arguments);
        let (agent, link) = tokio::join!(seat.next(), stand_in.links());
        Self { stand_in, _run: run, agent, link }
    }

    async fn delivers(&mut self, event: &Value, buffer_id: Option<&str>) {
        self.stand_in.delivers(&self.link, event, buffer_id).await;
    }
}

fn send(chat_id: &str, content: &str) -> Value {
    json!({"op": "send", "chat_id": chat_id, "content": content, "reply_to": null, "metadata": {}})
}

const INTERACTION_IN_BASE64: &str = "\
    eyJpZCI6ImkxIiwidHlwZSI6MiwiZ3VpbGRfaWQiOiJnMSIsImNoYW5uZWxfaWQiOiJjMSIsImRhdGEiOnsibmFtZSI6ImFzayIs\
    Im9wdGlvbnMiOlt7Im5hbWUiOiJxIiwidHlwZSI6MywidmFsdWUiOiJ3aHkifV19LCJtZW1iZXIiOnsidXNlciI6eyJpZCI6InUx\
    IiwidXNlcm5hbWUiOiJhbm4ifX19";
