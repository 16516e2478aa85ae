"""The answer to a raw request, as ``handle.fetch`` gives it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from typing_extensions import override

if TYPE_CHECKING:
    import httpx2

    from ._transport import ClientTransport


class FetchResponse:
    """An actor's answer, or its host's; whatever the status says, it is not raised.

    Its names are those of `httpx2.Response`. With ``stream=True`` the body is not here yet: it
    is read by ``aread`` or ``aiter_bytes``, and the response has to be closed (``async with``).
    """

    def __init__(self, response: httpx2.Response, transport: ClientTransport) -> None:
        self._response = response
        self._transport = transport

    @property
    def status_code(self) -> int:
        """The status (RFC 9110 15)."""
        return self._response.status_code

    @property
    def is_success(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return self._response.is_success

    @property
    def headers(self) -> Mapping[str, str]:
        """By name in any case; a header that is repeated has its values joined with ``", "``."""
        return self._response.headers

    @property
    def content(self) -> bytes:
        """The body.

        Raises:
            RuntimeError: It has not been read: ``await response.aread()``.
        """
        return self._response.content

    @property
    def text(self) -> str:
        """The body as text, in the encoding that its content type says, else UTF-8."""
        return self._response.text

    def json(self) -> Any:
        """The body's value, if it is JSON.

        Raises:
            ValueError: It is not.
        """
        return json.loads(self.content)

    async def aread(self) -> bytes:
        """Read the whole body.

        Raises:
            ConnectionLost: It broke off.
        """
        with self._transport.translated_errors():
            return await self._response.aread()

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body's pieces as they come.

        Raises:
            ConnectionLost: It broke off.
        """
        with self._transport.translated_errors():
            async for piece in self._response.aiter_bytes():
                yield piece

    async def aclose(self) -> None:
        """Read no more of it. Idempotent."""
        await self._response.aclose()

    async def __aenter__(self) -> Self:
        """The response itself."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        await self.aclose()

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status_code}>"
