"""Where an actor is reached: gateway paths, headers and subprotocols, as pure text.

Owns the client's half of wire-protocol.md, "Gateway paths" and "WebSocket handshake". It sends
nothing. A token goes into a header always, never into a path, which servers and proxies log.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import TypeAlias
from urllib.parse import quote, unquote, urlencode

from attrs import frozen

from ..wire.channel import SUBPROTOCOL
from ..wire.messages import Plain

NAMESPACE = "default"
POOL = "default"
CRASH_POLICY = "sleep"
_SAFE = "/%:@!$&'()*+,;=~-._"  # of a path and a query (RFC 3986 3.3), escapes included


@frozen
class ByKey:
    """An actor named by its key.

    Attributes:
        name: The actor's name.
        key: Its key.
        may_create: Whether the first request creates it (``getOrCreate``).
        input: The CBOR of its input, where there is one and it may be created.
    """

    name: str
    key: tuple[str, ...]
    may_create: bool
    input: bytes | None = None

    @property
    def fits_gateway(self) -> bool:
        """Whether ``rvt-key`` can carry the key: its parts are joined with bare commas."""
        return self.key != ("",) and not any("," in part for part in self.key)


@frozen
class ById:
    """An actor named by the id that its host gave it."""

    actor_id: str


Address: TypeAlias = ByKey | ById


def gateway_target(address: Address, route: str, namespace: str = NAMESPACE) -> str:
    """The request target, path and query, of one of an actor's routes.

    Args:
        address: The actor; a key must fit the gateway.
        route: ``/connect`` or ``/action/{name}``, percent-encoded; with the actor's own query.
        namespace: Where the actor lives; an id says it itself.
    """
    path, mark, own_query = route.partition("?")
    if isinstance(address, ById):
        return f"/gateway/{quote(address.actor_id, safe='')}{route}"
    query = {
        "rvt-namespace": namespace,
        "rvt-method": "getOrCreate" if address.may_create else "get",
    }
    if address.key:
        query["rvt-key"] = ",".join(address.key)
    if address.may_create:
        query["rvt-runner"] = POOL
        query["rvt-crash-policy"] = CRASH_POLICY
        if address.input is not None:
            query["rvt-input"] = urlsafe_b64encode(address.input).rstrip(b"=").decode("ascii")
    own = f"&{own_query}" if mark else ""
    return f"/gateway/{quote(address.name, safe='')}{path}?{urlencode(query)}{own}"


def action_route(name: str) -> str:
    """The route of a stateless call of the action ``name``."""
    return f"/action/{quote(name, safe='')}"


def raw_route(kind: str, path: str) -> str:
    """The route of a raw request or websocket.

    Args:
        kind: ``request`` or ``websocket``.
        path: What the actor sees, with a query if need be. Escapes in it are kept, and what a
            URL cannot have is escaped.

    Raises:
        ValueError: It would lead out of the actor, or into the gateway's own query.
    """
    own, mark, query = path.partition("?")
    if {".", ".."} & set(unquote(own).split("/")):
        raise ValueError(f"a path within an actor has no '.' and no '..' in it: {path!r}")
    if any(unquote(each).startswith("rvt-") for each in query.split("&")):
        raise ValueError(f"the names of a query that begin with rvt- are the gateway's: {path!r}")
    inner = quote(own.removeprefix("/"), safe=_SAFE)
    return f"/{kind}/{inner}{mark}{quote(query, safe=_SAFE + '?')}"


def token_headers(token: str | None) -> dict[str, str]:
    """The headers that show a token to the gateway."""
    return {} if token is None else {"x-rivet-token": token}


def params_headers(params: Plain) -> dict[str, str]:
    """The headers that bring params; no params, no header."""
    return {} if params is None else {"x-rivet-conn-params": params_text(params)}


def call_headers(encoding: str, content_type: str, params: Plain) -> dict[str, str]:
    """The headers of a stateless call; no params, no header."""
    form = {"x-rivet-encoding": encoding, "content-type": content_type}
    return form | params_headers(params)


def connection_subprotocols(encoding: str, params: Plain) -> list[str]:
    """The subprotocols that a websocket offers; they say its encoding and params."""
    offered = [SUBPROTOCOL, f"rivet_encoding.{encoding}"]
    if params is not None:
        # Every reserved character is escaped, so the text is a token of RFC 9110 5.6.2.
        offered.append(f"rivet_conn_params.{quote(params_text(params), safe='')}")
    return offered


def params_text(params: Plain) -> str:
    """Params as JSON in ASCII, fit for a header.

    Raises:
        TypeError: A value that JSON has not, for example bytes or a set.
        ValueError: NaN or an infinity.
    """
    return json.dumps(params, separators=(",", ":"), allow_nan=False)
