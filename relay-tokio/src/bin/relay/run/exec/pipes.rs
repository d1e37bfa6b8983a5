//! The agent's standard input and output, line by line.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{mpsc, watch};
use tracing::warn;

use super::{Happened, Progress, ToAgent};

/// The longest line that an agent may write, in bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// Writes the lines for this start, until there are no more to come or the agent takes none; then its input is closed.
pub(super) async fn write(
    mut input: ChildStdin,
    start: u64,
    lines: &mut mpsc::Receiver<ToAgent>,
    progress: &watch::Sender<Progress>,
) {
    while let Some(ToAgent { start: meant, line }) = lines.recv().await {
        if meant != start {
            continue;
        }
        if input.write_all(line.as_bytes()).await.is_err() || input.flush().await.is_err() {
            return;
        }
        progress.send_modify(|progress| progress.written += 1);
    }
}

/// Tells what the agent says, and counts it, until its output ends.
pub(super) async fn read(output: ChildStdout, tell: &mpsc::Sender<Happened>, heard: &AtomicU64) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut output).take(LONGEST_LINE).read_until(b'\n', &mut line).await;
        heard.fetch_add(1, Ordering::Relaxed);
        match read {
            Ok(0) | Err(_) => return,
            Ok(_) if line.len() as u64 == LONGEST_LINE && line.last() != Some(&b'\n') => {
                warn!("the agent wrote a line of over {LONGEST_LINE} bytes, which is not read");
                if skip_line(&mut output).await.is_err() {
                    return;
                }
            }
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                let text = text.trim();
                if !text.is_empty() && tell.send(Happened::Said(text.to_owned())).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Reads to the end of the line without keeping it.
async fn skip_line(output: &mut BufReader<ChildStdout>) -> std::io::Result<()> {
    loop {
        let buffer = output.fill_buf().await?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (used, over) = end.map_or((buffer.len(), false), |end| (end + 1, true));
        output.consume(used);
        if over {
            return Ok(());
        }
    }
}
