"""Cross-origin requests (wire-protocol.md, "Browsers"): the origin is echoed if it is allowed."""

from __future__ import annotations

from ..wire.http import HttpRequest, HttpResponse
from ._access import Access


def cors_headers(request: HttpRequest, access: Access) -> dict[str, str]:
    """What lets a page of another origin read the answer; nothing where it may not."""
    origin = request.headers.get("origin")
    if origin is None:
        return {}
    if not access.allows(origin):
        return {"vary": "origin"}
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "*",
        "vary": "origin",
    }


def preflight(request: HttpRequest, access: Access) -> HttpResponse:
    """The answer to OPTIONS; without the CORS headers the browser asks no further."""
    headers = cors_headers(request, access)
    if "access-control-allow-origin" in headers:
        headers |= {
            "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS, PATCH",
            "access-control-allow-headers": request.headers.get(
                "access-control-request-headers", "*"
            ),
            "access-control-max-age": "86400",
        }
    return HttpResponse(204, headers)
