"""The control API: create, find and destroy actors (wire-protocol.md, "Control API")."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import unquote

from ..errors import ActorNotFound, InvalidRequest, MethodNotAllowed, RouteNotFound
from ..storage import ActorEntry, Storage
from ..wire.depth import depth_of
from ..wire.http import HttpRequest, read_body
from ..wire.keys import parse_key, serialise_key
from . import routing
from .directory import Directory

_MAX_BODY = 20 * 1024 * 1024  # bytes; the input has a limit of its own
_PAGE = 1000
"""Actors of a list that are answered at once, unless the request asks for fewer."""


class ControlApi:
    """Answers what comes to ``/actors``, always in JSON."""

    def __init__(self, directory: Directory, storage: Storage, namespace: str) -> None:
        self._directory = directory
        self._storage = storage
        self._namespace = namespace

    async def respond(self, request: HttpRequest) -> bytes:
        """The body of a successful answer.

        Raises:
            ActorError: the request fails; the host answers with the error.
        """
        path, _ = routing.split_target(request.target)
        query = routing.query_of(request.target)
        match request.method, path.split("/")[2:]:
            case "GET", []:
                actors, cursor = await self._list(query)
                shown = [self._actor(each) for each in actors if each is not None]
                return _dump({"actors": shown, "pagination": {"cursor": cursor}})
            case "POST" | "PUT", []:
                return _dump(await self._create(request))
            case "DELETE", [actor_id]:
                await self._directory.destroy(unquote(actor_id))
                return _dump({})
            case _, [] | [_]:
                raise MethodNotAllowed(f"{path} does not take {request.method}")
            case _:
                raise RouteNotFound(f"there is no {path}")

    async def _create(self, request: HttpRequest) -> dict[str, object]:
        """``POST`` creates or fails with ``actor.duplicate_key``; ``PUT`` gets or creates."""
        asked = routing.control_request(await read_body(request.body, _MAX_BODY))
        directory, depth, created = self._directory, depth_of(request.headers), True
        if request.method == "POST":
            instance = await directory.create(asked.name, asked.key, asked.input, depth=depth)
        else:
            instance, created = await directory.put(asked.name, asked.key, asked.input, depth=depth)
        stored = await self._storage.load(instance.actor_id)
        if stored is None:
            raise ActorNotFound("the actor was destroyed meanwhile")
        return {"actor": self._actor(stored.record), "created": created}

    async def _list(self, query: dict[str, str]) -> tuple[Sequence[ActorEntry | None], str | None]:
        """What is asked for, and the cursor of what comes after it, if that may be anything."""
        if "actor_ids" in query:
            loaded = [await self._storage.load(each) for each in query["actor_ids"].split(",")]
            return [stored.record for stored in loaded if stored is not None], None
        if "name" not in query:
            raise InvalidRequest("name= or actor_ids= is missing")
        if "key" in query:
            return [await self._storage.find(query["name"], parse_key(query["key"]))], None
        limit, after = _limit_of(query), _position_of(query)
        entries = await self._storage.list(query["name"], after, limit)
        return entries, _cursor_after(entries[-1]) if len(entries) == limit else None

    def _actor(self, entry: ActorEntry) -> dict[str, object]:
        """An actor as the control API shows it; times are milliseconds since the Unix epoch."""
        status = self._directory.status(entry)
        return {
            "actor_id": entry.actor_id,
            "name": entry.name,
            "key": serialise_key(entry.key),
            "namespace_id": self._namespace,
            "runner_name_selector": "default",
            "create_ts": _milliseconds(entry.created_at),
            "start_ts": _milliseconds(status.started_at),
            "connectable_ts": _milliseconds(status.connectable_at),
            "sleep_ts": _milliseconds(status.slept_at),
            "destroy_ts": None,
            "error": status.error,
        }


def _limit_of(query: dict[str, str]) -> int:
    try:
        limit = int(query.get("limit", _PAGE))
    except ValueError:
        limit = 0
    if not 1 <= limit <= _PAGE:
        raise InvalidRequest(f"limit is {query['limit']!r:.80}; it must be from 1 to {_PAGE}")
    return limit


def _position_of(query: dict[str, str]) -> tuple[float, str] | None:
    """Where a list goes on, by the cursor that an earlier answer gave."""
    if not query.get("cursor"):
        return None
    created_at, _, actor_id = query["cursor"].partition(":")
    try:
        return float.fromhex(created_at), actor_id
    except (ValueError, OverflowError):
        raise InvalidRequest("cursor must be what pagination.cursor of an answer was") from None


def _cursor_after(entry: ActorEntry) -> str:
    """The place behind an actor; good also when that is destroyed meanwhile."""
    # Without the sign of the exponent it stands in a query as it is.
    return f"{entry.created_at.hex().replace('+', '')}:{entry.actor_id}"


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1000)


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
