//! A hasher in whose eyes only the time that is left counts.
//!
//! The machines keep deadlines as points in time, so two of them that differ in the hour alone would count as two
//! states, and the model would never end. Time begins here at a number that nothing else comes near: whatever lies
//! around it is a point in time, and goes into the hash as its distance from now. What is over is over: the
//! machines only ask whether a point has been reached. (The look for a suspension also asks how late it is; but only
//! a suspension makes it late, and then by far more than it asks for.) What the model itself remembers is kept as
//! points in time to come, for the same reason.

use std::hash::Hasher;

use relay_proto::Instant;

/// When a world begins.
pub(super) const BEGINNING: Instant = Instant::from_millis(1 << 60);

/// Hashes a state as it looks at a point in time. Every state is hashed once, so this is made for speed: two lanes,
/// each of which folds a product of 128 bits for every word.
pub(super) struct Rebased {
    lanes: [u64; 2],
    now: u64,
}

impl Rebased {
    pub(super) fn new(now: Instant) -> Self {
        Self { lanes: [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344], now: now.as_millis() }
    }

    fn word(&mut self, word: u64) {
        let [first, second] = &mut self.lanes;
        *first = folded(*first ^ word, 0xa409_3822_299f_31d1);
        *second = folded(second.rotate_left(23) ^ word, 0x082e_fa98_ec4e_6c89);
    }
}

/// The halves of the product, one laid over the other.
fn folded(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    (product as u64) ^ (product >> 64) as u64
}

impl Hasher for Rebased {
    fn finish(&self) -> u64 {
        folded(self.lanes[0] ^ 0x4528_21e6_38d0_1377, self.lanes[1] | 1)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last));
        }
        self.word(bytes.len() as u64);
    }

    fn write_u8(&mut self, number: u8) {
        self.word(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.word(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        let is_time = (1 << 59..1 << 61).contains(&number);
        self.word(if is_time { number.saturating_sub(self.now) } else { number });
    }

    fn write_usize(&mut self, number: usize) {
        self.word(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.word(number as u64);
    }
}
