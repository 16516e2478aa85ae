"""Who may use a host: its token, its namespace, and the origins of pages (wire-protocol.md).

Decides only. Where a request carries its token and namespace is routing's knowledge.
"""

from __future__ import annotations

import hmac

from attrs import field, frozen

from ..errors import Forbidden, NamespaceNotFound, Unauthorised

DEFAULT_NAMESPACE = "default"


@frozen
class Access:
    """The rules of one host.

    Attributes:
        token: What every request but OPTIONS, ``/metadata`` and ``/health`` must carry, or None.
        namespace: The one namespace that the host serves, or None for whatever is asked for.
        allowed_origins: The origins whose pages may use the host, or None for every origin.
    """

    token: str | None = field(default=None, repr=False)
    namespace: str | None = DEFAULT_NAMESPACE
    allowed_origins: frozenset[str] | None = None

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
                f"there is no namespace {namespace!r:.80}; this host serves {self.namespace!r}"
            )

    def check_origin(self, origin: str | None) -> None:
        """Refuse a page of an origin that is not on the list; no Origin means no browser.

        Raises:
            Forbidden: It is not.
        """
        if not self.allows(origin):
            raise Forbidden(f"pages of {origin!r:.80} may not use this host")

    def allows(self, origin: str | None) -> bool:
        """Whether pages of that origin may use the host."""
        return origin is None or self.allowed_origins is None or origin in self.allowed_origins


INSIDE = Access(namespace=None)
"""For what comes from the host's own actors."""
