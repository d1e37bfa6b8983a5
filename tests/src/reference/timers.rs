//! The model's gateway as time passes.

use super::gateway::{After, Doing, Leaving, Purpose};
use super::wire::Packet;
use super::world::{SECOND, Stage, Time, World};

#[derive(Clone, Copy, Debug)]
enum Due {
    Dial,
    Handshake,
    Ping,
    Silence,
    IdleAck,
    Drain,
    Redial,
    Resume,
    Request(usize),
}

impl World {
    fn dues(&self) -> Vec<(Time, Due)> {
        let mut dues = Vec::new();
        match &self.gateway.doing {
            Doing::Dialing { until, .. } => dues.push((*until, Due::Dial)),
            Doing::Waiting(at) => dues.push((*at, Due::Redial)),
            Doing::Dormant(looked) => dues.push((looked + SECOND, Due::Resume)),
            Doing::Disabled | Doing::ShutDown => {}
            Doing::Open(open) => {
                dues.push((open.pings.next, Due::Ping));
                // A peer that answers no ping may be given up after 60 s, and must be after 90 s; no dial follows
                // that at once.
                let gone = self.chosen.dropped_by_gateway && !self.chosen.dialing;
                let patience = if gone { open.pings.may_give_up() } else { open.pings.must_give_up() };
                dues.extend(patience.map(|at| (at, Due::Silence)));
                // A shutdown has a time of its own (I4), which leaves requests in flight theirs (O10).
                if open.linked.is_none() && open.leaving == Leaving::No {
                    dues.push((open.opened + 30 * SECOND, Due::Handshake));
                }
                match open.leaving {
                    Leaving::No => {}
                    Leaving::Asked(_, until) => dues.push((until, Due::IdleAck)),
                    Leaving::Draining(_, until) => dues.push((until, Due::Drain)),
                }
            }
        }
        for (number, asked) in self.asked.iter().enumerate() {
            if matches!(asked.stage, Stage::Unwritten | Stage::Written) {
                dues.push((asked.deadline, Due::Request(number)));
            }
        }
        dues
    }

    /// When the gateway must do something by itself.
    #[must_use]
    pub fn gateway_deadline(&self) -> Option<Time> {
        self.dues().iter().map(|(at, _)| *at).min()
    }

    /// The gateway's host has slept. It may give up a peer that has not answered since, or ask it once more.
    pub(super) fn gateway_wakes_up(&mut self) {
        let (now, gone) = (self.now, self.chosen.dropped_by_gateway && !self.chosen.dialing);
        if let Some(open) = self.gateway.open_mut().filter(|_| !gone) {
            open.pings.forgive(now);
        }
        self.fire_gateway();
    }

    /// Everything that is due happens, the oldest first.
    pub(super) fn fire_gateway(&mut self) {
        while let Some((at, due)) = self.dues().into_iter().min_by_key(|(at, _)| *at)
            && at <= self.now
        {
            self.happens(due, at);
            self.write_gateway();
        }
        self.gateway.hold = self.gateway.hold.filter(|until| *until > self.now);
    }

    fn happens(&mut self, due: Due, at: Time) {
        match due {
            Due::Dial => self.dial_fails(),
            Due::Handshake => self.close(1002, "no descriptor", After::Backoff),
            Due::Ping => {
                let now = self.now;
                let number = self.gateway.open_mut().map(|open| open.pings.ping(now));
                self.gateway.out.extend(number.map(Packet::Ping));
            }
            Due::Silence => {
                self.say_goodbye(1001, "no pong");
                self.lose_or_end(After::Backoff);
            }
            // I3, and I4: a shutdown goes on without the ack.
            Due::IdleAck => match self.gateway.leaving() {
                Some(Leaving::Asked(Purpose::Dormancy, _)) => {
                    self.close(1001, "staying awake", After::AtOnce);
                }
                Some(Leaving::Asked(purpose, _)) => self.drain(purpose),
                Some(Leaving::No | Leaving::Draining(..)) | None => {}
            },
            Due::Drain => self.leave(),
            Due::Redial => self.dial(),
            // I2: a look that comes 5 s late means that the host slept.
            Due::Resume if self.now >= at + 5 * SECOND => self.dial(),
            Due::Resume => self.gateway.doing = Doing::Dormant(self.now),
            Due::Request(number) => {
                let asked = &mut self.asked[number];
                let written = asked.stage == Stage::Written;
                asked.stage = if written { Stage::Ambiguous } else { Stage::Failed };
                self.leave_if_drained();
            }
        }
    }
}
