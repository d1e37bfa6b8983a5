//! What a gateway may ask of a platform that is slow, or breaks (rule C15).

use std::sync::atomic::Ordering;

use relay_proto::connector::Status;
use tungstenite::Message;

use super::driver::MOST_DESCRIBING;
use super::scripted::{Desk, Mood, greeted, knowing};
use crate::scripted::World;

fn descriptors(messages: &[Message]) -> Vec<&str> {
    let text = |message: &'_ Message| matches!(message, Message::Text(_));
    let texts = messages.iter().filter(|message| text(message));
    texts.filter_map(|text| text.to_text().ok()).filter(|text| text.contains("descriptor")).collect()
}

/// C15, H2: a platform that panics over a hello costs the gateway its words, and not its link.
#[test]
fn a_description_that_panics_is_done_without() {
    let world = World::default();
    let connector = knowing(&world, Desk::new(Mood::Panics), "s");
    let socket = greeted(&connector, &world, 2);
    assert_eq!(connector.session("i").unwrap().status(), Status::Live);
    let sent = socket.take_sent();
    assert!(matches!(&*descriptors(&sent), [one, two] if one.contains("\"p0\"") && two.contains("\"p1\"")));
}

/// C15: a gateway that dials and greets anew and anew while the platform says nothing has so many questions open, and then
/// is answered without.
#[test]
fn descriptions_that_never_come_are_bounded() {
    const HELLOS: usize = 60;
    let world = World::default();
    let desk = Desk::new(Mood::NeverAnswers);
    let connector = knowing(&world, desk.clone(), "s");
    for _ in 0..MOST_DESCRIBING.div_ceil(HELLOS) {
        greeted(&connector, &world, HELLOS);
    }
    assert_eq!(desk.descriptions.load(Ordering::Relaxed), MOST_DESCRIBING);
    let last = greeted(&connector, &world, HELLOS);
    assert_eq!(desk.descriptions.load(Ordering::Relaxed), MOST_DESCRIBING);
    assert_eq!(descriptors(&last.take_sent()).len(), HELLOS);
    assert_eq!(connector.session("i").unwrap().status(), Status::Live);
}

/// What was answered makes room.
#[test]
fn any_number_of_hellos_is_described() {
    const HELLOS: usize = 60;
    let world = World::default();
    let desk = Desk::new(Mood::Answers);
    let connector = knowing(&world, desk.clone(), "s");
    let links = 2 * MOST_DESCRIBING / HELLOS;
    (0..links).for_each(|_| _ = greeted(&connector, &world, HELLOS));
    assert_eq!(desk.descriptions.load(Ordering::Relaxed), links * HELLOS);
}

/// C15: interrupts that a platform is at are bounded by their bytes as well, over links. One that is large alone may be.
#[test]
fn interrupts_are_bounded_by_bytes() {
    let world = World::default();
    let desk = Desk::new(Mood::NeverAnswers);
    let connector = knowing(&world, desk.clone(), "s");
    let socket = greeted(&connector, &world, 1);
    let key = "k".repeat(1 << 19);
    for _ in 0..200 {
        let line = format!("{{\"type\":\"interrupt\",\"session_key\":\"{key}\",\"reason\":\"\"}}\n");
        socket.peer_sends(Message::text(line));
        world.poll_tasks();
    }
    let most = connector.session("i").unwrap().0.lock().machine.config().request_bytes / key.len();
    assert_eq!(desk.interrupts.load(Ordering::Relaxed), most);
}
