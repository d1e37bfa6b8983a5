//! What a gateway's machine costs: the memory of an idle link, and the allocations of a frame.

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use relay_proto::gateway::{Gateway, Inbound, Transmit};
use relay_proto::{Features, Instant, LinkEvent, LinkId};
use relay_tests::gateway_rig::plain_config;
use relay_tests::lines;

const START: Instant = Instant::from_millis(1_000_000);
const NOW: Instant = Instant::from_millis(1_030_000);

/// A machine whose link is up and has seen its first ping, with everything drained.
fn linked(descriptor: &Bytes) -> Gateway {
    let mut machine = Gateway::new(plain_config(), 7, START);
    let link = machine.link().expect("a dial is under way");
    machine.handle_link(LinkEvent::Opened(link, Features::default()), START);
    machine.handle_link(LinkEvent::Received(link, descriptor.clone()), START);
    while machine.poll_transmit().is_some() {}
    while machine.poll_event().is_some() {}
    machine.handle_timeout(NOW);
    let Some(Transmit::Ping(_, number)) = machine.poll_transmit() else { panic!("a ping") };
    machine.handle_link(LinkEvent::Pong(link, number), NOW);
    machine
}

/// The line of an inbound frame of exactly 616 bytes.
fn frame(number: usize) -> Bytes {
    let name = format!("{number:019}");
    let mut event = lines::message(&name);
    event["text"] = "".into();
    let bare = lines::inbound(&format!("stream-{number:06}"), &event).len();
    event["text"] = "x".repeat(616 - bare).into();
    let line = lines::inbound(&format!("stream-{number:06}"), &event);
    assert_eq!(line.len(), 616);
    Bytes::from(line)
}

/// One frame is decoded, delivered, stored and acked.
fn pass(machine: &mut Gateway, link: LinkId, frame: Bytes) {
    machine.handle_link(LinkEvent::Received(link, frame), NOW);
    let Some(Inbound::Deliver(delivery)) = machine.poll_inbound() else { panic!("delivered") };
    assert!(machine.stored(delivery.id, NOW));
    assert!(matches!(machine.poll_transmit(), Some(Transmit::Frame(..))), "acked");
    assert!(machine.poll_transmit().is_none());
}

/// D6: an idle link with one identity costs at most two kibibytes, all in all.
#[test]
fn an_idle_link() {
    let descriptor = Bytes::from(lines::descriptor("discord"));
    let mut machine = None;
    let heap = measure(|| machine = Some(linked(&descriptor)));
    assert!(machine.is_some());
    let own = size_of::<Gateway>();
    let held = usize::try_from(heap.bytes_current).expect("nothing was freed that was not allocated");
    assert!(
        own + held <= 2048,
        "{own} bytes itself and {held} on the heap, in {} pieces",
        heap.count_current
    );
}

/// D6: in the long run a frame that is decoded, delivered, stored and acked costs at most three allocations.
#[test]
fn the_allocations_of_a_frame() {
    let mut machine = linked(&Bytes::from(lines::descriptor("discord")));
    let link = machine.link().expect("linked");
    let mut frames = (0..20_000).map(frame).collect::<Vec<_>>().into_iter();
    for frame in frames.by_ref().take(10_000) {
        pass(&mut machine, link, frame);
    }
    let frames: Vec<Bytes> = frames.collect();
    let count = frames.len() as u64;
    let AllocationInfo { count_total, bytes_current, .. } = measure(|| {
        for frame in frames {
            pass(&mut machine, link, frame);
        }
    });
    assert!(count_total <= 3 * count, "{count_total} allocations for {count} frames");
    assert!(bytes_current <= 0, "{bytes_current} bytes are not given back");
}
