//! The machine and the codec alone: a 616-byte inbound frame decoded, stepped, delivered, stored and acked, beside the
//! bare decoding of its envelope.
//!
//! Frames lie side by side in one buffer, as a socket's reads leave them, and each is another message, so that the
//! window of known deliveries is full and moves on. What counts is the median of the rounds' ratios.

use std::hint::black_box;
use std::time::Instant as Time;

use allocation_counter::measure;
use bytes::Bytes;
use envelope::Envelope;
use relay_tokio::proto::gateway::{Config, Gateway, Inbound};
use relay_tokio::proto::{Features, Instant, LinkEvent, LinkId};
use serde_json::value::RawValue;

/// Frames that are read at once.
const BATCH: usize = 200;

const ROUNDS: usize = 400;

fn main() {
    let mut gateway = linked();
    let (mut bare, mut relay, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let frames = batch(round);
        let lines: Vec<&str> =
            frames.iter().map(|frame| std::str::from_utf8(frame).expect("a text")).collect();
        let bare_time = per_frame(|| lines.iter().copied().for_each(decode));
        let relay_time = per_frame(|| frames.iter().for_each(|frame| deliver(&mut gateway, frame.clone())));
        // The first rounds fill the window and warm up both.
        if round >= ROUNDS / 4 {
            bare.push(bare_time);
            relay.push(relay_time);
            ratios.push(relay_time / bare_time);
        }
    }
    let frames = batch(ROUNDS);
    let allocated = measure(|| frames.iter().for_each(|frame| deliver(&mut gateway, frame.clone())));
    println!("{:<38} {:>9} {:>9} {:>7}", "", "bare ns", "relay ns", "ratio");
    println!(
        "{:<38} {:>9.0} {:>9.0} {:>7.2}",
        "616-byte inbound, delivered and acked",
        median(&mut bare),
        median(&mut relay),
        median(&mut ratios)
    );
    println!("{:<38} {:>27.2}", "allocations a frame", allocated.count_total as f64 / BATCH as f64);
}

fn decode(line: &str) {
    let envelope = Envelope::read(line);
    black_box((envelope.kind.len(), envelope.event.map(RawValue::get), envelope.buffer_id));
}

fn deliver(gateway: &mut Gateway, frame: Bytes) {
    gateway.handle_link(LinkEvent::Received(LinkId(0), frame), Instant::ZERO);
    while let Some(Inbound::Deliver(delivery)) = gateway.poll_inbound() {
        assert!(gateway.stored(delivery.id, Instant::ZERO), "each frame is another message");
        black_box(&delivery);
    }
    let ack = gateway.poll_transmit().expect("an ack");
    black_box(&ack);
}

fn linked() -> Gateway {
    let mut gateway = Gateway::new(Config::default(), 1, Instant::ZERO);
    gateway.handle_link(LinkEvent::Opened(LinkId(0), Features::default()), Instant::ZERO);
    let descriptor = concat!(
        r#"{"type":"descriptor","descriptor":{"contract_version":1,"platform":"discord","label":"Discord","#,
        r#""max_message_length":2000,"supports_draft_streaming":false,"supports_edit":true,"#,
        r#""supports_threads":true,"markdown_dialect":"discord","len_unit":"chars"}}"#,
        "\n"
    );
    gateway.handle_link(LinkEvent::Received(LinkId(0), descriptor.into()), Instant::ZERO);
    while gateway.poll_transmit().is_some() || gateway.poll_event().is_some() {}
    gateway
}

fn batch(round: usize) -> Vec<Bytes> {
    let lines: Vec<String> = (0..BATCH).map(|number| frame::inbound(round * BATCH + number)).collect();
    let whole = Bytes::from(lines.concat());
    let mut from = 0;
    lines
        .iter()
        .map(|line| {
            let frame = whole.slice(from..from + line.len());
            from += line.len();
            frame
        })
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn per_frame(work: impl FnOnce()) -> f64 {
    let start = Time::now();
    work();
    start.elapsed().as_nanos() as f64 / BATCH as f64
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

#[path = "envelope.rs"]
mod envelope;
#[path = "frame.rs"]
mod frame;
