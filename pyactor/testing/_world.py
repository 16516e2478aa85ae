"""A world of its own for one actor class: a host, clients, a network and a disk in virtual time.

Owns what can happen in it, and when time goes on. The host, the sessions, the drivers, the
instances and the storage core are those of production; only the loop, the network, the clock and
the wrapping of user code are ours. Which rule is kept is for ``_rules`` to say.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

from ..definition import Actor, Conn
from ..host import ActorHost, Registry
from ..plain import Plain
from ..runtime import ActorPhase
from ..session import Phase
from ..wire.codecs import codec_for
from ..wire.http import HttpRequest, HttpResponse, WholeBody
from ..wire.values import encode_value
from ._chooser import Chooser, PlainChooser
from ._clients import WorldCall, WorldConn
from ._course import Course
from ._faults import Faults
from ._loop import VirtualLoop
from ._network import WorldChannel
from ._observer import NAME_HEADER
from ._trace import What

A = TypeVar("A", bound=Actor[Any, Any, Any, Any])

_UNSET: Any = object()
_LAST_PHASES = frozenset({Phase.OPENING, Phase.CLOSING})


class World(Course, Generic[A]):
    """One actor class on a host in virtual time, and everything that can happen to it.

    Nothing happens by itself: ``connect``, ``act``, ``drop`` and the others say what is to begin,
    and ``settle`` or ``advance`` lets it happen, in that order. So what is said between two of
    those happens at one instant, as close together as the event loop allows. ``turns`` lets a
    little of it happen.

        with World(ChatRoom) as world:
            ann = world.connect(JoinParams("s3cret", "ann"))
            call = ann.act("post", "hi")
            world.settle()
            assert call.result() == …
            ann.drop()
            world.advance(60)
            world.check()                  # C1-C16, A1-A7

    Leaving the ``with`` block shuts the host down, checks the rules once more, and fails if code
    left tasks behind, threw coroutines away, or raised into the event loop.

    Attributes:
        definition: What the class declares.
        trace: What happened so far.
        conns: Every client there ever was, in order.
        calls: Every call over HTTP, in order.
        faults: Which faults come about by themselves; may be replaced at any time.
    """

    def __init__(
        self,
        actor: type[A],
        *others: type[Actor[Any, Any, Any, Any]],
        chooser: Chooser | None = None,
        faults: Faults = Faults.NONE,
        storage: Literal["memory", "sqlite"] = "memory",
        input: Any = _UNSET,  # noqa: A002 - as the client's get_or_create has it
        key: tuple[str, ...] = ("main",),
        encoding: str = "json",
        loop: VirtualLoop | None = None,
    ) -> None:
        """Make a world; its host begins with it, its actor with the first request.

        Args:
            actor: The class to look at.
            *others: Classes that it calls.
            chooser: Decides all that is left open; plain without one.
            faults: Which faults come about by themselves.
            storage: Which storage keeps the actors; ``sqlite`` in a directory of its own.
            input: The typed input of a creation, where the class takes one.
            key: The actor's key, where a method names none.
            encoding: What the clients speak: ``json``, ``cbor`` or ``bare``.
            loop: A loop that somebody else runs. Then time is for whoever runs it: ``settle``,
                ``advance`` and what needs them is not to be called, and ``crash`` neither.
        """
        registry = Registry(actor, *others)
        super().__init__(
            registry,
            next(each for each in registry.definitions.values() if each.cls is actor),
            chooser=chooser or PlainChooser(),
            faults=faults,
            storage=storage,
            loop=loop,
        )
        self.calls: list[WorldCall] = []
        self._codec = codec_for(encoding)
        self._key = key
        self._input: Plain = None
        if input is not _UNSET:
            self._input = self.definition.unstructure_input(input)

    # -------------------------------------------------------------- clients

    def connect(
        self,
        params: Any = _UNSET,
        *,
        plain_params: Plain = _UNSET,
        key: tuple[str, ...] | None = None,
        creates: bool = True,
        headers: dict[str, str] | None = None,
    ) -> WorldConn:
        """Open a websocket to the actor.

        Args:
            params: Typed connection parameters, where the class takes some.
            plain_params: The same as a client sends them, fitting or not.
            key: Which actor; the world's by default.
            creates: Whether the actor is created if there is none.
            headers: Of the request, besides those of the protocol.
        """
        conn_key = self._key if key is None else key
        name = f"c{len(self.conns) + 1}"
        protocols = f"rivet, rivet_encoding.{self._codec.name}"
        plain = self._params(params, plain_params)
        if plain is not _UNSET:
            protocols += f", rivet_conn_params.{quote(json.dumps(plain), safe='')}"
        request = HttpRequest(
            "GET",
            self._target("/connect", conn_key, creates=creates),
            {**(headers or {}), "sec-websocket-protocol": protocols, NAME_HEADER: name},
        )
        channel = WorldChannel(name, self._codec, self.observer)
        conn = WorldConn(name, conn_key, self, channel)
        channel.serve(conn.take)
        self.conns.append(conn)
        data = {"key": list(conn_key), "params": None if plain is _UNSET else plain}

        def open_channel() -> None:
            self.observer.note(What.CONNECT, name, data=data)
            host = self._process.host
            if host is None:
                channel.refuse()
            else:
                host.open_channel(request, channel)

        self.do(open_channel)
        return conn

    def call(
        self,
        name: str,
        *args: Any,
        params: Any = _UNSET,
        plain_params: Plain = _UNSET,
        key: tuple[str, ...] | None = None,
        creates: bool = True,
    ) -> WorldCall:
        """Call an action over HTTP, without a connection that lasts (C14).

        Args:
            name: The action's name in Python.
            *args: Typed arguments.
            params: As for ``connect``.
            plain_params: As for ``connect``.
            key: As for ``connect``.
            creates: As for ``connect``.

        Raises:
            TypeError: There is no such action, or the arguments do not fit.
        """
        spec = self.definition.action(name)
        return self.call_plain(
            spec.name,
            spec.unstructure_arguments(args, {}),
            plain_params=self._params(params, plain_params),
            key=key,
            creates=creates,
        )

    def call_plain(
        self,
        name: str,
        args: list[Plain],
        *,
        plain_params: Plain = _UNSET,
        key: tuple[str, ...] | None = None,
        creates: bool = True,
    ) -> WorldCall:
        """Call whatever action over HTTP with whatever plain arguments, fitting or not."""
        short = f"h{len(self.calls) + 1}"
        call = WorldCall(name, args, short)
        self.calls.append(call)
        codec = self._codec
        headers = {"x-rivet-encoding": codec.name, NAME_HEADER: short}
        if plain_params is not _UNSET:
            headers["x-rivet-conn-params"] = json.dumps(plain_params)
        request = HttpRequest(
            "POST",
            self._target(
                f"/action/{quote(name)}", self._key if key is None else key, creates=creates
            ),
            headers,
            WholeBody(codec.encode_action_request(args, codec.initial_version)),
        )

        async def respond(host: ActorHost) -> None:
            response = await host.respond(request)
            self._answer(call, response)

        def begin() -> None:
            self.observer.note(What.CALL, short, name=name, data={"args": args})
            if self._process.host is not None:
                self._start_task(respond(self._process.host))

        self.do(begin)
        return call

    # -------------------------------------------------------------- the actor

    def disconnect(
        self, conn: WorldConn, reason: str | None = None, *, awaited: bool = False
    ) -> None:
        """Let the server end a connection, from outside of its actor's code (C9).

        Nothing happens unless the connection is in ``conns`` by then.

        Args:
            conn: Whose.
            reason: What its client reads.
            awaited: Whether somebody waits until it is gone.
        """

        def begin() -> None:
            found = self.server_conn(conn)
            if found is None:
                return
            disconnection = found.disconnect(reason)
            if awaited:

                async def wait() -> None:
                    await disconnection

                self._start_task(wait())

        self.do(begin)

    def sleep(self, key: tuple[str, ...] | None = None) -> None:
        """Let the actor fall asleep, as ``self.sleep()`` does; nothing if it is not awake."""
        self.do(lambda: self._with_actor(key, lambda actor: actor.sleep()))

    def destroy(self, key: tuple[str, ...] | None = None) -> None:
        """Let the actor end for good, as ``self.destroy()`` does; nothing if it is not awake."""
        self.do(lambda: self._with_actor(key, lambda actor: actor.destroy()))

    def wake(self, key: tuple[str, ...] | None = None) -> None:
        """Let the actor start, if it is not awake; it is created if there is none."""
        address = self.definition.name, self._key if key is None else key

        async def start(host: ActorHost) -> None:
            try:
                await host.directory.get_or_create(*address, self._input)
            except Exception as error:  # noqa: BLE001 - as a client would be told
                self.observer.note(What.WORLD, name="not woken", data={"error": str(error)})

        def begin() -> None:
            if self._process.host is not None:
                self._start_task(start(self._process.host))

        self.do(begin)

    def schedule(self, seconds: float, action: str, *args: Any, **kwargs: Any) -> None:
        """Let the actor run an action later, as ``self.schedule.after`` does; not if asleep."""

        def begin(actor: Any) -> None:
            async def add() -> None:
                try:
                    ref = getattr(type(actor), action)
                    await actor.schedule.after(seconds, ref, *args, **kwargs)
                except Exception as error:  # noqa: BLE001 - as the actor would be told
                    data = {"error": str(error)}
                    self.observer.note(What.WORLD, name="not scheduled", data=data)

            self._start_task(add())

        self.do(lambda: self._with_actor(None, begin))

    @property
    def is_quiet(self) -> bool:
        """Whether user invariants may be asked: nothing of the actor is half done.

        No connection is in OPENING or CLOSING, no hook or action runs (but for ``run``), and
        nothing can happen before the time goes on.
        """
        if not self._process.loop.is_idle:
            return False
        if any(run.name != "run" for run in self.observer.running.values()):
            return False
        return not any(
            driver.session.phase in _LAST_PHASES
            for instance in self.instances
            for driver in instance.drivers.values()
        )

    # -------------------------------------------------------------- what is there

    @property
    def actor(self) -> A | None:
        """The live actor of the world's key, or None while it is not awake."""
        return self.actor_of(self._key)

    def actor_of(self, key: tuple[str, ...]) -> A | None:
        """The live actor of a key, or None while it is not awake."""
        for instance in self.instances:
            if instance.key == key and instance.lifecycle.phase is ActorPhase.READY:
                actor: A = instance.actor
                return actor
        return None

    def server_conn(self, conn: WorldConn) -> Conn[Any, Any] | None:
        """A client's connection as its actor has it in ``conns``, or None."""
        for instance in self.instances:
            for found in instance.conns.values():
                if found.request.headers.get(NAME_HEADER) == conn.name:
                    return found
        return None

    # -------------------------------------------------------------- how

    def _with_actor(self, key: tuple[str, ...] | None, what: Callable[[A], object]) -> None:
        actor = self.actor_of(self._key if key is None else key)
        if actor is not None:
            what(actor)

    def _params(self, params: Any, plain: Plain) -> Plain:
        return plain if params is _UNSET else self.definition.unstructure_params(params)

    def _target(self, path: str, key: tuple[str, ...], *, creates: bool) -> str:
        method = "getOrCreate" if creates else "get"
        query = f"rvt-method={method}&rvt-key={quote(','.join(key), safe=',')}"
        if creates and self._input is not None:
            query += f"&rvt-input={quote(b64encode(encode_value(self._input, 'input')).decode())}"
        return f"/gateway/{self.definition.name}{path}?{query}"

    def _answer(self, call: WorldCall, response: HttpResponse) -> None:
        codec = self._codec
        body = response.body
        assert isinstance(body, bytes)  # the answer of an action is whole
        data: dict[str, Any] = {"status": response.status}
        name = ""
        if response.status == 200:
            call.is_answered, call.output = True, codec.decode_action_response(body)
            data["output"] = call.output
        else:
            call.is_answered, call.error = True, codec.decode_error(body)
            name = f"{call.error.group}.{call.error.code}"
            data["message"], data["metadata"] = call.error.message, call.error.metadata
        self.observer.note(What.ANSWERED, call.conn, name=name, data=data)
