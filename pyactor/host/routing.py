"""Where a request goes, by its path (wire-protocol.md, "Gateway paths" and "Actor routes").

Pure functions from a request to values. Nothing here looks an actor up.
"""

from __future__ import annotations

import base64
import binascii
import json
from urllib.parse import parse_qsl, unquote, unquote_plus

import cbor2
from attrs import frozen

from ..errors import CallTooDeep, InvalidParams, InvalidRequest, RouteNotFound
from ..plain import Plain
from ..wire.codecs import Codec, codec_for
from ..wire.depth import MAX_DEPTH, depth_of
from ..wire.http import HttpRequest
from ..wire.keys import parse_key

PARAMS_PROTOCOL = "rivet_conn_params."
ENCODING_PROTOCOL = "rivet_encoding."


@frozen
class ByKey:
    """An actor named by its key."""

    name: str
    key: tuple[str, ...]
    creates: bool
    input: Plain


@frozen
class ById:
    """An actor named by its id."""

    actor_id: str


@frozen
class GatewayRoute:
    """A path below ``/gateway``: which actor, and the path that the actor sees."""

    actor: ByKey | ById
    path: str


@frozen
class ControlRequest:
    """The body of ``POST /actors`` and ``PUT /actors``."""

    name: str
    key: tuple[str, ...]
    input: Plain


def split_target(target: str) -> tuple[str, str]:
    """Path and query of a request target, both still percent-encoded."""
    path, _, query = target.partition("?")
    return path, query


def gateway_route(target: str) -> GatewayRoute:
    """Read a target below ``/gateway/``.

    Raises:
        RouteNotFound: it is not below it.
        InvalidRequest: its ``rvt-*`` parameters cannot be read.
    """
    path, query = split_target(target)
    segments = path.split("/")
    if len(segments) < 3 or segments[1] != "gateway" or not segments[2]:
        raise RouteNotFound(f"there is no {path}; actors are below /gateway/NAME/")
    pairs = [part.partition("=") for part in query.split("&") if part]
    route = {unquote_plus(k): unquote_plus(v) for k, _, v in pairs if k.startswith("rvt-")}
    rest = "&".join(f"{k}{eq}{v}" for k, eq, v in pairs if not k.startswith("rvt-"))
    actor_path = "/" + "/".join(segments[3:]) + (f"?{rest}" if rest else "")
    if not route:
        actor_id, _, _token = segments[2].partition("@")
        return GatewayRoute(ById(unquote(actor_id)), actor_path)
    method = route.get("rvt-method", "get")
    if method not in ("get", "getOrCreate"):
        raise InvalidRequest(f"rvt-method is {method!r}; it must be get or getOrCreate")
    key = route.get("rvt-key", "")
    return GatewayRoute(
        ByKey(
            unquote(segments[2]),
            tuple(key.split(",")) if key else (),
            method == "getOrCreate",
            _decode_input(route.get("rvt-input")),
        ),
        actor_path,
    )


def check_depth(request: HttpRequest) -> None:
    """Refuse a call that stands in too many others.

    Raises:
        CallTooDeep: so it does.
    """
    if depth_of(request.headers) > MAX_DEPTH:
        raise CallTooDeep(
            f"actors call each other {MAX_DEPTH} deep, and now {request.target.partition('?')[0]}: "
            "break the cycle of calls"
        )


def control_request(body: bytes) -> ControlRequest:
    """Read the body of ``POST /actors`` or ``PUT /actors``.

    Raises:
        InvalidRequest: it is not the JSON object that the control API takes.
    """
    try:
        fields = json.loads(body)
        name, key, encoded = fields["name"], fields.get("key"), fields.get("input")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidRequest('the body must be JSON: {"name": …, "key": …, "input": …}') from error
    if not isinstance(name, str) or not isinstance(key, str | None):
        raise InvalidRequest("name and key must be strings")
    if not isinstance(encoded, str | None):
        raise InvalidRequest("input must be base64 of CBOR")
    return ControlRequest(name, parse_key(key or "/"), _decode_input(encoded))


def query_of(target: str) -> dict[str, str]:
    """The query of a control request; of repeated names the last."""
    return dict(parse_qsl(split_target(target)[1], keep_blank_values=True))


def http_codec(request: HttpRequest) -> Codec:
    """The codec that ``x-rivet-encoding`` asks for.

    Raises:
        UnsupportedEncoding: the host does not speak it.
    """
    return codec_for(request.headers.get("x-rivet-encoding", "json"))


def http_params(request: HttpRequest, max_size: int) -> Plain:
    """The connection parameters of an HTTP request, or None."""
    return _decode_params(request.headers.get("x-rivet-conn-params"), max_size)


def offered_protocols(request: HttpRequest) -> list[str]:
    """The subprotocols that a websocket upgrade offers."""
    offered = request.headers.get("sec-websocket-protocol", "")
    return [name.strip() for name in offered.split(",") if name.strip()]


def websocket_codec(request: HttpRequest) -> Codec:
    """The codec that the subprotocols ask for; none means json.

    Raises:
        UnsupportedEncoding: the host does not speak it.
    """
    return codec_for(_offered(request, ENCODING_PROTOCOL) or "json")


def websocket_params(request: HttpRequest, max_size: int) -> Plain:
    """The connection parameters among the subprotocols, or None."""
    encoded = _offered(request, PARAMS_PROTOCOL)
    return _decode_params(None if encoded is None else unquote(encoded), max_size)


def _offered(request: HttpRequest, prefix: str) -> str | None:
    for name in offered_protocols(request):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return None


def _decode_params(text: str | None, max_size: int) -> Plain:
    if text is None:
        return None
    if len(text.encode(errors="replace")) > max_size:
        raise InvalidParams(f"the connection parameters have over {max_size} bytes")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidParams(f"the connection parameters are not JSON: {error}") from error


def _decode_input(encoded: str | None) -> Plain:
    """Base64 or base64url of CBOR, as the control API and the gateway have it."""
    if encoded is None:
        return None
    try:
        padded = encoded.replace("-", "+").replace("_", "/") + "=" * (-len(encoded) % 4)
        return cbor2.loads(base64.b64decode(padded, validate=True))
    except (binascii.Error, cbor2.CBORDecodeError, ValueError, RecursionError) as error:
        raise InvalidRequest("the input is not base64 of CBOR") from error
