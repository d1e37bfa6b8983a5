//! Whatever bytes come (D7), at either end of a real socket: lines split and joined, binary messages, nonsense, and
//! lines over the limit.

use relay_driver::proto::connector::Status as SessionStatus;
use relay_driver::proto::gateway::{Cause, Status, Violation};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::harness::{
    End, House, Stack, StandIn, becomes, calm, delivered, inbound, redials_quickly, within,
};

on_both! {
    a_peer_may_finish_what_it_says,
    lines_of_twenty_mebibytes_end_either_link,
    a_gateway_takes_lines_however_they_are_cut,
    a_connector_takes_lines_however_they_are_cut,
    nonsense_ends_neither_side,
    an_odd_event_is_still_delivered,
    a_gateway_refuses_lines_over_its_limit,
    a_line_of_just_the_limit_passes,
    a_connector_refuses_lines_over_its_limit,
    broken_websockets_end_the_link_alone,
    half_a_line_does_not_outlive_its_link,
}

/// Lines that no peer should send, and that end nothing.
const NONSENSE: [&str; 14] = [
    "",
    "   ",
    "\r",
    "{",
    "}",
    "[]",
    "null",
    "1",
    "\"hello\"",
    "{}",
    r#"{"type":7}"#,
    r#"{"type":"never heard of"}"#,
    r#"{"type":"inbound"}"#,
    r#"{"type":"outbound_result","requestId":"nobody's","result":{"success":true}}"#,
];

/// Sends a line in frames of a WebSocket message that are as small as they can be.
async fn send_in_fragments(end: &mut End, line: &str) {
    let mut opcode = OpCode::Data(Data::Text);
    for (at, byte) in line.bytes().enumerate() {
        let last = at + 1 == line.len();
        end.send_message(Message::Frame(Frame::message(vec![byte], opcode, last))).await;
        opcode = OpCode::Data(Data::Continue);
    }
}

/// D7: a message may hold several lines, a line may run over several messages of either kind, and a message over
/// several frames; the gateway takes them all, in order.
async fn a_gateway_takes_lines_however_they_are_cut<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (_gateway, mut deliveries) = S::connect(redials_quickly(&stand_in.url()));
    let mut link = stand_in.link().await;
    let line = |text: &str| format!("{}\n", inbound(text));

    link.send_text(&(line("joined 1") + &line("joined 2") + "\n \r\n" + &line("joined 3"))).await;
    let split = line("split é😀");
    // Cut inside a character, too, which only binary messages can be.
    for byte in split.bytes() {
        link.send_message(Message::binary(vec![byte])).await;
    }
    let mixed = line("mixed");
    let (head, tail) = mixed.split_at(20);
    link.send_text(head).await;
    link.send_message(Message::text("")).await;
    link.send_message(Message::binary(Vec::new())).await;
    link.send_message(Message::binary(tail.as_bytes().to_vec())).await;
    link.send_message(Message::binary(line("binary").into_bytes())).await;
    send_in_fragments(&mut link, &line("fragments")).await;
    link.send_text(line("ended by crlf").trim_end()).await;
    link.send_text("\r\n").await;

    for text in
        ["joined 1", "joined 2", "joined 3", "split é😀", "mixed", "binary", "fragments", "ended by crlf"]
    {
        assert_eq!(delivered(&mut deliveries).await, text);
        assert_eq!(link.next_of("inbound_ack").await["bufferId"], text);
    }
}

/// D7: the same for the connector.
async fn a_connector_takes_lines_however_they_are_cut<S: Stack>() {
    let house = House::<S>::start();
    let mut link = house.link().await;
    let line = |id: &str| {
        let action = json!({"op": "send", "chat_id": id, "content": "é😀", "metadata": {}});
        format!("{}\n", json!({"type": "outbound", "requestId": id, "action": action}))
    };
    link.send_text(&(line("joined 1") + "\n\r\n" + &line("joined 2"))).await;
    for byte in line("split").bytes() {
        link.send_message(Message::binary(vec![byte])).await;
    }
    send_in_fragments(&mut link, &line("fragments")).await;
    let mut answered = Vec::new();
    for _ in 0..4 {
        answered.push(link.next_of("outbound_result").await["requestId"].as_str().unwrap().to_owned());
    }
    answered.sort();
    assert_eq!(answered, ["fragments", "joined 1", "joined 2", "split"]);
}

