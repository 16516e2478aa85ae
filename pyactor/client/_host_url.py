"""The URL of a host, read: where it is, and the namespace and token that stand in it.

Owns what may be shown of one: never the token.
"""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from attrs import field, frozen

_RULE = (
    "a host's URL is http://host:port or https://host:port, with a path if need be, "
    "or http://namespace:token@host:port"
)


@frozen
class HostUrl:
    """A host's URL.

    Attributes:
        scheme: ``http`` or ``https``.
        authority: Host and port, without what stood before an ``@``.
        path: Empty, or with a slash before it.
        namespace: What stood before the ``:`` before the ``@``, or None.
        token: What stood behind it, or None.
    """

    scheme: str
    authority: str
    path: str
    namespace: str | None
    token: str | None = field(repr=False)

    @property
    def location(self) -> str:
        """The URL as messages show it."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read one.

        Raises:
            ValueError: It is none.
        """
        shown = re.sub(r"//.*@", "//…@", url, flags=re.DOTALL)
        try:
            parts = urlsplit(url)
            is_valid = (
                parts.scheme in ("http", "https")
                and bool(parts.hostname)
                and parts.port != 0
                and not (parts.query or parts.fragment)
            )
        except ValueError:
            # Without the cause, whose words may hold the token.
            raise ValueError(f"{shown!r}: {_RULE}") from None
        if not is_valid:
            raise ValueError(f"{shown!r}: {_RULE} (no query, no fragment)")
        namespace, token = _before_the_at(parts)
        authority = parts.netloc.rpartition("@")[2]
        return cls(parts.scheme, authority, parts.path, namespace, token)


def _before_the_at(parts: SplitResult) -> tuple[str | None, str | None]:
    namespace, token = parts.username, parts.password
    return (
        unquote(namespace) if namespace else None,
        unquote(token) if token else None,
    )


def check_token(token: str) -> None:
    """See that a token can stand in a header.

    Raises:
        ValueError: It cannot; the message does not show it.
    """
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("a token is ASCII without spaces, and not empty")
