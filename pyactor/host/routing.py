"""Where a request goes, by its path (wire-protocol.md, "Gateway paths" and "Actor routes").

Pure functions from a request to values. Nothing here looks an actor up.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, unquote_plus

from attrs import frozen

from ..errors import CallTooDeep, DecodeError, InvalidParams, InvalidRequest, RouteNotFound
from ..plain import Plain
from ..wire.codecs import Codec, codec_for
from ..wire.depth import MAX_DEPTH, depth_of
from ..wire.http import HttpRequest, path_to_log
from ..wire.json import decode_untagged
from ..wire.keys import parse_key
from ..wire.messages import EXTENSION, EXTENSION_SUBPROTOCOL
from ..wire.values import decode_value

PARAMS_PROTOCOL = "rivet_conn_params."
ENCODING_PROTOCOL = "rivet_encoding."
TARGET_PROTOCOL = "rivet_target."
ACTOR_PROTOCOL = "rivet_actor."
TOKEN_PROTOCOL = "rivet_token."  # noqa: S105 - the prefix of one


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
class ActorRoute:
    """A request to an actor.

    Attributes:
        actor: Which.
        path: The path that the actor sees, without the query.
        query: The query that the actor sees, without what was the gateway's.
        token: The token that the request carries, or None.
        namespace: The namespace that it names, or None.
    """

    actor: ByKey | ById
    path: str
    query: str
    token: str | None
    namespace: str | None


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


def actor_route(request: HttpRequest) -> ActorRoute:
    """Which actor a request is for, and what is left of its target for the actor.

    Raises:
        RouteNotFound: It is for none.
        InvalidRequest: Its ``rvt-*`` parameters cannot be read.
    """
    path, query = split_target(request.target)
    route: dict[str, str] = {}
    rest: list[str] = []
    for part in query.split("&"):
        if part.startswith("rvt-"):
            name, _, value = part.partition("=")
            route[unquote_plus(name)] = unquote_plus(value)
        elif part:
            rest.append(part)
    token = route.get("rvt-token")
    segments = path.split("/")
    if segments[1:2] == ["gateway"] and segments[2:3] not in ([], [""]):
        actor_path = "/" + "/".join(segments[3:])
        if route.keys() - {"rvt-token", "rvt-skip-ready-wait"}:
            actor: ByKey | ById = _by_key(unquote(segments[2]), route)
        else:
            actor_id, _, path_token = segments[2].partition("@")
            actor = ById(unquote(actor_id))
            token = unquote(path_token) or token
    else:
        direct = _direct_target(request)
        if direct is None:
            raise RouteNotFound(f"there is no {path_to_log(path)}; actors are below /gateway/NAME/")
        actor, actor_path = ById(direct), path
    return ActorRoute(
        actor,
        actor_path,
        "&".join(rest),
        token or carried_token(request),
        route.get("rvt-namespace"),
    )


def carried_token(request: HttpRequest) -> str | None:
    """The token in a request's headers or subprotocols, or None."""
    token = request.headers.get("x-rivet-token") or _offered(request, TOKEN_PROTOCOL)
    if token is None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        token = value.strip() if scheme.lower() == "bearer" else None
    return token


def _direct_target(request: HttpRequest) -> str | None:
    """The actor's id where the path is the actor's own (skipReadyWait by id)."""
    headers: Mapping[str, str] = request.headers
    if headers.get("x-rivet-target") == "actor":
        return headers.get("x-rivet-actor")
    if _offered(request, TARGET_PROTOCOL) == "actor":
        return _offered(request, ACTOR_PROTOCOL)
    return None


def _by_key(name: str, route: Mapping[str, str]) -> ByKey:
    method = route.get("rvt-method", "get")
    if method not in ("get", "getOrCreate"):
        raise InvalidRequest(f"rvt-method is {method!r:.80}; it must be get or getOrCreate")
    key = route.get("rvt-key", "")
    return ByKey(
        name,
        tuple(key.split(",")) if key else (),
        method == "getOrCreate",
        _decode_input(route.get("rvt-input")),
    )


def check_depth(request: HttpRequest) -> None:
    """Refuse a call that stands in too many others.

    Raises:
        CallTooDeep: so it does.
    """
    if depth_of(request.headers) > MAX_DEPTH:
        raise CallTooDeep(
            f"actors call each other {MAX_DEPTH} deep, and now {path_to_log(request.target)}: "
            "break the cycle of calls"
        )


def control_request(body: bytes) -> ControlRequest:
    """Read the body of ``POST /actors`` or ``PUT /actors``.

    Raises:
        InvalidRequest: it is not the JSON object that the control API takes.
    """
    try:
        fields = decode_untagged(body)
    except DecodeError as error:
        raise InvalidRequest(f"the body cannot be read: {error}") from error
    if not isinstance(fields, dict) or "name" not in fields:
        raise InvalidRequest('the body must be JSON: {"name": …, "key": …, "input": …}')
    name, key, encoded = fields["name"], fields.get("key"), fields.get("input")
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


def websocket_extension(request: HttpRequest) -> int:
    """The version of the extension that the client asks for and we speak; 0 for none."""
    return EXTENSION if EXTENSION_SUBPROTOCOL in offered_protocols(request) else 0


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
        return decode_untagged(text)
    except DecodeError as error:
        raise InvalidParams(f"the connection parameters cannot be read: {error}") from error


def _decode_input(encoded: str | None) -> Plain:
    """Base64 or base64url of CBOR, as the control API and the gateway have it."""
    if encoded is None:
        return None
    try:
        padded = encoded.replace("-", "+").replace("_", "/") + "=" * (-len(encoded) % 4)
        return decode_value(base64.b64decode(padded, validate=True))
    except (binascii.Error, DecodeError) as error:
        raise InvalidRequest("the input is not base64 of CBOR") from error