/// D7: lines that are no frames are skipped, and the link goes on.
async fn nonsense_ends_neither_side<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, mut deliveries) = S::connect(redials_quickly(&stand_in.url()));
    let mut to_gateway = stand_in.link().await;
    let house = House::<S>::start();
    let mut to_connector = house.link().await;
    for end in [&mut to_gateway, &mut to_connector] {
        for line in NONSENSE {
            end.send_text(&format!("{line}\n")).await;
        }
        end.send_message(Message::binary(b"\xff\xfe\x00{\"type\":\"\xc3\"}\n".to_vec())).await;
        end.send_message(Message::Ping(b"a ping of its own".as_slice().into())).await;
        end.send_message(Message::Pong(b"asked for by nobody".as_slice().into())).await;
        end.send_message(Message::Pong(vec![0; 4].into())).await;
    }
    to_gateway.send(&inbound("after it all")).await;
    assert_eq!(delivered(&mut deliveries).await, "after it all");
    assert!(gateway.inspect(|machine| machine.skipped().malformed) >= 8);
    house.say("after it all");
    assert_eq!(to_connector.next_of("inbound").await["event"]["text"], "after it all");
}

/// D7: an event without a usable field is not lost, and one that is no object does not end the link.
async fn an_odd_event_is_still_delivered<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (_gateway, mut deliveries) = S::connect(redials_quickly(&stand_in.url()));
    let mut link = stand_in.link().await;
    for event in [json!({"text": 7, "source": []}), json!([]), json!(null), json!("x"), json!({})] {
        link.send(&json!({"type": "inbound", "event": event, "bufferId": "odd"})).await;
    }
    link.send(&inbound("even")).await;
    let mut seen = Vec::new();
    while !seen.iter().any(|text| text == "even") {
        seen.push(delivered(&mut deliveries).await);
    }
    assert!(seen.len() > 1, "{seen:?}");
}

/// The ways in which a line can be too long.
fn too_long(limit: usize) -> [Vec<Message>; 4] {
    let half = "x".repeat(limit / 2 + 1);
    let whole = "x".repeat(limit + 1);
    [
        vec![Message::text(format!("{whole}\n"))],
        vec![Message::text(whole.clone())],
        vec![Message::text(half.clone()), Message::binary(half.into_bytes())],
        // More than the WebSocket layer itself takes in one message.
        vec![Message::text("x".repeat(limit.max(64 << 10) * 3))],
    ]
}

/// D7: a line over the limit, finished or not, ends the link with 1009; the gateway says why, and dials again.
async fn a_gateway_refuses_lines_over_its_limit<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    config.link.line_limit = 4 << 10;
    let (gateway, _deliveries) = S::connect(config);
    for messages in too_long(4 << 10) {
        let link = stand_in.link().await;
        let (code, reason) = link.closed_while_sending(messages).await;
        assert_eq!(code, 1009);
        assert!(reason.contains("4096"), "{reason}");
        let cause = gateway.watch().current().cause.unwrap();
        assert!(matches!(&*cause, Cause::Violation(Violation::LineTooLong(_))), "{cause}");
    }
    stand_in.link().await;
}

