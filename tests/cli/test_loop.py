"""The event loop of `pyactor serve`: uvloop's where there is one."""

from __future__ import annotations

import asyncio
import sys
from unittest.mock import patch

import pytest

from pyactor.cli._loop import loop_factory


def test_uvloop_is_used_where_it_is_installed() -> None:
    uvloop = pytest.importorskip("uvloop", reason="the extra `fast` is not installed")
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert isinstance(runner.get_loop(), uvloop.Loop)


def test_the_standard_loop_is_used_without() -> None:
    with patch.dict(sys.modules, {"uvloop": None}):
        assert loop_factory() is None
