//! A hasher in whose eyes only the time that is left counts.
//!
//! The machines keep deadlines as points in time, so two of them that differ in the hour alone would count as two
//! states, and the model would never end. Time begins here at a number that nothing else comes near: whatever lies
//! around it is a point in time, and goes into the hash as its distance from now. What is over is over: the
//! machines only ask whether a point has been reached. (The look for a suspension also asks how late it is; but only
//! a suspension makes it late, and then by far more than it asks for.)

use std::hash::Hasher;

use relay_proto::Instant;

/// When a world begins.
pub(super) const BEGINNING: Instant = Instant::from_millis(1 << 60);

/// Hashes into another hasher.
pub(super) struct Rebased<'a, H> {
    pub(super) inner: &'a mut H,
    pub(super) now: Instant,
}

impl<H: Hasher> Hasher for Rebased<'_, H> {
    fn finish(&self) -> u64 {
        self.inner.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.inner.write(bytes);
    }

    fn write_u64(&mut self, number: u64) {
        let is_time = (1 << 59..1 << 61).contains(&number);
        self.inner.write_u64(if is_time { number.saturating_sub(self.now.as_millis()) } else { number });
    }
}
