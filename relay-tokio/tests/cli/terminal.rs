//! What the program shows on a terminal.

use std::fs::File;
use std::io::Read;

use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};

use super::program::{Directory, relay, said};

/// What a run says on a terminal, with this variable `NO_COLOR`.
async fn shown(no_color: Option<&str>) -> String {
    let directory = Directory::new();
    let off = directory.file("off.toml", "[platforms.relay]\nenabled = false\n");
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let terminal = openpt(flags).unwrap();
    unlockpt(&terminal).unwrap();
    let mut command = relay(&["run", "--config", &off]);
    command.env_remove("NO_COLOR").envs(no_color.map(|value| ("NO_COLOR", value)));
    command.stderr(ioctl_tiocgptpeer(&terminal, flags).unwrap());
    assert_eq!(said(command).await.code, Some(0));
    let mut shown = Vec::new();
    // Where nobody has the terminal any more, its end is an error.
    _ = File::from(terminal).read_to_end(&mut shown);
    String::from_utf8(shown).unwrap()
}

/// Colours are for terminals, and for those who have not asked for none.
#[tokio::test]
async fn colours_are_left_out_when_asked() {
    for (no_color, coloured) in [(None, true), (Some(""), true), (Some("1"), false), (Some("false"), false)] {
        let shown = shown(no_color).await;
        assert!(shown.contains("switched off"), "{shown:?}");
        assert_eq!(shown.contains('\u{1b}'), coloured, "NO_COLOR={no_color:?}: {shown:?}");
    }
}
