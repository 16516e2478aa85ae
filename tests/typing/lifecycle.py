"""``lifecycle_test`` and ``replay``: invariants take the actor of the class that is tested."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import assert_type

import hypothesis.strategies as st
from good import ChatRoom, Counter, JoinParams, Message
from hypothesis import settings

from pyactor.testing import Faults, WorldConn, lifecycle_test, replay


def quiet(room: ChatRoom) -> bool:
    return not room.state.messages


def is_small(counter: Counter) -> None:
    assert counter.key


def saw_little(conn: WorldConn) -> bool:
    return len(conn.events) < 9


TestChatRoom = lifecycle_test(ChatRoom)
assert_type(TestChatRoom, type[unittest.TestCase])
lifecycle_test(
    ChatRoom,
    params=[JoinParams("x")],
    arguments={"text": st.text(), int: [1, 2], "post.loud": [True]},
    invariants=[quiet, lambda room: len(room.conns) < 9],
    client_invariants=[saw_little, lambda conn: conn.ended is None],
    faults=Faults(late_awaits=2),
    settings=settings(max_examples=9),
    others=[Counter],
    storage="sqlite",
    examples=["run.json", Path("other.json")],
    save_to="runs",
)
lifecycle_test(Counter, input=st.integers(0, 9), invariants=[is_small])
replay("run.json", ChatRoom, invariants=[quiet])

lifecycle_test(ChatRoom, invariants=[is_small])  # mypy: list-item pyright: reportArgumentType
lifecycle_test(ChatRoom, client_invariants=[quiet])  # mypy: list-item pyright: reportArgumentType
lifecycle_test(ChatRoom, arguments=["text"])  # mypy: arg-type pyright: reportArgumentType
lifecycle_test(ChatRoom, faults=3)  # mypy: arg-type pyright: reportArgumentType
lifecycle_test(ChatRoom, storage="disk")  # mypy: arg-type pyright: reportArgumentType
lifecycle_test(ChatRoom, examples=[3])  # mypy: list-item pyright: reportArgumentType
lifecycle_test(Message)  # mypy: type-var pyright: reportArgumentType
lifecycle_test()  # mypy: call-arg pyright: reportCallIssue
