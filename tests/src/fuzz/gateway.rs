//! A gateway's machine under any script.

use std::time::Duration;

use relay_proto::gateway::{Config, Identity, InboundLimits};
use serde_json::{Value, json};

use super::input::Input;
use crate::lines;
use crate::script::{GatewayInput, GatewayRun};

/// Enough for any state to be reached, and few enough that no input is slow.
const MOST_INPUTS: usize = 200;

const BUFFER_IDS: [&str; 9] = ["", "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"];
const MILLIS: [u64; 10] = [1, 400, 999, 1000, 2000, 5000, 10_000, 30_000, 60_000, 90_000];
const CODES: [u16; 7] = [1000, 1001, 1006, 1011, 4401, 4401, 4403];
const REASONS: [&str; 3] = ["", "expired", "unauthorized"];
const ACTIONS: [&str; 5] = [
    r#"{"op":"send","chat_id":"chat","content":"NUMBER"}"#,
    r#"{"op":"send","chat_id":"elsewhere","content":"NUMBER and more than a narrow platform takes"}"#,
    r#"{"op":"edit","chat_id":"chat","message_id":"m","content":"NUMBER"}"#,
    r#"{"op":"react","chat_id":"chat","message_id":"m","emoji":"NUMBER","remove":false}"#,
    r#"{"op":"get_chat_info","chat_id":"NUMBER"}"#,
];

/// L1, L2, L4, L6, A4, H1, D1, D2, D5, O1, O2, K2, W4: what holds at every step of a gateway holds under any script;
/// a clone of it has the same future; and there is a way back to a link from wherever the script led.
///
/// One byte of settings, and then the inputs.
pub fn gateway(data: &[u8]) {
    let mut input = Input::new(data);
    let bits = input.byte();
    let mut run = GatewayRun::new(settings(bits));
    let mut script = Vec::new();
    while !input.is_empty() && script.len() < MOST_INPUTS {
        let next = read(&mut input);
        script.push(next);
    }
    let (before, after) = script.split_at(script.len() / 2);
    before.iter().for_each(|input| run.apply(input));
    let mut clone = run.clone();
    after.iter().for_each(|input| run.apply(input));
    after.iter().for_each(|input| clone.apply(input));
    assert_eq!(clone.log, run.log, "K2");
    assert_eq!(clone.rig.machine, run.rig.machine, "K2");
    run.recovers();
}

/// Small limits, so that scripts reach them.
pub(super) fn narrow() -> Config {
    Config {
        identities: vec![Identity::new("discord", "d"), Identity::new("slack", "s")],
        inbound: InboundLimits { soft_count: 3, hard_count: 12, soft_bytes: 3000, hard_bytes: 9000 },
        dedupe_window: 5,
        request_limit: 6,
        route_limit: 4,
        line_limit: 2000,
        ..Config::default()
    }
}

fn settings(bits: u8) -> Config {
    let narrow = narrow();
    Config {
        reconnect: bits & 1 == 0,
        token_lifetime: narrow.token_lifetime.filter(|_| bits & 2 == 0),
        dormant_redial: (bits & 4 != 0).then_some(Duration::from_secs(90)),
        identities: if bits & 8 == 0 { narrow.identities } else { Vec::new() },
        ..narrow
    }
}

fn read(input: &mut Input<'_>) -> GatewayInput {
    match input.byte() % 27 {
        0 | 1 => GatewayInput::Open,
        2 => GatewayInput::DialFails(input.pick(&[None, Some(401), Some(403), Some(503)])),
        3..=6 => GatewayInput::Says(said(input)),
        7 => GatewayInput::Noise(noise(input)),
        8 => GatewayInput::Answers(input.index()),
        9 => close(input),
        10 => GatewayInput::Breaks,
        11 => GatewayInput::Pong(input.byte().into()),
        12 => GatewayInput::TooLarge,
        13 => GatewayInput::Elsewhere(input.byte().into(), Box::new(elsewhere(input))),
        14 => GatewayInput::Passes(input.pick(&MILLIS)),
        15 => GatewayInput::Sleeps(input.pick(&[1000, 6000, 60_000, 400_000])),
        16 => GatewayInput::NextDeadline,
        17 => GatewayInput::Asks(input.pick(&ACTIONS), input.flag()),
        18 => GatewayInput::Stores(input.index()),
        19 => GatewayInput::Releases(input.index()),
        20 => GatewayInput::Interrupts,
        21 => GatewayInput::GoesDormant,
        22 => GatewayInput::Wakes,
        23 => GatewayInput::Holds,
        24 => GatewayInput::ShutsDown,
        25 => GatewayInput::Sink(input.flag()),
        _ => GatewayInput::App(input.flag()),
    }
}

fn close(input: &mut Input<'_>) -> GatewayInput {
    GatewayInput::Closes(input.pick(&CODES), input.pick(&REASONS))
}

fn elsewhere(input: &mut Input<'_>) -> GatewayInput {
    match input.byte() % 6 {
        0 => GatewayInput::Open,
        1 => GatewayInput::DialFails(None),
        2 => close(input),
        3 => GatewayInput::Says(said(input)),
        4 => GatewayInput::Pong(input.byte().into()),
        _ => GatewayInput::TooLarge,
    }
}

/// What the connector says. Its frames have the fields of their types, because the watches read them by the letter;
/// frames without are the business of the target `reading`.
fn said(input: &mut Input<'_>) -> String {
    let narrow = json!({"max_message_length": 3, "supported_ops": ["send", "react"]});
    match input.byte() % 13 {
        0 | 1 => lines::descriptor("discord"),
        2 => lines::descriptor_with("slack", &narrow),
        3 => lines::descriptor_with("discord", &json!({"label": null})),
        4..=6 => {
            let buffer_id = input.pick(&BUFFER_IDS);
            lines::inbound(buffer_id, &event(input))
        }
        7 => {
            let buffer_id = input.pick(&BUFFER_IDS);
            lines::passthrough(buffer_id, &lines::forward(&format!("f{}", input.index() % 3)))
        }
        8 => lines::going_idle_ack(),
        9 => lines::interrupt_inbound(&input.text(8), &input.text(8)),
        10 => lines::result(&input.text(8), &Value::Null),
        11 => String::from("{\"type\":\"inbound\",\"event\""),
        _ => String::from("\n"),
    }
}

fn event(input: &mut Input<'_>) -> Value {
    let bits = input.byte();
    let mut event = lines::message(&format!("m{}", (bits & 7) % 5));
    event["text"] = match bits >> 3 & 3 {
        number @ 0..=2 => number.into(),
        _ => input.text(255).into(),
    };
    if bits & 32 != 0 {
        event["source"]["message_is_edit"] = true.into();
    }
    event
}

/// Bytes that are no frame, in which the watches would see another than the machine does.
pub(super) fn noise(input: &mut Input<'_>) -> Vec<u8> {
    input.bytes(40).iter().map(|byte| if *byte == b'{' { b'[' } else { *byte }).collect()
}
