"""The published client's side of the benchmark: python.py URL inbound|outbound WINDOW FRAMES, until the input ends."""

import asyncio
import sys

from gateway.relay.ws_transport import WebSocketRelayTransport

TEXT = "All three checks failed on the same node; it is being drained."


async def request(transport, window, frames):
    """So many requests at once, each with a new one behind it."""
    left = iter(range(frames))

    async def sender():
        for _ in left:
            result = await transport.send_outbound({
                "op": "send", "chat_id": "1200000000000000001", "content": TEXT, "reply_to": None, "metadata": {}})
            assert result["success"], result

    await asyncio.gather(*(sender() for _ in range(window)))


async def take(event):
    """The handler of what comes in: it has nothing to do, and the transport acks when it is done."""


async def main(url, kind, window, frames):
    transport = WebSocketRelayTransport(url, "relay", "", reconnect=False)
    transport.set_inbound_handler(take)
    await transport.connect()
    await transport.handshake()
    if kind == "outbound":
        await request(transport, int(window), int(frames))
    await asyncio.to_thread(sys.stdin.read)
    await transport.disconnect()


asyncio.run(main(*sys.argv[1:]))
