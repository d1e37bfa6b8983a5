"""A gateway on the published client's own transport, which a test tells what to do."""

import asyncio
import dataclasses
import time
import types

import websockets
from gateway.relay import auth
from gateway.relay.ws_transport import WebSocketRelayTransport

from json_lines import obey, tell


class Gateway:
    def __init__(self):
        self.transport = None
        self.dial = None
        self.dials = 0
        self.may_dial = asyncio.Event()
        self.may_take = asyncio.Event()
        self.may_dial.set()
        self.may_take.set()

    async def connect(self, url, identities, id=None, secret=None, reconnect=False, says_hello=True,
                      dormant_redial=None, clock_offset=0):
        """Dials once. Whether that came to a link or a close is told."""
        await self.set_clock(clock_offset)
        platform, bot_id = identities[0]
        transport = WebSocketRelayTransport(
            url, platform, bot_id, identities=[tuple(pair) for pair in identities], gateway_id=id,
            upgrade_secret=secret, reconnect=reconnect, reconnect_backoff_s=0.05)
        if not says_hello:
            transport._identities = []
        if dormant_redial is not None:
            transport._dormant_redial_s = dormant_redial
        transport.set_inbound_handler(self.on_inbound)
        transport.set_interrupt_inbound_handler(self.on_interrupt)
        transport.set_passthrough_handler(self.on_passthrough)
        self.transport, self.dial = transport, transport._dial_and_start
        transport._dial_and_start = self.dial_and_watch
        try:
            await transport.connect()
        except websockets.ConnectionClosed:
            pass
        except websockets.InvalidStatus as refusal:
            return {"status": refusal.response.status_code}
        return {"status": 101}

    async def set_clock(self, offset):
        """What the client mints its tokens by, and nothing else, is a clock that is off by this much."""
        auth.time = types.SimpleNamespace(time=lambda: time.time() + offset)

    async def dial_and_watch(self):
        """The transport's own dial, when it may, and a look at what becomes of the link."""
        await self.may_dial.wait()
        self.dials += 1
        before = self.transport._ws
        try:
            await self.dial()
        finally:
            if self.transport._ws is not before:
                self.watcher = asyncio.create_task(self.watch(self.transport._ws))

    async def watch(self, socket):
        linked = asyncio.ensure_future(self.transport.handshake())
        closed = asyncio.ensure_future(socket.wait_closed())
        await asyncio.wait({linked, closed}, return_when=asyncio.FIRST_COMPLETED)
        if linked.done():
            tell(saw="linked", descriptor=dataclasses.asdict(linked.result()))
        linked.cancel()
        await closed
        # The reader draws its conclusions from the close first.
        await asyncio.wait({self.transport._reader})
        tell(saw="closed", code=socket.close_code, reason=socket.close_reason,
             auth_revoked=self.transport.auth_revoked)

    async def on_inbound(self, event):
        source = dataclasses.asdict(event.source)
        source["platform"] = event.source.platform.value
        tell(saw="inbound", text=event.text, message_id=event.message_id,
             message_type=event.message_type.value, media_urls=event.media_urls, source=source,
             context=event.channel_context)
        await self.may_take.wait()

    async def on_interrupt(self, session_key, chat_id):
        tell(saw="interrupt", session_key=session_key, chat_id=chat_id)

    async def on_passthrough(self, forward, buffer_id):
        fields = {field.name: getattr(forward, field.name) for field in dataclasses.fields(forward)}
        tell(saw="passthrough", buffer_id=buffer_id, **(fields | {"body": list(forward.body)}))

    async def gate(self, dials=None, taking=None):
        """Opens and closes the ways: to a next dial, and out of the handler of what comes in."""
        for gate, is_open in ((self.may_dial, dials), (self.may_take, taking)):
            if is_open is not None:
                gate.set() if is_open else gate.clear()

    async def send(self, action, platform=None):
        return await self.transport.send_outbound(action, platform=platform)

    async def follow_up(self, action, platform=None):
        return await self.transport.send_follow_up(action, platform=platform)

    async def chat_info(self, chat_id):
        return await self.transport.get_chat_info(chat_id)

    async def interrupt(self, session_key, reason=None):
        await self.transport.send_interrupt(session_key, reason)

    async def go_idle(self):
        return await self.transport.go_idle()

    async def go_dormant(self):
        return await self.transport.go_dormant()

    async def disconnect(self):
        await self.transport.disconnect()

    async def state(self):
        return {"auth_revoked": self.transport.auth_revoked, "dials": self.dials}


async def main():
    await obey(Gateway())


asyncio.run(main())
