"""What one side encodes, the other decodes: every message, encoding, version and plain value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyactor.plain import UNDEFINED
from pyactor.wire.codecs import CODECS, Codec
from pyactor.wire.messages import (
    ActionRequest,
    ActionResponse,
    ActorIdentity,
    Error,
    Event,
    ExtendedInit,
    Init,
    NumberedEvent,
    Position,
    Subscribed,
    SubscribeRequest,
    SubscriptionRequest,
)
from pyactor.wire.queue import QueueResult, QueueSend

FORMS = [(CODECS["json"], 0), (CODECS["cbor"], 0), *((CODECS["bare"], n) for n in (1, 2, 3, 4))]
forms = pytest.mark.parametrize(
    ("codec", "version"), FORMS, ids=lambda form: getattr(form, "name", form)
)
queue_forms = pytest.mark.parametrize(
    ("codec", "version"),
    [form for form in FORMS if form[1] not in {1, 2}],
    ids=lambda form: getattr(form, "name", form),
)

uints = st.integers(0, 2**64 - 1)
texts = st.text()
# Short ones that begin with $ are the ones that may be taken for a tag.
words = texts | st.sampled_from(["$", "$$", "$Set", "$BigInt", "$Undefined", "$Uint8Array"])
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, 2**32, -(2**32) - 1, 2**53 - 1, 2**53, -(2**53), 2**64, -(2**70)])
    | st.floats(allow_nan=False, allow_infinity=False)
    | words
    | st.binary(max_size=20)
)
set_items = st.recursive(
    leaves | st.just(UNDEFINED),
    lambda items: st.tuples(items, items) | st.frozensets(items, max_size=3),
    max_leaves=5,
)
plain = st.recursive(
    leaves | st.sets(set_items, max_size=3),
    lambda values: (
        st.lists(values | st.just(UNDEFINED), max_size=4)
        | st.tuples(words, values).map(list)
        | st.dictionaries(words, values, max_size=4)
    ),
    max_leaves=15,
)
lists = st.lists(plain | st.just(UNDEFINED), max_size=3)
actors = st.none() | st.builds(ActorIdentity, texts, uints, st.none() | texts)
errors = st.builds(Error, texts, texts, texts, plain, st.none() | uints, actors)
positions = st.none() | st.builds(Position, texts, uints)
to_client = (
    st.builds(Init, texts, texts)
    | st.builds(ExtendedInit, texts, texts, uints)
    | st.builds(NumberedEvent, words, lists, uints)
    | st.builds(Subscribed, uints, positions)
    | errors
    | st.builds(ActionResponse, uints, plain)
    | st.builds(Event, words, lists)
)
to_server = (
    st.builds(ActionRequest, uints, words, lists)
    | st.builds(SubscriptionRequest, texts, st.booleans())
    | st.builds(SubscribeRequest, uints, texts, positions)
)


def without(error: Error, version: int, *, action_id: int | None) -> Error:
    """The error as a body or an older version can hold it."""
    actor = None if version in {1, 2, 3} else error.actor
    return Error(error.group, error.code, error.message, error.metadata, action_id, actor)


@forms
@given(message=to_client)
def test_to_client(codec: Codec, version: int, message: Any) -> None:
    data = codec.encode_to_client(message, version)
    assert isinstance(data, str) == codec.is_text
    assert codec.version_of(data) == version
    if isinstance(message, Error):
        message = without(message, version, action_id=message.action_id)
    assert codec.decode_to_client(data) == message


@forms
@given(message=to_server)
def test_to_server(codec: Codec, version: int, message: Any) -> None:
    data = codec.encode_to_server(message, version)
    assert isinstance(data, str) == codec.is_text
    assert codec.version_of(data) == version
    assert codec.decode_to_server(data) == message


@forms
@given(args=lists, output=plain, error=errors)
def test_action_bodies(codec: Codec, version: int, args: Any, output: Any, error: Error) -> None:
    request = codec.encode_action_request(args, version)
    assert codec.version_of(request) == version
    assert codec.decode_action_request(request) == args
    assert codec.decode_action_response(codec.encode_action_response(output, version)) == output
    expected = without(error, version, action_id=None)
    assert codec.decode_error(codec.encode_error(error, version)) == expected


@queue_forms
@given(
    request=st.builds(QueueSend, plain, st.none() | texts, st.booleans(), st.none() | uints),
    result=st.builds(
        QueueResult, st.sampled_from(["completed", "timedOut"]), plain | st.just(UNDEFINED)
    ),
)
def test_queue_bodies(codec: Codec, version: int, request: QueueSend, result: QueueResult) -> None:
    assert codec.decode_queue_request(codec.encode_queue_request(request, version)) == request
    assert codec.decode_queue_response(codec.encode_queue_response(result, version)) == result


@pytest.mark.parametrize("name", ["cbor", "bare"])
@given(
    # Beyond 285 years a float of seconds is no longer exact to the microsecond.
    seconds=st.floats(-5e9, 5e9),
    infinity=st.sampled_from([float("inf"), float("-inf")]),
)
def test_what_json_has_no_form_for(name: str, seconds: float, infinity: float) -> None:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    codec = CODECS[name]
    request = ActionRequest(1, "f", [when, {when}, infinity])
    assert codec.decode_to_server(codec.encode_to_server(request, 4)) == request
    event = Event("e", [when, infinity])
    assert codec.decode_to_client(codec.encode_to_client(event, 4)) == event
