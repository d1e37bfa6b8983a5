"""An agent of `relay run --agent exec:…` that a test plays over a socket: what it is told, and what it says.

The agent ends when the test lets go of the socket. It then has said all that the test said. When the relay closes
its input, the test sees the end of what the agent is told, and may still say something.

(The client has a module `agent` of its own, which a script of that name would hide.)
"""

import os
import socket
import sys
import threading

link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))


def pass_on(read, write, at_end):
    for line in iter(read.readline, b""):
        write.write(line)
        write.flush()
    at_end()


def told():
    pass_on(sys.stdin.buffer, link.makefile("wb"), lambda: link.shutdown(socket.SHUT_WR))


threading.Thread(target=told, daemon=True).start()
pass_on(link.makefile("rb"), sys.stdout.buffer, lambda: os._exit(3))
