"""The talk between a test in Rust and a script here: one JSON object a line, on standard input and output.

A command is {"n": 1, "do": NAME, …}; its answer is {"reply": 1, "value": …} or {"reply": 1, "error": TEXT}. What
happens by itself is told as {"saw": WHAT, …}. Commands are carried out side by side.
"""

import asyncio
import json
import os
import sys

LONGEST_LINE = 1 << 26


def tell(**said):
    print(json.dumps(said), flush=True)


async def carry_out(commands, command):
    number, name = command.pop("n"), command.pop("do")
    try:
        tell(reply=number, value=await getattr(commands, name)(**command))
    except Exception as error:
        tell(reply=number, error=f"{type(error).__name__}: {error}")


async def obey(commands):
    """Carries out each command as the method of that name, until the input ends."""
    lines = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    running = set()
    while line := await lines.readline():
        task = asyncio.create_task(carry_out(commands, json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
    # The test is over; nothing here is to be ended in order.
    os._exit(0)
