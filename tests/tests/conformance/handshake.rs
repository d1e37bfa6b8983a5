//! The handshake: a gateway's hellos (H1) and the descriptors that answer them (H2 to H4, C6).

use relay_driver::proto::connector;
use relay_driver::proto::gateway::{Cause, Identity, Status, Violation};
use relay_driver::proto::text::LengthUnit;
use serde_json::{Value, json};

use crate::harness::{
    End, GATEWAY, House, SECRET, Stack, StandIn, answered, bearer, becomes, delivered, descriptor, inbound,
    patient, redials_quickly,
};

on_both! {
    hellos_come_first_and_in_order,
    the_first_descriptor_is_the_default,
    no_descriptor_outlives_its_link,
    limits_are_those_of_the_chats_platform,
    a_descriptor_that_lacks_a_field_ends_the_link,
    hellos_are_answered_in_their_order,
    entries_wait_for_the_hello,
}

fn identities() -> Vec<Identity> {
    let commands = r#"[{"name":"new"}]"#;
    vec![
        Identity::new("discord", "b1").with_commands(commands),
        Identity::new("telegram", "b2"),
        Identity::new("discord", "b3"),
    ]
}

/// A descriptor whose texts may be this long.
fn limited(platform: &str, length: u64, unit: &str) -> Value {
    let mut frame = descriptor(platform);
    frame["descriptor"]["max_message_length"] = json!(length);
    frame["descriptor"]["len_unit"] = json!(unit);
    frame
}

/// H1: one hello an identity, in the configured order, before anything else, on each link; what waits for the link
/// does not overtake them.
async fn hellos_come_first_and_in_order<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    config.link.identities = identities();
    let (gateway, _deliveries) = S::connect(config);
    for _ in 0..2 {
        let mut link = stand_in.open().await;
        // The socket is open: this is accepted, and may overtake nothing.
        becomes(&gateway, |status| status == Status::Greeting).await;
        gateway.interrupt("s", None).unwrap();
        let (first, second, third) = (link.next().await, link.next().await, link.next().await);
        let commands = json!([{"name": "new"}]);
        let hello =
            json!({"type": "hello", "platform": "discord", "botId": "b1", "command_manifest": commands});
        assert_eq!(first, hello);
        assert_eq!(second, json!({"type": "hello", "platform": "telegram", "botId": "b2"}));
        assert_eq!(third, json!({"type": "hello", "platform": "discord", "botId": "b3"}));
        link.next_of("interrupt").await;
        link.close(1001, "").await;
    }
}

/// H2: the first descriptor of a link is its default, and each is kept under its platform.
async fn the_first_descriptor_is_the_default<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    config.link.identities = identities();
    let (gateway, _deliveries) = S::connect(config);
    let mut link = stand_in.open().await;
    for frame in [limited("discord", 2_000, "utf16"), limited("telegram", 4_096, "chars")] {
        link.send(&frame).await;
    }
    for _ in 0..3 {
        link.next_of("hello").await;
    }
    answered(&gateway, &mut link).await;
    let length = |platform| {
        gateway
            .inspect(|machine| machine.descriptor(platform).map(|descriptor| descriptor.max_message_length))
    };
    assert_eq!(
        [None, Some("discord"), Some("telegram")].map(length),
        [Some(2_000), Some(2_000), Some(4_096)]
    );
}

/// H2: no descriptor outlives its link.
async fn no_descriptor_outlives_its_link<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    let link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    let described = || gateway.inspect(|machine| machine.descriptor(None).map(|it| it.platform.to_string()));
    assert_eq!(described().as_deref(), Some("relay"));
    link.close(1001, "").await;
    becomes(&gateway, |status| matches!(status, Status::Reconnecting { .. })).await;
    assert_eq!(described(), None);
    gateway.wake();
    let mut link = stand_in.open().await;
    link.send(&descriptor("telegram")).await;
    becomes(&gateway, |status| status == Status::Linked).await;
    assert_eq!(described().as_deref(), Some("telegram"));
}

