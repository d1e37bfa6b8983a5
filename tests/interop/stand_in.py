"""A WebSocket server in the place of a connector. It says only what a test tells it to, and tells all it hears."""

import asyncio

from gateway.relay.auth import verify_token
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from json_lines import obey, tell


class StandIn:
    def __init__(self):
        self.links = []
        self.status = None

    def process_request(self, socket, request):
        """Answers the upgrade with a status, when it is to be refused."""
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        tell(saw="dial", path=request.path, headers=headers, refused_with=self.status)
        if self.status is not None:
            return socket.respond(self.status, "refused\n")

    async def on_link(self, socket):
        link = len(self.links)
        self.links.append(socket)
        tell(saw="link", link=link)
        try:
            async for message in socket:
                tell(saw="message", link=link, text=message)
        except ConnectionClosed:
            pass
        await socket.wait_closed()
        tell(saw="closed", link=link, code=socket.close_code, reason=socket.close_reason)

    async def answer(self, status=None):
        """From now on upgrades are answered with this HTTP status; without one, they are accepted."""
        self.status = status

    async def send(self, link, text):
        await self.links[link].send(text)

    async def send_binary(self, link, text):
        await self.links[link].send(text.encode())

    async def send_fragments(self, link, texts):
        """One message in several WebSocket frames."""
        await self.links[link].send(texts)

    async def send_long(self, link, length):
        """A line of so many bytes. The peer may close before it has all of it."""
        head, tail = '{"type":"later","pad":"', '"}'
        try:
            await self.links[link].send(head + "x" * (length - len(head + tail)) + tail + "\n")
        except ConnectionClosed:
            pass

    async def close(self, link, code, reason=""):
        await self.links[link].close(code, reason)

    async def cut(self, link):
        """The socket goes without a close frame."""
        self.links[link].transport.abort()

    async def verify(self, token, secrets):
        return verify_token(token, secrets)


async def main():
    stand_in = StandIn()
    async with serve(stand_in.on_link, "127.0.0.1", 0, max_size=None, process_request=stand_in.process_request,
                     compression=None) as server:
        tell(saw="listening", port=server.sockets[0].getsockname()[1])
        await obey(stand_in)


asyncio.run(main())
