//! Where a gateway's requests go: by which bot (O6), with what its chat's last event said (O7), only what the platform
//! offers (O8), and in pieces that it takes (O11).

use relay_driver::proto::action::{Action, Op};
use relay_driver::proto::gateway::{Identity, Options, Outcome, Refusal, Status};
use relay_driver::proto::routing::Route;
use serde_json::{Value, json};

use crate::harness::{
    End, Stack, StandIn, answered, becomes, delivered, descriptor, inbound, redials_quickly, result, within,
};

on_both! {
    tagged_by_the_chats_platform,
    what_is_not_fronted_is_refused,
    metadata_is_completed_and_never_overwritten,
    a_restored_chat_finds_its_way,
    what_is_not_offered_is_refused,
    long_texts_go_out_in_pieces,
    a_piece_that_fails_is_the_last,
}

/// A gateway of two bots, and its link. Its chats `discord` and `telegram` live on the platform of that name.
struct Rig<S: Stack> {
    gateway: S::Gateway,
    _deliveries: relay_driver::gateway::Deliveries,
    link: End,
}

impl<S: Stack> Rig<S> {
    async fn new() -> Self {
        let stand_in = StandIn::bind().await;
        let mut config = redials_quickly(&stand_in.url());
        config.link.identities = vec![Identity::new("discord", "b1"), Identity::new("telegram", "b2")];
        let (gateway, mut deliveries) = S::connect(config);
        let mut link = stand_in.open().await;
        for (platform, length) in [("discord", 20), ("telegram", 4_096)] {
            link.next_of("hello").await;
            let mut frame = descriptor(platform);
            frame["descriptor"]["max_message_length"] = json!(length);
            link.send(&frame).await;
        }
        for platform in ["discord", "telegram"] {
            let mut frame = inbound(platform);
            frame["event"]["source"] = json!({
                "platform": platform, "chat_id": platform, "chat_type": "group",
                "scope_id": "guild", "user_id": "user", "profile": "work",
            });
            link.send(&frame).await;
            delivered(&mut deliveries).await;
            link.next_of("inbound_ack").await;
        }
        becomes(&gateway, |status| status == Status::Linked).await;
        Self { gateway, _deliveries: deliveries, link }
    }

    /// Asks for this, and answers it: the frame.
    async fn asks(&mut self, action: Action, options: &Options) -> Value {
        let answering = async {
            let request = self.link.next_of("outbound").await;
            self.link.send(&result(&request)).await;
            request
        };
        let asking = within("an answer", self.gateway.send_with(action, options));
        let (outcome, request) = tokio::join!(asking, answering);
        assert!(matches!(outcome, Ok(Outcome::Answered(_))), "{outcome:?}");
        request
    }

    /// Asks for this, which is refused, and nothing goes out.
    async fn is_refused(&mut self, action: Action, options: &Options) -> Refusal {
        let refused = within("a refusal", self.gateway.send_with(action.clone(), options)).await.unwrap_err();
        assert_eq!(refused.argument, action);
        answered(&self.gateway, &mut self.link).await;
        refused.refusal
    }
}

fn on(platform: &str, bot_id: Option<&str>) -> Options {
    Options { platform: Some(platform.into()), bot_id: bot_id.map(Into::into), ..Options::default() }
}

/// O6: a frame bears the platform that its chat lives on and the bot fronted there; for a chat that nothing is known
/// of, neither.
async fn tagged_by_the_chats_platform<S: Stack>() {
    let mut rig = Rig::<S>::new().await;
    for (chat, options, platform, bot) in [
        ("discord", Options::default(), json!("discord"), json!("b1")),
        ("telegram", Options::default(), json!("telegram"), json!("b2")),
        ("never heard of", Options::default(), Value::Null, Value::Null),
        ("never heard of", on("telegram", None), json!("telegram"), json!("b2")),
        ("discord", on("telegram", Some("b2")), json!("telegram"), json!("b2")),
    ] {
        let request = rig.asks(Action::send(chat, "x"), &options).await;
        assert_eq!((&request["platform"], &request["botId"]), (&platform, &bot), "{chat} {options:?}");
    }
}

/// O6: a platform or bot that the gateway does not front is refused to the caller.
async fn what_is_not_fronted_is_refused<S: Stack>() {
    let mut rig = Rig::<S>::new().await;
    for options in [on("slack", None), on("discord", Some("b2")), on("telegram", Some(""))] {
        let refusal = rig.is_refused(Action::send("c", "x"), &options).await;
        assert!(matches!(refusal, Refusal::NotFronted { .. }), "{refusal:?}");
    }
}

