//! A short name for a delivery, by which its duplicates are known again.

use core::num::NonZero;

/// 128 bits that two deliveries share only if they are the same one.
///
/// The same on every machine and in every run, so that a durable inbox can keep it. It is no cryptographic hash:
/// the peer that could forge one is the connector, which could as well not send the delivery; and what a chat
/// user can vary, the content, only ever tells apart messages that bear the same platform, chat and message id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(NonZero<u128>);

impl Fingerprint {
    /// The fingerprint with these bits; `None` for zero, which none has.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Option<Self> {
        match NonZero::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// The bits, for keeping.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0.get()
    }
}

/// Odd constants without structure: the first digits of the fractions of √2, √3, √5 and √7.
const K: [u64; 4] =
    [0x6a09_e667_f3bc_c909, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1];

/// Takes the parts of a name one by one; where one part ends matters.
#[derive(Clone, Copy)]
pub(crate) struct Fingerprinter {
    high: u64,
    low: u64,
}

impl Fingerprinter {
    /// Names of different `kind`s never meet.
    pub(crate) const fn new(kind: u64) -> Self {
        Self { high: kind ^ K[0], low: kind ^ K[2] }
    }

    pub(crate) fn part(mut self, part: &[u8]) -> Self {
        let (blocks, rest) = part.as_chunks::<16>();
        for block in blocks {
            self.absorb(u128::from_le_bytes(*block));
        }
        self.high ^= (part.len() as u64).wrapping_mul(K[3]);
        self.absorb(tail(part, rest));
        self
    }

    /// An absent part is another one than an empty one.
    pub(crate) fn part_if(self, part: Option<&[u8]>) -> Self {
        match part {
            Some(part) => self.part(part),
            None => {
                let mut absent = self;
                absent.high ^= K[0];
                absent.absorb(u128::MAX);
                absent
            }
        }
    }

    pub(crate) fn finish(self) -> Fingerprint {
        let high = fold(self.high ^ K[2], self.low ^ K[3]);
        let low = fold(self.low ^ K[0], self.high ^ K[1]);
        let bits = u128::from(high) << 64 | u128::from(low);
        Fingerprint(NonZero::new(bits).unwrap_or(NonZero::<u128>::MIN))
    }

    fn absorb(&mut self, block: u128) {
        let (x, y) = (block as u64, (block >> 64) as u64);
        self.high = fold(self.high ^ x, y ^ K[1]).wrapping_add(K[0]);
        self.low = fold(self.low ^ y, x ^ K[3]).wrapping_add(K[2]);
    }
}

/// The last bytes of a part, fewer than sixteen. Together with the part's length they tell every end from every
/// other: two reads that may overlap say as much as one of the exact length, and cost less.
fn tail(part: &[u8], rest: &[u8]) -> u128 {
    if let Some(last) = part.last_chunk::<16>() {
        return if rest.is_empty() { 0 } else { u128::from_le_bytes(*last) };
    }
    let (low, high) = match (rest.first_chunk::<8>(), rest.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
            (Some(first), Some(last)) => {
                (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
            }
            _ => match rest {
                [] => (0, 0),
                [one] => (u64::from(*one), 0),
                [first, middle @ .., last] => (
                    u64::from(*first),
                    u64::from(*last) << 8 | u64::from(middle.first().copied().unwrap_or(0)),
                ),
            },
        },
    };
    u128::from(high) << 64 | u128::from(low)
}

/// The two halves of the full product, mixed: every input bit reaches every output bit.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::format;

    fn of(parts: &[&str]) -> Fingerprint {
        parts.iter().fold(Fingerprinter::new(1), |name, part| name.part(part.as_bytes())).finish()
    }

    /// A durable inbox keeps them: they must never change.
    #[test]
    fn fingerprints_stay_what_they_are() {
        assert_eq!(of(&["discord", "c1", "m1"]).bits(), 0x5481_68ad_f53e_01d6_a313_26da_62c1_0de1);
        assert_eq!(Fingerprint::from_bits(of(&["x"]).bits()), Some(of(&["x"])));
        let text = "abcdefghijklmnopqrstuvwx";
        for (length, bits) in [
            (0, 0x7ee0_8b49_d40f_4436_c65b_83b2_9810_d2b6),
            (1, 0x8672_74e2_75c0_e7ae_f94f_e288_5d45_a110),
            (2, 0x9e54_2dc8_6f73_6148_1671_8ca7_6e61_e5c3),
            (3, 0xda0c_b218_11e0_c42f_2642_7b89_9763_ce3a),
            (4, 0x82d7_2dfe_75eb_249c_73c4_4a87_b00e_7398),
            (7, 0x0c9a_7ac9_5b7b_c452_17bc_88b3_341a_73f3),
            (8, 0x28dc_5f13_535c_9579_498b_5b47_583b_5a9e),
            (12, 0x191b_2fb3_3566_f9c7_a6db_b49a_d6df_5bb5),
            (15, 0x2445_f453_deaa_e44d_fb27_8dd4_13bd_8137),
            (16, 0xc98c_3fbe_575e_b9e2_dc23_43c7_312e_552c),
            (21, 0xacd5_f8b0_fbea_ac65_0d54_997c_3c76_340d),
        ] {
            assert_eq!(of(&[&text[..length]]).bits(), bits, "{length} bytes");
        }
        let with_absent = Fingerprinter::new(1).part(b"x").part_if(None).finish();
        assert_eq!(with_absent.bits(), 0xc881_a6a7_fe77_b296_5e6c_1db2_12e2_00e7);
    }

    #[test]
    fn parts_do_not_run_together() {
        let seventeen = "0123456789abcdefg";
        let names: [&[&str]; 8] = [
            &[],
            &[""],
            &["", ""],
            &["ab"],
            &["a", "b"],
            &["ab", ""],
            &["ab\0"],
            &[seventeen, &seventeen[..16]],
        ];
        let distinct: BTreeSet<_> = names.iter().map(|parts| of(parts)).collect();
        assert_eq!(distinct.len(), names.len());
        assert_ne!(Fingerprinter::new(1).finish(), Fingerprinter::new(2).finish());
        assert_ne!(Fingerprinter::new(1).part_if(None).finish(), Fingerprinter::new(1).part(b"").finish());
    }

    /// Ids that differ in one digit, as ids do, share no bits by rule in either half.
    #[test]
    fn similar_names_spread() {
        let mut halves = (BTreeSet::new(), BTreeSet::new());
        for number in 0..100_000u32 {
            let bits = of(&["discord", &format!("{number:08}")]).bits();
            halves.0.insert(bits as u64);
            halves.1.insert((bits >> 64) as u64);
        }
        assert_eq!((halves.0.len(), halves.1.len()), (100_000, 100_000));
    }
}