/// H3: a text's limit, and what is counted, are those of the platform that the chat lives on.
async fn limits_are_those_of_the_chats_platform<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    config.link.identities = identities();
    let (gateway, mut deliveries) = S::connect(config);
    let mut link = stand_in.open().await;
    link.send(&limited("telegram", 4_096, "chars")).await;
    link.send(&limited("discord", 2_000, "utf16")).await;
    for platform in ["discord", "telegram"] {
        let mut frame = inbound(platform);
        frame["event"]["source"] = json!({"platform": platform, "chat_id": platform});
        link.send(&frame).await;
        delivered(&mut deliveries).await;
    }
    let limit = |chat| gateway.text_limit(chat).map(|limit| (limit.max, limit.unit));
    assert_eq!(limit("discord"), Some((2_000, LengthUnit::Utf16)));
    assert_eq!(limit("telegram"), Some((4_096, LengthUnit::Chars)));
    assert_eq!(limit("never heard of"), Some((4_096, LengthUnit::Chars)), "the default's");
}

/// H4: a descriptor that lacks a required field, the first or a later one, ends the link, which says what is missing;
/// the gateway dials again.
async fn a_descriptor_that_lacks_a_field_ends_the_link<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(redials_quickly(&stand_in.url()));
    for (turn, field) in
        ["platform", "label", "max_message_length", "supports_edit", "len_unit"].iter().enumerate()
    {
        let mut link = stand_in.open().await;
        link.next_of("hello").await;
        if turn % 2 == 1 {
            link.send(&descriptor("relay")).await;
        }
        let mut lacking = descriptor("relay");
        lacking["descriptor"].as_object_mut().unwrap().remove(*field);
        link.send(&lacking).await;
        let (code, reason) = link.closed().await;
        assert!(code == 1002 && reason.contains(field), "{code} {reason}");
        let cause = gateway.watch().current().cause.unwrap();
        assert!(matches!(&*cause, Cause::Violation(Violation::Descriptor(_))), "{cause}");
    }
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
}

/// C6: each hello is answered with the descriptor of its platform, in the order of the hellos, and entries follow.
async fn hellos_are_answered_in_their_order<S: Stack>() {
    let house = House::<S>::start();
    house.say("after the handshake");
    let mut link = End::dial(house.address, Some(&bearer(GATEWAY, SECRET, None))).await;
    let platforms = ["telegram", "discord", "slack", "discord"];
    let hello =
        |platform: &str| format!("{}\n", json!({"type": "hello", "platform": platform, "botId": platform}));
    link.send_text(&platforms.map(hello).concat()).await;
    let mut described = Vec::new();
    let mut entries = 0;
    while described.len() < platforms.len() || entries == 0 {
        let frame = link.next().await;
        match frame["type"].as_str() {
            Some("descriptor") => {
                described.push(frame["descriptor"]["platform"].as_str().unwrap().to_owned());
            }
            _ => entries += 1,
        }
        assert!(!described.is_empty(), "an entry before the first descriptor");
    }
    assert_eq!(described, platforms);
}

/// C6: no entry goes out before the hello.
async fn entries_wait_for_the_hello<S: Stack>() {
    let house = House::<S>::start();
    house.say("early");
    let mut link = End::dial(house.address, Some(&bearer(GATEWAY, SECRET, None))).await;
    house.becomes(connector::Status::Greeting).await;
    house.say("late");
    let action = json!({"op": "send", "chat_id": "c", "content": "x", "metadata": {}});
    link.send(&json!({"type": "outbound", "requestId": "r", "action": action})).await;
    // The refusal says that the session had its turn.
    link.next_of("outbound_result").await;
    link.send(&json!({"type": "hello", "platform": "discord", "botId": "b"})).await;
    link.next_of("descriptor").await;
    for text in ["early", "late"] {
        assert_eq!(link.next_of("inbound").await["event"]["text"], text);
    }
}