/// D7: a line of just the limit passes.
async fn a_line_of_just_the_limit_passes<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    config.link.line_limit = 4 << 10;
    let (_gateway, mut deliveries) = S::connect(config);
    let mut link = stand_in.link().await;
    let mut frame = inbound("m");
    frame["filler"] = json!("x".repeat(4096 - frame.to_string().len() - r#","filler":"""#.len()));
    let line = frame.to_string();
    assert_eq!(line.len(), 4096);
    link.send_text(&format!("{line}\n")).await;
    assert_eq!(delivered(&mut deliveries).await, "m");
}

/// D7, C15: the same limit at the connector, which closes with 1009 and takes the next link.
async fn a_connector_refuses_lines_over_its_limit<S: Stack>() {
    let mut config = calm();
    config.session.line_limit = 4 << 10;
    let house = House::<S>::with(config);
    for messages in too_long(4 << 10) {
        let link = house.link().await;
        assert_eq!(link.closed_while_sending(messages).await.0, 1009);
        house.becomes(SessionStatus::Offline).await;
    }
    drop(house.link().await);
}

/// D7: bytes that are no WebSocket frames end the link, and no more: the gateway dials again, the connector listens.
async fn broken_websockets_end_the_link_alone<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, mut deliveries) = S::connect(redials_quickly(&stand_in.url()));
    let house = House::<S>::start();
    for seed in 0..40u64 {
        let noise = noise(seed);
        let mut to_gateway = stand_in.link().await;
        let mut to_connector = house.link().await;
        for end in [&mut to_gateway, &mut to_connector] {
            let carrier = end.carrier();
            // Whoever is spoken to may have hung up by now.
            _ = within("room", carrier.write_all(&noise)).await;
            _ = within("room", carrier.shutdown()).await;
        }
        becomes(&gateway, |status| status != Status::Linked).await;
        house.becomes(SessionStatus::Offline).await;
    }
    let mut link = stand_in.link().await;
    link.send(&inbound("after it all")).await;
    assert_eq!(delivered(&mut deliveries).await, "after it all");
    drop(house.link().await);
}

/// Bytes that look random, and are the same on every run. Half of them begin like a frame.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let mut bytes: Vec<u8> = (0..usize::from(next()) * 8 + 2).map(|_| next()).collect();
    if seed.is_multiple_of(2) {
        bytes[0] = 0x80 | (bytes[0] & 0x0f);
        bytes[1] &= 0x7f;
    }
    bytes
}

/// D7: a link that breaks in the middle of a line does not let the next one begin there, and what was not stored is
/// not acked.
async fn half_a_line_does_not_outlive_its_link<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, mut deliveries) = S::connect(redials_quickly(&stand_in.url()));
    let mut link = stand_in.link().await;
    let line = inbound("once").to_string();
    link.send_text(&line[..line.len() / 2]).await;
    drop(link);
    let mut link = stand_in.link().await;
    link.send_text(&format!("{}\n", &line[line.len() / 2..])).await;
    link.send(&inbound("next")).await;
    assert_eq!(delivered(&mut deliveries).await, "next");
    assert_eq!(link.next_of("inbound_ack").await["bufferId"], "next");
    assert_eq!(gateway.inspect(|machine| machine.skipped().malformed), 1);
}

/// D7, C15: a line of 20 MiB is over the limits that both ends have by default, in one message or in many, and ends
/// the link alone.
async fn lines_of_twenty_mebibytes_end_either_link<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (_gateway, mut deliveries) = S::connect(redials_quickly(&stand_in.url()));
    let house = House::<S>::start();
    for pieces in [1, 20] {
        let messages = || vec![Message::text("x".repeat((20 << 20) / pieces)); pieces];
        assert_eq!(stand_in.link().await.closed_while_sending(messages()).await.0, 1009);
        assert_eq!(house.link().await.closed_while_sending(messages()).await.0, 1009);
        house.becomes(SessionStatus::Offline).await;
    }
    let mut link = stand_in.link().await;
    link.send(&inbound("after it all")).await;
    assert_eq!(delivered(&mut deliveries).await, "after it all");
    drop(house.link().await);
}

/// D7: a peer that goes on after a line that is refused is not cut off while it speaks, and so reads why.
async fn a_peer_may_finish_what_it_says<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    config.link.line_limit = 4 << 10;
    let (_gateway, _deliveries) = S::connect(config);
    let mut config = calm();
    config.session.line_limit = 4 << 10;
    let house = House::<S>::with(config);
    for mut end in [stand_in.link().await, house.link().await] {
        // More each than the WebSocket layer takes, so that what follows can only be read below it.
        for _ in 0..16 {
            end.send_text(&"x".repeat(200 << 10)).await;
        }
        assert_eq!(end.closed().await.0, 1009);
    }
}
