"""Which HTTP status an error has."""

from __future__ import annotations

import pytest

from pyactor.errors import ActorRestarting, CallInterrupted, StorageError, UserError
from pyactor.host._answers import Form
from pyactor.runtime import error_to_send


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ActorRestarting("nothing ran: try again"), 503),
        (CallInterrupted("it may have run: do not"), 500),
        (StorageError("the disk is full", code="full"), 503),
        (RuntimeError("secret"), 500),
        (UserError("no"), 400),
    ],
)
def test_the_status_says_whether_to_try_again(error: Exception, status: int) -> None:
    """503 is what proxies and clients send again by themselves."""
    assert Form().error(error_to_send(error)).status == status
