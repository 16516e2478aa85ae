"""One connection of a client, over every drop: its session, its attempts, and who waits for what.

Owns the pump between them, and the pauses. Values are plain, events are handed on as they come.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..errors import (
    ActorError,
    ConnectionLost,
    DecodeError,
    HostUnreachable,
    NotAcknowledged,
    UserError,
)
from ..session import _client as session
from ..session._client_transitions import ClientPhase, is_final
from ..wire.messages import ActionRequest
from ._acknowledgements import Acknowledgements, not_subscribed
from ._attempt import Attempt
from ._clock import Backoff
from ._closed import NO_CLOSE, Closed, detail_of
from ._failures import exception_of
from ._futures import fail, settle
from ._pending import PendingCalls

if TYPE_CHECKING:
    from ..wire.channel import ChannelReceiver
    from ..wire.messages import Error, Plain
    from ._address import Address
    from ._callbacks import Notices
    from ._gateway import Gateway
    from ._options import ClientOptions
    from ._params import AnyParams
    from ._transport import ClientChannel

_log = logging.getLogger("pyactor.client")

PROTOCOL_ERROR = 1002
"""Close code (RFC 6455 7.4.1)."""
_BETWEEN = (ClientPhase.DISCONNECTED, ClientPhase.CLOSED)
_LOST = (ConnectionLost.group, ConnectionLost.code)


class Link:
    """The pump of one connection; the `AttemptOwner` of its attempts."""

    def __init__(
        self,
        gateway: Gateway,
        address: Address,
        params: AnyParams,
        *,
        label: str,
        declared: Mapping[tuple[str, str], type[UserError]],
        options: ClientOptions,
        notices: Notices,
        deliver: Callable[[str, list[Plain]], None],
        missed: Callable[[str, int | None], None],
        ended: Callable[[Exception | None], None],
    ) -> None:
        """Nothing is sent yet.

        Args:
            gateway: The way to the host.
            address: The actor.
            params: Asked for with each attempt.
            label: What messages call the actor.
            declared: The actor's declared errors, by (group, code).
            options: Timeouts and limits.
            notices: Is told what becomes of the connection.
            deliver: Takes each event that arrives: its name and its arguments.
            missed: Takes what never will: the event's name and how often, if anybody knows.
            ended: Is called once, at the end for good; with its cause, unless ``close`` was.
        """
        clock = gateway.clock
        self._gateway = gateway
        self._address = address
        self._params = params
        self._label = label
        self._declared = declared
        self._options = options
        self._notices = notices
        self._deliver = deliver
        self._report_missed = missed
        self._report_end = ended
        self._session = session.ClientSession(
            max_waiting=options.max_waiting_calls, returns=options.reconnect == "always"
        )
        self._calls = PendingCalls(label, options, clock, self._session.is_waiting)
        self._acknowledgements = Acknowledgements(label, clock)
        self._backoff = Backoff(options.backoff_initial, options.backoff_max, clock.random)
        self._attempt: Attempt | None = None  # the latest, while the session deals with it
        self._attempts: set[Attempt] = set()  # of which something is left
        self._retry_timer: asyncio.TimerHandle | None = None
        self._happened: deque[session.ClientEvent] = deque()
        self._is_telling = False
        self._opened_at = 0.0
        self._last = Closed(NO_CLOSE, "")  # how the last attempt or connection was closed
        self._is_closed_here = False
        self._has_warned = False
        self._rejection: Exception | None = None
        loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[Closed] = loop.create_future()
        self.opened: session.Opened | None = None
        self.is_over = False
        self.end: Exception | None = None
        self.failure: Exception | None = None

    # ------------------------------------------------------------------ for its user

    @property
    def status(self) -> session.Status:
        """Where it stands."""
        return self._session.phase.status

    def open(self) -> None:
        """Begin to connect; once."""
        self._session.connect()
        self._drain()

    async def wait_ready(self) -> None:
        """Wait until it is connected.

        Raises:
            ActorError: It is over for good.
        """
        await asyncio.shield(self._ready)

    async def call(self, name: str, args: list[Plain]) -> Plain:
        """Call an action and wait for its answer; cancelling that cancels only the wait.

        Raises:
            ConnectionLost: The connection ended before the answer came, or cannot come.
            CallTimedOut: It took too long.
            ActorError: What the host answered.
            ValueError: An argument that cannot be encoded.
        """
        call_id = self._session.call(name, args)
        try:
            if self._session.is_waiting(call_id):
                # What cannot be encoded is its caller's to hear, not the next connection's.
                self._encoded(ActionRequest(call_id, name, args))
            with self._calls.waiting(call_id, name) as answer:
                self._drain()
                return await answer
        finally:
            self._session.forget(call_id)

    def subscribe(self, name: str, *, is_replayed: bool) -> None:
        """Ask for an event; what cannot be sent now goes first on the next connection."""
        self._session.subscribe(name, is_replayed=is_replayed)
        self._drain()

    def unsubscribe(self, name: str) -> None:
        """Ask no longer for an event."""
        self._session.unsubscribe(name)
        self._acknowledgements.fail(name, lambda: not_subscribed(self._label, name))
        self._drain()

    async def subscribed(self, name: str, seconds: float) -> None:
        """Wait until the host that is there has acknowledged a subscription.

        Raises:
            NotAcknowledged: It acknowledges none.
            CallTimedOut: It took too long.
            ActorError: It refuses; or the connection is over for good.
            RuntimeError: Nothing asks for the event, or no longer does.
        """
        if self.is_over:
            raise self.end or self._lost("for good", may_have_run=False)
        state, error = self._session.subscription(name)
        match state:
            case session.SubscriptionState.ACKNOWLEDGED:
                return
            case session.SubscriptionState.NONE:
                raise not_subscribed(self._label, name)
            case session.SubscriptionState.UNANSWERED:
                raise self._not_acknowledged()
            case _ if error is not None:
                raise exception_of(error, self._declared)
            case _:
                await self._acknowledgements.wait(
                    name, seconds, is_sent=lambda: self.status == "connected"
                )

    def abort(self) -> None:
        """Drop what there is at once; ``close`` then has nobody to wait for."""
        for attempt in tuple(self._attempts):
            attempt.drop()

    async def close(self) -> None:
        """Close and wait until nothing is left of it. Idempotent."""
        if not self._ended.done():
            self._is_closed_here = True
        self._session.close()
        self._drain()
        while self._attempts:
            await asyncio.wait([attempt.gone for attempt in self._attempts])

    async def wait_closed(self) -> Closed:
        """Wait until it ends for good, whoever ends it."""
        return await asyncio.shield(self._ended)

    # ------------------------------------------------------------------ for its attempts

    async def open_channel(self, receiver: ChannelReceiver, /) -> ClientChannel:
        """Ask for the params, and go to the host with them."""
        params = await self._params.get()
        return await self._gateway.open_channel(self._address, params, receiver)

    def attempt_received(self, attempt: Attempt, data: str | bytes, /) -> None:
        """Hand a message to the session; once an attempt is closed or dropped, none comes."""
        try:
            message = self._gateway.codec.decode_to_client(data)
        except DecodeError as error:
            _log.warning("%s: a message of the host cannot be read: %s", self._label, error)
            if attempt.channel is not None:
                attempt.channel.close(PROTOCOL_ERROR, "client.invalid_response")
            self.attempt_closed(attempt, PROTOCOL_ERROR, "client.invalid_response")
            return
        self._session.receive_message(message)
        self._drain()

    def attempt_closed(self, attempt: Attempt, code: int, reason: str, /) -> None:
        """Hand a close to the session."""
        if attempt is self._attempt:
            self._last = Closed(code, reason)
            self._session.receive_close(code, reason)
            self._drain()

    def attempt_gone(self, attempt: Attempt, error: Exception | None, /) -> None:
        """Hand a loss, or a failure on the way, to the session."""
        self._attempts.discard(attempt)
        if attempt is not self._attempt:
            return
        if error is None:
            self._session.receive_lost()
        else:
            self.failure = error
            # What is no ActorError is a mistake, such as params that JSON has not.
            for_good = not isinstance(error, ActorError) or is_final(error.group, error.code)
            self._session.receive_failure(final=for_good)
        self._drain()

    def attempt_timed_out(self, attempt: Attempt, /) -> None:
        """Give an attempt up."""
        if attempt is self._attempt:
            self.failure = HostUnreachable(
                f"{self._label} did not open within {self._options.open_timeout:g} s"
            )
            self._session.receive_failure(final=False)
            self._drain()
        attempt.drop()

    # ------------------------------------------------------------------ the pump

    def _encoded(self, message: session.FrameToServer) -> str | bytes:
        assert not isinstance(message, session.Close)
        codec = self._gateway.codec
        return codec.encode_to_server(message, codec.initial_version)

    def _drain(self) -> None:
        """Send what the session wants sent, then tell what happened, in order.

        Callbacks that lead back here only add to what is told.
        """
        for message in self._session.messages_to_send():
            channel = None if self._attempt is None else self._attempt.channel
            if isinstance(message, session.Close):
                if channel is not None:
                    channel.close(message.code, message.reason)
                elif self._attempt is not None:
                    self._attempt.drop()
                else:
                    self._session.receive_lost()  # closed from a callback, before it began
            elif channel is not None:
                channel.send(self._encoded(message))
        if self._session.phase in _BETWEEN:
            self._attempt = None
        self._happened.extend(self._session.events_received())
        if self._is_telling:
            return
        self._is_telling = True
        try:
            while self._happened:
                self._tell(self._happened.popleft())
        finally:
            self._is_telling = False

    def _tell(self, event: session.ClientEvent) -> None:
        match event:
            case session.EventArrived(name, args):
                self._deliver(name, args)
            case session.Responded(call_id, output):
                self._calls.answer(call_id, output)
            case session.Failed(call_id, error):
                self._calls.fail(call_id, lambda _: exception_of(error, self._declared))
            case session.CallLost(call_id, sent):
                step = "answered" if sent else "sent"
                self._calls.fail(
                    call_id, lambda name: self._lost(f"before {name!r} was {step}", sent)
                )
            case session.CallRefused(call_id):
                self._calls.fail(call_id, self._too_many)
            case session.Missed(name, count):
                self._report_missed(name, count)
            case session.SubscriptionAcknowledged(name):
                self._acknowledgements.settle(name)
            case session.SubscriptionRefused(name, error):
                self._report_error(error)
                self._acknowledgements.fail(name, lambda: exception_of(error, self._declared))
            case session.ErrorArrived(error):
                self._report_error(error)
            case _:
                self._tell_of_life(event)

    def _tell_of_life(self, event: session.ClientEvent) -> None:
        match event:
            case session.StatusChanged(status):
                self._notices.status_changed(status)
            case session.AttemptBegan():
                self._begin_attempt()
            case session.AttemptFailed(error):
                self._attempt_failed(self._because(error))
            case session.RetryWanted():
                self._retry_later()
            case session.Opened():
                self._was_opened(event)
            case session.Closed(code, reason):
                self._was_closed(Closed(code, reason))
            case session.ConnectionFailed(error):
                self._rejection = self._because(error)
                fail(self._ready, self._rejection)
                self._notices.failed(self._rejection)
            case session.Ended(code, reason):
                self._has_ended(Closed(code, reason))

    def _report_error(self, error: Error) -> None:
        _log.warning(
            "%s: the host reports %s.%s: %s", self._label, error.group, error.code, error.message
        )
        self._notices.failed(exception_of(error, self._declared))

    # ------------------------------------------------------------------ what happened

    def _begin_attempt(self) -> None:
        if self._session.phase is not ClientPhase.CONNECTING:
            return
        self._last = Closed(NO_CLOSE, "")
        self._attempt = Attempt(self, self._gateway.clock, self._options.open_timeout)
        self._attempts.add(self._attempt)
        self._attempt.begin()

    def _attempt_failed(self, error: Exception) -> None:
        if self._options.reconnect == "never":
            fail(self._ready, error)
        else:
            level = logging.DEBUG if self._has_warned else logging.WARNING
            _log.log(level, "%s: an attempt to connect failed: %s", self._label, error)
            self._has_warned = True
        self._notices.failed(error)

    def _retry_later(self) -> None:
        if self._session.phase is not ClientPhase.DISCONNECTED:
            return  # a callback closed it meanwhile
        if self._options.reconnect == "never":
            self._session.close()
            self._drain()
        else:
            pause = self._backoff.next_pause()
            self._retry_timer = self._gateway.clock.call_later(pause, self._retry)
            self._notices.retrying(pause)

    def _retry(self) -> None:
        self._session.retry()
        self._drain()

    def _was_opened(self, opened: session.Opened) -> None:
        self.opened = opened
        self.failure = None
        self._has_warned = False
        self._opened_at = self._gateway.clock.now()
        if self._attempt is not None:
            self._attempt.opened()
        settle(self._ready, None)
        if not self._session.extension:
            self._acknowledgements.fail_all(self._not_acknowledged)
        self._notices.opened()

    def _was_closed(self, closed: Closed) -> None:
        if self._gateway.clock.now() - self._opened_at >= self._options.backoff_max:
            self._backoff.reset()
        _log.info("%s: the connection is closed%s", self._label, detail_of(closed))
        self._ready = asyncio.get_running_loop().create_future()
        self._notices.closed(closed)

    def _has_ended(self, closed: Closed) -> None:
        if self._retry_timer is not None:
            self._retry_timer.cancel()
        if self._options.reconnect == "never" and not self._is_closed_here:
            closed = self._last
        when = "before it was open" if self.opened is None else "for good"
        lost = self._lost(when, may_have_run=False)
        fail(self._ready, self._rejection or lost)
        settle(self._ended, closed)
        self.is_over = True
        self.end = self._rejection or (None if self._is_closed_here else lost)
        self._acknowledgements.fail_all(lambda: self._rejection or lost)
        self._report_end(self.end)

    def _not_acknowledged(self) -> NotAcknowledged:
        return NotAcknowledged(
            f"the host of {self._label} acknowledges no subscriptions: it speaks the protocol "
            "without pyactor's extension, so nobody knows when one takes effect"
        )

    def _because(self, error: Error | None) -> Exception:
        """Why an attempt failed: what the host said, or what was found out on the way."""
        if error is not None and (error.group, error.code) == _LOST:
            self.failure = ConnectionLost(error.message, may_have_run=False)
        elif error is not None:
            self.failure = exception_of(error, self._declared)
        assert self.failure is not None
        return self.failure

    def _lost(self, when: str, may_have_run: bool) -> ConnectionLost:
        """The error of whoever waited for what the connection's end prevents."""
        why = detail_of(self._last) or ("" if self._rejection is None else f": {self._rejection}")
        return ConnectionLost(
            f"the connection to {self._label} ended {when}{why}", may_have_run=may_have_run
        )

    def _too_many(self, name: str) -> ConnectionLost:
        return ConnectionLost(
            f"{self._label} is not connected, and {self._options.max_waiting_calls} calls wait "
            f"for it already: {name!r} was not sent",
            may_have_run=False,
        )
