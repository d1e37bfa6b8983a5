//! Reads the lines of relay off the bytes of one direction of a WebSocket: the HTTP head, and then frames.

use serde_json::Value;

/// The opcode of a text frame that is whole, with its final bit.
const WHOLE_TEXT: u8 = 0x81;

/// What has come and is not read yet.
#[derive(Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    upgraded: bool,
}

impl Frames {
    /// The lines that these bytes complete, as JSON.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<Value> {
        self.bytes.extend_from_slice(bytes);
        if !self.upgraded {
            let Some(end) = self.bytes.windows(4).position(|part| part == b"\r\n\r\n") else {
                return Vec::new();
            };
            self.bytes.drain(..end + 4);
            self.upgraded = true;
        }
        let mut lines = Vec::new();
        while let Some((opcode, payload)) = self.next_frame() {
            if opcode == WHOLE_TEXT {
                let text = String::from_utf8(payload).expect("text frames hold text");
                lines.extend(text.lines().map(|line| serde_json::from_str(line).expect("lines are JSON")));
            }
        }
        lines
    }

    /// The first byte and the payload of the next whole frame.
    fn next_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (first, second) = (*self.bytes.first()?, *self.bytes.get(1)?);
        let (length, mut start) = match second & 0x7F {
            126 => (usize::from(u16::from_be_bytes([*self.bytes.get(2)?, *self.bytes.get(3)?])), 4),
            127 => panic!("no frame of the simulation is that long"),
            length => (usize::from(length), 2),
        };
        let masked = second & 0x80 != 0;
        let mask: [u8; 4] = if masked { self.bytes.get(start..start + 4)?.try_into().ok()? } else { [0; 4] };
        start += if masked { 4 } else { 0 };
        let payload = self.bytes.get(start..start + length)?;
        let payload = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        self.bytes.drain(..start + length);
        Some((first, payload))
    }
}