/// O7: a request's metadata gets what its chat's last event said and what it lacks, and keeps what it has.
async fn metadata_is_completed_and_never_overwritten<S: Stack>() {
    let mut rig = Rig::<S>::new().await;
    let request = rig.asks(Action::send("discord", "x"), &Options::default()).await;
    let known = json!({"scope_id": "guild", "user_id": "user", "profile": "work"});
    assert_eq!(request["action"]["metadata"], known);
    let own = Action::send("discord", "x").with_metadata("scope_id", "other").with_metadata("mine", 1);
    let request = rig.asks(own, &Options::default()).await;
    let completed = json!({"scope_id": "other", "mine": 1, "user_id": "user", "profile": "work"});
    assert_eq!(request["action"]["metadata"], completed);
}

/// O7: what an application remembered of a chat before a restart counts, until the chat speaks.
async fn a_restored_chat_finds_its_way<S: Stack>() {
    let mut rig = Rig::<S>::new().await;
    let route =
        Route { platform: Some("telegram"), scope_id: Some("old"), user_id: Some("u"), ..Route::default() };
    rig.gateway.restore_route("from before", route);
    let request = rig.asks(Action::send("from before", "x"), &Options::default()).await;
    assert_eq!((&request["platform"], &request["botId"]), (&json!("telegram"), &json!("b2")));
    assert_eq!(request["action"]["metadata"], json!({"scope_id": "old", "user_id": "u"}));
}

/// O8: an op that the platform's descriptor does not list is refused at once; an empty list means the legacy ops.
async fn what_is_not_offered_is_refused<S: Stack>() {
    let mut rig = Rig::<S>::new().await;
    let react =
        Op::React { chat_id: "telegram".into(), message_id: "m".into(), emoji: "👍".into(), remove: false };
    let refusal = rig.is_refused(Action::new(react), &Options::default()).await;
    assert_eq!(refusal, Refusal::Unsupported { op: "react".into() });
    let edit = Op::Edit { chat_id: "telegram".into(), message_id: "m".into(), content: "x".into() };
    rig.asks(Action::new(edit), &Options::default()).await;
}

/// O11: a text that is too long goes out in pieces, each of which fits, one after the other; only the first replies.
async fn long_texts_go_out_in_pieces<S: Stack>() {
    let mut rig = Rig::<S>::new().await;
    let text = "Whoever writes this much does not write for discord.";
    let mut action = Action::send("discord", text);
    let Op::Send { reply_to, .. } = &mut action.op else { unreachable!("it is a send") };
    *reply_to = Some("m".into());
    let mut sent = Vec::new();
    let answering = async {
        loop {
            let request = rig.link.next_of("outbound").await;
            // One at a time: the next one waits for the result of this one.
            assert!(rig.link.leftovers().is_empty());
            rig.link.send(&result(&request)).await;
            let action = &request["action"];
            assert_eq!(action["reply_to"], if sent.is_empty() { json!("m") } else { Value::Null });
            let piece = action["content"].as_str().unwrap().to_owned();
            assert!(piece.chars().count() <= 20, "{piece:?}");
            let last = text.ends_with(&piece);
            sent.push(piece);
            if last {
                return;
            }
        }
    };
    let asking = within("an answer", rig.gateway.send(action));
    let (outcome, ()) = tokio::join!(asking, answering);
    assert!(matches!(outcome, Ok(Outcome::Answered(_))));
    assert!(sent.len() >= 3, "{sent:?}");
    assert_eq!(sent.join(" "), text);
}

/// O11: where a piece is not done, those behind it are not sent, and its result is that of the whole.
async fn a_piece_that_fails_is_the_last<S: Stack>() {
    let mut rig = Rig::<S>::new().await;
    let answering = async {
        for success in [true, false] {
            let request = rig.link.next_of("outbound").await;
            let mut answer = result(&request);
            answer["result"]["success"] = json!(success);
            rig.link.send(&answer).await;
        }
    };
    let asking =
        within("an answer", rig.gateway.send(Action::send("discord", "four words and more ".repeat(4))));
    let (outcome, ()) = tokio::join!(asking, answering);
    let Ok(Outcome::Answered(answer)) = outcome else { panic!("{outcome:?}") };
    assert!(std::str::from_utf8(&answer).unwrap().contains("false"));
    answered(&rig.gateway, &mut rig.link).await;
}
