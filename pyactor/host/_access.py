"""Who may use a host: its token, its namespace, and the origins of pages (wire-protocol.md).

Decides only. Where a request carries its token and namespace is routing's knowledge.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable

from attrs import field, frozen

from ..errors import Forbidden, NamespaceNotFound, Unauthorised

DEFAULT_NAMESPACE = "default"
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s]+")


def checked_token(token: str | None) -> str | None:
    """The token, if it protects anything.

    Raises:
        ValueError: It is empty.
    """
    if token is not None and not token.strip():
        raise ValueError("an empty token protects nothing: leave it out, or give one")
    return token


def checked_origins(origins: Iterable[str] | None) -> frozenset[str] | None:
    """The origins, as browsers send them.

    Raises:
        TypeError: It is one str, not several.
        ValueError: One is no origin.
    """
    if origins is None:
        return None
    if isinstance(origins, str):
        raise TypeError(f"allowed_origins is one str: write allowed_origins=[{origins!r}]")
    listed = frozenset(origins)
    for origin in sorted(listed):
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin!r} is no origin: a browser sends scheme://host[:port], without a path"
            )
    return listed


@frozen
class Access:
    """The rules of one host.

    Attributes:
        token: What every request but OPTIONS, ``/metadata`` and ``/health`` must carry, or None.
        namespace: The one namespace that the host serves, or None for whatever is asked for.
        allowed_origins: The origins whose pages may use the host, or None for every origin.
    """

    token: str | None = field(default=None, repr=False, converter=checked_token)
    namespace: str | None = DEFAULT_NAMESPACE
    allowed_origins: frozenset[str] | None = field(default=None, converter=checked_origins)

    def check(self, token: str | None, namespace: str | None) -> None:
        """Refuse a request that may not come in.

        Args:
            token: What it carries, or None.
            namespace: The one it names, or None where it names none.

        Raises:
            Unauthorised: The token is missing or wrong.
            NamespaceNotFound: The host serves another namespace.
        """
        if self.token is not None:
            if token is None:
                raise Unauthorised("this host wants a token: Client(url, token=…)")
            # In constant time, so that nobody learns the token from how long a refusal takes.
            if not hmac.compare_digest(token.encode(), self.token.encode()):
                raise Unauthorised("the token is not this host's")
        if namespace is not None and self.namespace not in (None, namespace):
            raise NamespaceNotFound(
                f"there is no namespace {namespace!r:.80}; this host serves {self.namespace!r}: "
                "name that one, or serve another with Host(namespace=…) or --namespace"
            )

    def check_origin(self, origin: str | None) -> None:
        """Refuse a page of an origin that is not on the list; no Origin means no browser.

        Raises:
            Forbidden: It is not.
        """
        if not self.allows(origin):
            raise Forbidden(
                f"pages of {origin!r:.80} may not use this host: allow them with "
                "Host(allowed_origins=[…]) or --allow-origin"
            )

    def allows(self, origin: str | None) -> bool:
        """Whether pages of that origin may use the host."""
        return origin is None or self.allowed_origins is None or origin in self.allowed_origins


INSIDE = Access(namespace=None)
"""For what comes from the host's own actors."""
