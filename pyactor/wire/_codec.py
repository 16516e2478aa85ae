"""What every codec can do: messages and HTTP bodies to bytes, and back.

The contract alone; each encoding has a module of its own and ``codecs`` finds it by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ..plain import Plain
from .messages import Error, ToClient, ToServer
from .queue import QueueResult, QueueSend


class Codec(ABC):
    """One encoding of the protocol, without state.

    ``decode_*`` raises DecodeError and nothing else, whatever it is given. ``encode_*`` raises
    TypeError or ValueError, naming the path, for a value that is not plain. Which protocol
    version to write is the caller's to know, connection by connection (wire-protocol.md,
    "Framing"): begin with ``initial_version``, then use what ``version_of`` said last.

    Attributes:
        name: As in ``rivet_encoding.{name}`` and ``x-rivet-encoding``.
        is_text: Whether a frame is text (str) or binary (bytes).
        content_type: Of its HTTP bodies.
        initial_version: The version to write before the peer's is known; 0 without versions.
    """

    name: ClassVar[str]
    is_text: ClassVar[bool]
    content_type: ClassVar[str]
    initial_version: ClassVar[int]

    @abstractmethod
    def version_of(self, data: str | bytes) -> int:
        """The protocol version that a frame or body says it has; 0 without versions.

        Raises:
            DecodeError: There is none, or it is not supported.
        """

    # -------------------------------------------------------------- frames

    @abstractmethod
    def encode_to_client(self, message: ToClient, version: int) -> str | bytes:
        """One frame from host to client."""

    @abstractmethod
    def decode_to_client(self, data: str | bytes) -> ToClient:
        """The inverse of ``encode_to_client``."""

    @abstractmethod
    def encode_to_server(self, message: ToServer, version: int) -> str | bytes:
        """One frame from client to host."""

    @abstractmethod
    def decode_to_server(self, data: str | bytes) -> ToServer:
        """The inverse of ``encode_to_server``."""

    # -------------------------------------------------------------- HTTP bodies

    @abstractmethod
    def encode_action_request(self, args: list[Plain], version: int) -> bytes:
        """The body of ``POST /action/{name}``."""

    @abstractmethod
    def decode_action_request(self, body: bytes) -> list[Plain]:
        """The inverse of ``encode_action_request``."""

    @abstractmethod
    def encode_action_response(self, output: Plain, version: int) -> bytes:
        """The body of its answer, if the action returned."""

    @abstractmethod
    def decode_action_response(self, body: bytes) -> Plain:
        """The inverse of ``encode_action_response``."""

    @abstractmethod
    def encode_queue_request(self, request: QueueSend, version: int) -> bytes:
        """The body of ``POST /queue/{name}``."""

    @abstractmethod
    def decode_queue_request(self, body: bytes) -> QueueSend:
        """The inverse of ``encode_queue_request``."""

    @abstractmethod
    def encode_queue_response(self, result: QueueResult, version: int) -> bytes:
        """The body of its answer."""

    @abstractmethod
    def decode_queue_response(self, body: bytes) -> QueueResult:
        """The inverse of ``encode_queue_response``."""

    @abstractmethod
    def encode_error(self, error: Error, version: int) -> bytes:
        """The body of any failed request. ``action_id`` has no place in it."""

    @abstractmethod
    def decode_error(self, body: bytes) -> Error:
        """The inverse of ``encode_error``; ``action_id`` is None."""
