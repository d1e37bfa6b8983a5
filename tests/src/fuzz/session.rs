//! A session's machine under any script.

use relay_proto::DeliveryKind;
use relay_proto::connector::Config;

use super::gateway::noise;
use super::input::Input;
use crate::lines;
use crate::script::{SessionInput, SessionRun};

/// Enough for any state to be reached, and few enough that no input is slow.
const MOST_INPUTS: usize = 200;

const MILLIS: [u64; 5] = [1, 5000, 15_000, 30_000, 60_000];

/// C3, C4, C5, C6, C8, C9, C10, C12, K2, W4: what holds at every step of a session holds under any script; a clone of
/// it has the same future; and from wherever the script led, a peer that behaves gets everything.
///
/// One byte of settings, and then the inputs.
pub fn session(data: &[u8]) {
    let mut input = Input::new(data);
    let mut run = SessionRun::new(settings(input.byte()));
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
pub(super) fn small_mailbox() -> Config {
    Config { window: 4, give_outs: 3, wakeable: true, request_limit: 3, line_limit: 500, ..Config::default() }
}

fn settings(bits: u8) -> Config {
    Config {
        window: if bits & 1 == 0 { 4 } else { 1 },
        give_outs: if bits & 2 == 0 { 3 } else { 1 },
        wakeable: bits & 4 == 0,
        ..small_mailbox()
    }
}

fn read(input: &mut Input<'_>) -> SessionInput {
    match input.byte() % 26 {
        0 | 1 => SessionInput::Accepts(input.flag()),
        2..=4 => SessionInput::Says(said(input)),
        5 => SessionInput::Noise(noise(input)),
        6..=8 => SessionInput::Acks(input.index()),
        9 => SessionInput::Asks(input.byte() % 8),
        10 => SessionInput::Breaks,
        11 => SessionInput::Pong(input.byte().into()),
        12 => SessionInput::TooLarge,
        13 => SessionInput::Elsewhere(said(input)),
        14 => SessionInput::Passes(input.pick(&MILLIS)),
        15 => SessionInput::NextDeadline,
        16 | 17 => SessionInput::Appends(kind(input), input.pick(&[100, 100, 100, usize::MAX])),
        18 => SessionInput::Describes(input.index()),
        19 => SessionInput::Responds(input.index(), input.pick(&["{}", "7", "{\"success\":true}"])),
        20 => SessionInput::Interrupts,
        21 => SessionInput::Buries(input.byte().into()),
        22 => SessionInput::Revokes,
        23 => SessionInput::Reinstates,
        24 => SessionInput::ShutsDown,
        _ => SessionInput::Sink(input.flag()),
    }
}

pub(super) fn kind(input: &mut Input<'_>) -> DeliveryKind {
    if input.byte() % 4 == 3 { DeliveryKind::Passthrough } else { DeliveryKind::Message }
}

/// What the gateway says. Its frames have the fields of their types, because the watch reads them by the letter;
/// frames without are the business of the target `reading`.
fn said(input: &mut Input<'_>) -> String {
    match input.byte() % 8 {
        0 | 1 => lines::hello("discord", "bot"),
        2 => lines::hello("slack", &input.text(8)),
        3 => lines::going_idle(),
        4 => lines::inbound_ack(&input.text(8)),
        5 => String::from("{\"type\":\"interrupt\",\"session_key\":\"s\",\"reason\":null}\n"),
        6 => String::from("{\"type\":\"outbound\",\"requestId\":\"x\""),
        _ => String::from("\n"),
    }
}
