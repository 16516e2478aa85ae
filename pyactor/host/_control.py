"""The control API: create, find and destroy actors (wire-protocol.md, "Control API")."""

from __future__ import annotations

import json
from urllib.parse import unquote

from ..errors import ActorNotFound, InvalidRequest, MethodNotAllowed, RouteNotFound
from ..storage import ActorRecord, Storage
from ..wire.http import HttpRequest, read_body
from ..wire.keys import parse_key, serialise_key
from . import routing
from ._access import Access
from .directory import Directory

_MAX_BODY = 20 * 1024 * 1024  # bytes; the input has a limit of its own


class ControlApi:
    """Answers what comes to ``/actors``, always in JSON."""

    def __init__(self, directory: Directory, storage: Storage, access: Access) -> None:
        self._directory = directory
        self._storage = storage
        self._access = access

    async def respond(self, request: HttpRequest) -> bytes:
        """The body of a successful answer.

        Raises:
            ActorError: the request fails; the host answers with the error.
        """
        path, _ = routing.split_target(request.target)
        query = routing.query_of(request.target)
        self._access.check(routing.carried_token(request), query.get("namespace"))
        match request.method, path.split("/")[2:]:
            case "GET", []:
                return _dump({"actors": await self._list(query), "pagination": {"cursor": None}})
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
        created = request.method == "POST"
        if created:
            instance = await self._directory.create(asked.name, asked.key, asked.input)
        else:
            created = await self._storage.find(asked.name, asked.key) is None
            instance = await self._directory.get_or_create(asked.name, asked.key, asked.input)
        record = await self._storage.load(instance.actor_id)
        if record is None:
            raise ActorNotFound("the actor was destroyed meanwhile")
        return {"actor": _actor(record, self._access.namespace), "created": created}

    async def _list(self, query: dict[str, str]) -> list[dict[str, object]]:
        if "actor_ids" in query:
            ids = query["actor_ids"].split(",")
            records = [await self._storage.load(actor_id) for actor_id in ids]
        elif "name" not in query:
            raise InvalidRequest("name= or actor_ids= is missing")
        elif "key" in query:
            records = [await self._storage.find(query["name"], parse_key(query["key"]))]
        else:
            records = list(await self._storage.list(query["name"]))
        return [_actor(record, self._access.namespace) for record in records if record is not None]


def _actor(record: ActorRecord, namespace: str) -> dict[str, object]:
    """An actor as the control API shows it; times are milliseconds since the Unix epoch."""
    created = int(record.created_at * 1000)
    return {
        "actor_id": record.actor_id,
        "name": record.name,
        "key": serialise_key(record.key),
        "namespace_id": namespace,
        "runner_name_selector": "default",
        "create_ts": created,
        "start_ts": created,
        "connectable_ts": created,
        "sleep_ts": None,
        "destroy_ts": None,
        "error": None,
    }


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
