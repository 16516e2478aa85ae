"""One connection of a client: its session, its channel, and who waits for what.

Owns the pump between them. Values are plain, events are handed on as they come.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

from ..errors import ConnectionLost, DecodeError, UserError
from ..session import _client as session
from ._failures import exception_of

if TYPE_CHECKING:
    from ..wire import messages
    from ..wire.messages import Plain
    from ._address import Address
    from ._gateway import Gateway
    from ._transport import ClientChannel

_log = logging.getLogger("pyactor.client")
_T = TypeVar("_T")

PROTOCOL_ERROR = 1002
"""Close code (RFC 6455 7.4.1)."""


@frozen
class Closed:
    """How a connection ended.

    Attributes:
        code: The close code (RFC 6455 7.4.1); 1006 if it was lost without one.
        reason: The close reason, for example that of ``conn.disconnect(reason)``.
    """

    code: int
    reason: str


class Link:
    """The pump of one connection; a `ChannelReceiver`."""

    def __init__(
        self,
        gateway: Gateway,
        label: str,
        declared: Mapping[tuple[str, str], type[UserError]],
        deliver: Callable[[str, list[Plain]], None],
    ) -> None:
        """Nothing is sent yet.

        Args:
            gateway: The way to the host.
            label: What messages call the connection's actor.
            declared: The actor's declared errors, by (group, code).
            deliver: Takes each event that arrives: its name and its arguments.
        """
        loop = asyncio.get_running_loop()
        self._gateway = gateway
        self._label = label
        self._declared = declared
        self._deliver = deliver
        self._session = session.ClientSession()
        self._channel: ClientChannel | None = None
        self._calls: dict[int, tuple[str, asyncio.Future[Plain]]] = {}
        self._opened: asyncio.Future[session.Opened] = loop.create_future()
        self._closed: asyncio.Future[Closed] = loop.create_future()
        self._lost: asyncio.Future[None] = loop.create_future()
        self._how_it_ended = ""

    async def open(self, address: Address, params: Plain) -> session.Opened:
        """Connect, and wait until the host has let the connection in.

        Raises:
            ActorError: The host's rejection, or a failure of the way there.
        """
        try:
            channel = await self._gateway.open_channel(address, params, self)
        except BaseException:
            self.receive_lost()
            raise
        self._channel = channel
        self._drain()
        try:
            return await self._opened
        except asyncio.CancelledError:
            channel.abort()
            raise

    async def call(self, name: str, args: list[Plain]) -> Plain:
        """Call an action and wait for its answer; cancelling that cancels only the wait.

        Raises:
            ConnectionLost: The connection ended before the answer came.
            ActorError: What the host answered.
            ValueError: An argument that cannot be encoded.
        """
        call_id = self._session.call(name, args)
        answer: asyncio.Future[Plain] = asyncio.get_running_loop().create_future()
        self._calls[call_id] = (name, answer)
        try:
            self._drain()
            return await answer
        finally:
            self._calls.pop(call_id, None)

    def subscribe(self, name: str) -> None:
        """Ask for an event; before ``open`` this is remembered."""
        self._session.subscribe(name)
        self._drain()

    def unsubscribe(self, name: str) -> None:
        """Ask no longer for an event."""
        self._session.unsubscribe(name)
        self._drain()

    async def close(self) -> None:
        """Close and wait until nothing is left of the connection. Idempotent."""
        self._session.close()
        self._drain()
        await asyncio.shield(self._lost)

    async def wait_closed(self) -> Closed:
        """Wait until the connection ends, whoever ends it."""
        return await asyncio.shield(self._closed)

    def receive_data(self, data: str | bytes) -> None:
        """One message of the host."""
        try:
            message = self._gateway.codec.decode_to_client(data)
        except DecodeError as error:
            _log.warning("%s: a message of the host cannot be read: %s", self._label, error)
            self._break("client.invalid_response")
            return
        self._session.receive_message(message)
        self._drain()

    def receive_close(self, code: int, reason: str) -> None:
        """The host closes, or answers our close."""
        if self._closed.done():
            # It broke the protocol, which ended the connection before this.
            return
        self._how_it_ended = f" ({code}{reason and ': '}{reason})"
        self._session.receive_close(code, reason)
        self._drain()

    def receive_lost(self) -> None:
        """Nothing is left of the channel."""
        self._session.receive_lost()
        self._drain()
        _settle(self._lost, None)

    def _break(self, reason: str) -> None:
        """End the connection because the host broke the protocol."""
        if self._channel is not None:
            self._channel.close(PROTOCOL_ERROR, reason)
        self.receive_close(PROTOCOL_ERROR, reason)

    def _drain(self) -> None:
        """Send what the session wants sent, then hand on what happened."""
        if self._channel is not None:
            codec = self._gateway.codec
            for message in self._session.messages_to_send():
                if isinstance(message, session.Close):
                    self._channel.close(message.code, message.reason)
                else:
                    self._channel.send(codec.encode_to_server(message, codec.initial_version))
        for event in self._session.events_received():
            self._take(event)

    def _take(self, event: session.ClientEvent) -> None:
        match event:
            case session.Opened():
                _settle(self._opened, event)
            case session.ConnectionFailed(error):
                _fail(self._opened, self._rejection(error))
            case session.Responded(call_id, output):
                if call_id in self._calls:
                    _settle(self._calls[call_id][1], output)
            case session.Failed(call_id, error):
                if call_id in self._calls:
                    _fail(self._calls[call_id][1], exception_of(error, self._declared))
            case session.CallLost(call_id, sent):
                if call_id in self._calls:
                    name, answer = self._calls[call_id]
                    step = "answered" if sent else "sent"
                    _fail(answer, self._lost_error(f"before {name!r} was {step}", sent))
            case session.EventArrived(name, args):
                self._deliver(name, args)
            case session.ErrorArrived(error):
                _log.warning(
                    "%s: the host reports %s.%s: %s",
                    self._label,
                    error.group,
                    error.code,
                    error.message,
                )
            case session.Closed(code, reason):
                _settle(self._closed, Closed(code, reason))
                _fail(self._opened, self._lost_error("before it was open", may_have_run=False))

    def _rejection(self, error: messages.Error) -> Exception:
        """Why the connection never opened."""
        if (error.group, error.code) == (ConnectionLost.group, ConnectionLost.code):
            return ConnectionLost(error.message, may_have_run=False)
        return exception_of(error, self._declared)

    def _lost_error(self, when: str, may_have_run: bool) -> ConnectionLost:
        """The error of whoever waited for what the connection's end prevents."""
        return ConnectionLost(
            f"the connection to {self._label} ended {when}{self._how_it_ended}",
            may_have_run=may_have_run,
        )


def _settle(future: asyncio.Future[_T], value: _T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[_T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        # Marks it as seen: whoever waited may have been cancelled.
        future.exception()
