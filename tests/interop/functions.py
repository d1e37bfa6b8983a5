"""The published client's own functions, called with the cases of a test."""

import asyncio
import base64
import os
import types

from gateway import relay
from gateway.relay import auth
from gateway.relay.ws_transport import _event_from_wire, _ws_dial_url
from gateway.session import build_session_key
from hermes_cli.gateway_enroll import _resolve_connector_url

from json_lines import obey


def at(seconds):
    """From here on this is the time that tokens are made and checked by."""
    auth.time = types.SimpleNamespace(time=lambda: seconds)


def mint(case):
    at(case["now"])
    token = auth.make_upgrade_token(case["id"], case["secret"], case["ttl"])
    padding = "=" * (-len(token) % 4)
    return {"token": token, "text": base64.urlsafe_b64decode(token + padding).decode()}


def verify(case):
    """A case has a token, or the text that one is to be made of."""
    at(case["at"])
    token = case.get("token")
    if token is None:
        token = base64.urlsafe_b64encode(case["text"].encode()).decode().rstrip("=")
    return {"token": token, "verified": auth.verify_token(token, case["secrets"])}


def session_key(case):
    source = _event_from_wire({"source": case["source"]}).source
    answer = {"platform": source.platform.value}
    try:
        answer["key"] = build_session_key(source, case["group"], case["thread"], profile=case["profile"])
    except Exception as error:
        answer["error"] = type(error).__name__
    return answer


def urls(url):
    """What the client makes of the one URL that is configured; nothing, when it takes it for none."""
    os.environ["GATEWAY_RELAY_URL"] = url
    url = relay.relay_url()
    if url is None:
        return None
    return {
        "dial": _ws_dial_url(url), "provision": relay._provision_url(url), "policy": relay._policy_url(url),
        "enroll": _resolve_connector_url(url) + "/relay/enroll",
    }


class Functions:
    async def call(self, function, cases):
        return [globals()[function](case) for case in cases]


asyncio.run(obey(Functions()))
