"""Cross-origin requests (wire-protocol.md, "Browsers"): every origin is echoed."""

from __future__ import annotations

from ..wire.http import HttpRequest, HttpResponse


def cors_headers(request: HttpRequest) -> dict[str, str]:
    """What lets a page of another origin read the answer; nothing without an Origin."""
    origin = request.headers.get("origin")
    if origin is None:
        return {}
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "*",
        "vary": "origin",
    }


def preflight(request: HttpRequest) -> HttpResponse:
    """The answer to OPTIONS."""
    return HttpResponse(
        204,
        {
            **cors_headers(request),
            "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS, PATCH",
            "access-control-allow-headers": request.headers.get(
                "access-control-request-headers", "*"
            ),
            "access-control-max-age": "86400",
        },
    )
