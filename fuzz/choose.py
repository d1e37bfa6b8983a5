#!/usr/bin/env python3
"""Chooses the few inputs of a large corpus that do the most different things.

    mkdir SMALLER
    cargo fuzz run -s none TARGET SMALLER GROWN corpus/TARGET -- -set_cover_merge=1 -merge_control_file=CONTROL
    python3 choose.py CONTROL corpus/TARGET

The control file of libFuzzer's merge says what each input does. Whatever does the most that none before it does comes
first: edges of the code count before how often they are taken, and of two that do as much, the shorter one. In the end
`corpus/TARGET` holds these inputs, named by their content, beside those to which a person gave a name.
"""

import hashlib
import pathlib
import re
import sys

MOST_FILES = 60
LONGEST = 4096


def read(control: pathlib.Path) -> dict[bytes, set[tuple[int, ...]]]:
    """What each input does: edges, and edges with how often they are taken."""
    lines = control.read_text().splitlines()
    count = int(lines[0])
    contents = [pathlib.Path(name).read_bytes() for name in lines[2 : 2 + count]]
    done: dict[bytes, set[tuple[int, ...]]] = {}
    for line in lines[2 + count :]:
        kind, number, *words = line.split()
        if kind == "FT":
            # Of each edge, libFuzzer tells eight orders of magnitude apart.
            places = [divmod(int(word), 8) for word in words]
            done[contents[int(number)]] = {(edge,) for edge, _ in places} | set(places)
    return done


def choose(done: dict[bytes, set[tuple[int, ...]]], chosen: list[bytes]) -> list[bytes]:
    """As many inputs as there may be, those that are chosen already among them."""
    seen = set().union(*(done.get(content, set()) for content in chosen))
    left = {content: does - seen for content, does in done.items() if len(content) < LONGEST}
    while left and len(chosen) < MOST_FILES:

        def worth(content: bytes) -> tuple[int, int, int]:
            edges = sum(len(does) == 1 for does in left[content])
            return edges, len(left[content]), -len(content)

        best = max(left, key=worth)
        new = left.pop(best)
        if not new:
            break
        chosen = [*chosen, best]
        seen |= new
        left = {content: does - new for content, does in left.items()}
    print(f"{len(chosen)} of {len(done)} inputs, {len(seen)} of {len(set().union(*done.values()))} things done")
    return chosen


def main() -> None:
    control, folder = map(pathlib.Path, sys.argv[1:])
    done = read(control)
    by_content = [file for file in folder.iterdir() if re.fullmatch(r"[0-9a-f]{12}|seed-\d+", file.name)]
    named = [file.read_bytes() for file in folder.iterdir() if file not in by_content]
    chosen = choose(done, named)
    for file in by_content:
        file.unlink()
    for content in chosen[len(named) :]:
        (folder / hashlib.sha1(content).hexdigest()[:12]).write_bytes(content)


if __name__ == "__main__":
    main()
