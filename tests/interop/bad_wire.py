"""A slow and lossy cable between two network namespaces: bad_wire.py END NAMESPACE NAMESPACE DELAY LOSS SEED

Both ends are called END, one in each namespace. A frame arrives DELAY seconds after it was sent, or, with the
probability LOSS, never. Says `laid` when both ends are there, or else why they are not. When the input ends, so does
the cable: then it says how many frames it has carried from each namespace, and how many of each it has lost.
"""

import collections
import fcntl
import os
import random
import selectors
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
LONGEST_FRAME = 65_536


def make_end(number, namespace, name):
    """An end of the cable: what is sent to it can be read here, and it receives what is written here."""
    first_name = f"relay{os.getpid()}-{number}"
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", first_name.encode(), IFF_TAP | IFF_NO_PI))
    move = ["ip", "link", "set", "dev", first_name, "netns", namespace, "name", name]
    subprocess.run(move, check=True, capture_output=True, text=True)
    return end


def frames_from(end):
    """What has been sent to an end."""
    while True:
        try:
            yield os.read(end, LONGEST_FRAME)
        except OSError:  # Nothing more, or the end is down.
            return


def put(end, frame):
    try:
        os.write(end, frame)
    except OSError:  # It is down, or full: a cable says nothing of that.
        pass


def carry(ends, delay, loss, dice):
    """Carries frames until the input ends: how many, and how many were lost, of each end."""
    carried, lost = [0, 0], [0, 0]
    under_way = collections.deque()
    selector = selectors.DefaultSelector()
    for number, end in enumerate(ends):
        selector.register(end, selectors.EVENT_READ, number)
    selector.register(sys.stdin, selectors.EVENT_READ, None)
    while True:
        pause = max(0, under_way[0][0] - time.monotonic()) if under_way else None
        for key, _ in selector.select(pause):
            number = key.data
            if number is None:
                return carried + lost
            for frame in frames_from(key.fd):
                if dice[number].random() < loss:
                    lost[number] += 1
                else:
                    carried[number] += 1
                    under_way.append((time.monotonic() + delay, ends[1 - number], frame))
        while under_way and under_way[0][0] <= time.monotonic():
            _, end, frame = under_way.popleft()
            put(end, frame)


def main(name, first, second, delay, loss, seed):
    try:
        ends = [make_end(number, namespace, name) for number, namespace in enumerate((first, second))]
    except subprocess.CalledProcessError as error:
        print(" ".join(error.cmd), error.stderr.strip(), sep=": ", flush=True)
        return
    except OSError as error:
        print("/dev/net/tun:", error, flush=True)
        return
    print("laid", flush=True)
    # Dice of its own for each direction, so that what one loses does not depend on when the other sends.
    dice = [random.Random(f"{seed} {number}") for number in range(2)]
    print(*carry(ends, float(delay), float(loss), dice), flush=True)


main(*sys.argv[1:])
