"""Answers as HTTP: an error's status, and its body in the client's encoding."""

from __future__ import annotations

import contextlib
import logging

from attrs import define, field

from ..errors import (
    INTERNAL_CODE,
    INTERNAL_GROUP,
    ActionNotFound,
    ActionTimedOut,
    ActorNotFound,
    ActorRestarting,
    CallInterrupted,
    DecodeError,
    DuplicateKey,
    Forbidden,
    GoingAway,
    IncomingTooLong,
    MethodNotAllowed,
    NamespaceNotFound,
    RequestsNotSupported,
    RequestTimedOut,
    RouteNotFound,
    StorageError,
    Unauthorised,
)
from ..runtime import error_to_send
from ..wire import messages
from ..wire.codecs import Codec, codec_for
from ..wire.http import HttpResponse

_log = logging.getLogger("pyactor.host")
_OTHERS = 400
_FAULTS = 503  # of the storage
_STATUS = {
    Unauthorised().name: 401,
    Forbidden().name: 403,
    ActorNotFound().name: 404,
    ActionNotFound().name: 404,
    NamespaceNotFound().name: 404,
    RequestsNotSupported().name: 404,
    RouteNotFound().name: 404,
    MethodNotAllowed().name: 405,
    ActionTimedOut().name: 408,
    RequestTimedOut().name: 408,
    DuplicateKey().name: 409,
    IncomingTooLong().name: 413,
    CallInterrupted().name: 500,  # not 503, upon which some try again by themselves
    f"{INTERNAL_GROUP}.{INTERNAL_CODE}": 500,
    ActorRestarting().name: 503,
    GoingAway().name: 503,
}


@define
class Form:
    """What a client reads: its encoding, and the version of its request once that is known."""

    codec: Codec = field(factory=lambda: codec_for("json"))
    version: int = 0

    def use(self, codec: Codec) -> None:
        """Answer in that encoding."""
        self.codec, self.version = codec, codec.initial_version

    def learn(self, body: bytes) -> None:
        """Answer in the version of the request's body (wire-protocol.md, "Framing")."""
        with contextlib.suppress(DecodeError):  # reading the body will say what is wrong with it
            self.version = self.codec.version_of(body)

    def answer(self, body: bytes) -> HttpResponse:
        """A success."""
        return HttpResponse(200, {"content-type": self.codec.content_type}, body)

    def error(self, error: messages.Error) -> HttpResponse:
        """An error."""
        others = _FAULTS if error.group == StorageError.group else _OTHERS
        status = _STATUS.get(f"{error.group}.{error.code}", others)
        try:
            body = self.codec.encode_error(error, self.version)
        except (TypeError, ValueError):
            _log.exception("the metadata of %s.%s cannot be sent", error.group, error.code)
            status, body = 500, self.codec.encode_error(error_to_send(Exception()), self.version)
        return HttpResponse(status, {"content-type": self.codec.content_type}, body)
