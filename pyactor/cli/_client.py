"""``pyactor call`` and ``pyactor tail``: their arguments and options, read and checked."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable
from typing import Any, TypeVar

import click
from typing_extensions import override

from ..errors import DecodeError
from ..plain import Plain
from ..wire.codecs import CODECS
from ..wire.json import decode_plain, decode_untagged
from ..wire.keys import parse_key
from ._remote import Remote

_F = TypeVar("_F", bound=Callable[..., Any])
# A negative number is an argument, not an option that nobody knows.
_SETTINGS = {"ignore_unknown_options": True}


class _Json(click.ParamType[Plain]):
    """JSON, and nothing but JSON: a word that is one by chance would change its meaning."""

    name = "json"

    def __init__(self, *, tagged: bool) -> None:
        self._decode = decode_plain if tagged else decode_untagged

    @override
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Plain:
        try:
            return self._decode(value)
        except DecodeError as error:
            if value.startswith("--"):
                raise click.NoSuchOption(value, ctx=ctx) from None
            quoted = shlex.quote(json.dumps(value, ensure_ascii=False))
            self.fail(f"{value!r}: {error}; a string is written {quoted}", param, ctx)


class _Key(click.ParamType["tuple[str, ...]"]):
    """A key as the control API writes it."""

    name = "key"

    @override
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        try:
            return parse_key(value)
        except DecodeError as error:
            self.fail(f"{error}; the key without parts is '/'", param, ctx)


def _client_options(command: _F) -> _F:
    """What both commands take, in the order of their help."""
    for decorate in reversed(
        [
            click.argument("url"),
            click.argument("actor"),
            click.argument("key", type=_Key()),
            click.option(
                "--params",
                type=_Json(tagged=False),
                metavar="JSON",
                help="What the connection brings, for the actor's Params.",
            ),
            click.option("--create", is_flag=True, help="Make the actor if there is none."),
            click.option(
                "--input",
                type=_Json(tagged=True),
                metavar="JSON",
                help="What a new actor gets, for its Input; with --create.",
            ),
            click.option(
                "--token",
                envvar="PYACTOR_TOKEN",
                show_envvar=True,
                help="What the host wants to see. In the variable it is in no list of processes.",
            ),
            click.option("--namespace", help="Where the actor lives.  [default: default]"),
            click.option(
                "--encoding",
                type=click.Choice(list(CODECS)),
                default="json",
                show_default=True,
                help="Of what is sent; no difference is seen.",
            ),
            click.option(
                "--json", "as_json", is_flag=True, help="Print JSON lines on a terminal too."
            ),
        ]
    ):
        command = decorate(command)
    return command


def _finite(_context: click.Context, _option: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of seconds")
    return value


def _timeout_option(default: float, text: str) -> Callable[[_F], _F]:
    return click.option(
        "--timeout",
        default=default,
        show_default=True,
        type=click.FloatRange(min=0, min_open=True),
        callback=_finite,
        help=text,
    )


@click.command(context_settings=_SETTINGS)
@_client_options
@click.argument("action")
@click.argument("arguments", metavar="[JSON]...", nargs=-1, type=_Json(tagged=True))
@_timeout_option(65.0, "Seconds to wait for the answer.")
def call(
    *, action: str, arguments: tuple[Plain, ...], timeout: float, as_json: bool, **where: Any
) -> None:
    r"""Call an action of one actor, and print its result.

    KEY is the parts of the key with / between them. Within a part, \ stands before / and \; an
    empty part is \0, and the key without parts is a lone /.

    Each JSON is one argument, and always JSON: 5, true, '"text"', '{"x": 1}'. Arguments that the
    action takes by keyword only are one object behind the others.

    The result is one line of JSON, or, on a terminal, easier to read. The exit code is 0; 1 if the
    actor or its host answers with an error; 2 if the command is wrong; 3 if no answer comes.

    \b
    Example:
      pyactor call http://127.0.0.1:6420 chatRoom general post '"hello"'
    """
    from ._call import call_action

    click.get_current_context().exit(
        call_action(_remote(**where), action, list(arguments), timeout=timeout, as_json=as_json)
    )


@click.command(context_settings=_SETTINGS)
@_client_options
@click.argument("events", metavar="[EVENT]...", nargs=-1)
@click.option("--count", "-n", type=click.IntRange(min=1), help="End after so many events.")
@_timeout_option(30.0, "Seconds to try to connect at first; later it tries for ever.")
def tail(
    *,
    events: tuple[str, ...],
    count: int | None,
    timeout: float,
    as_json: bool,
    **where: Any,
) -> None:
    r"""Watch a connection to one actor: its events as they come, until Ctrl-C.

    KEY is the parts of the key with / between them. Within a part, \ stands before / and \; an
    empty part is \0, and the key without parts is a lone /.

    It subscribes to each EVENT. Without one it shows what the actor sends to this connection
    alone, which needs no subscription. Once it says "connected as" it is subscribed. A connection
    that is lost comes back by itself; what happens meanwhile is not seen.

    Events are printed to standard output: one JSON object a line, or, on a terminal, easier to
    read. What becomes of the connection goes to standard error. The exit code is 0 after Ctrl-C
    and --count; 1 if the actor or its host ends it; 2 if the command is wrong; 3 if no host
    answers.

    \b
    Example:
      pyactor tail http://127.0.0.1:6420 chatRoom general messagePosted userLeft
    """
    from ._tail import tail_events

    click.get_current_context().exit(
        tail_events(_remote(**where), events, count=count, timeout=timeout, as_json=as_json)
    )


def _remote(**named: Any) -> Remote:
    if named["input"] is not None and not named["create"]:
        raise click.UsageError("--input is for a new actor: add --create")
    return Remote(**named)
