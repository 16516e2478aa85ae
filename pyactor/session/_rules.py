"""The rules of the two lifecycles in words, by number, for documentation and for reports.

Code and tests cite the numbers. The tables decide; a rule says what they, and the run time around
them, are meant to guarantee.
"""

from __future__ import annotations

from collections.abc import Mapping

RULES: Mapping[str, str] = {
    "C1": (
        "Order. For one connection: `on_before_connect`, `create_conn_state`, `on_connect`,"
        " actions, `on_disconnect`. Each hook runs at most once, and none overlaps another of"
        " these."
    ),
    "C2": (
        "Rejection. A hook that raises or times out ends the attempt: no later hook runs, the"
        " client gets the error (C8), and the actor and its other connections are untouched."
    ),
    "C3": (
        "Visibility. A connection is not in `conns` before `create_conn_state` returned; it is in"
        " `conns` while `on_connect` runs; it is already removed, with its subscriptions, when"
        " `on_disconnect` runs. `conn.state` stays readable there."
    ),
    "C4": (
        "Exactly once. `on_disconnect` runs exactly once if `on_connect` returned, and never"
        " otherwise; never while its own `on_connect` runs."
    ),
    "C5": (
        "Messages. None of a connection's messages is dispatched before `on_connect` returned"
        " (they are held, in order, bounded), and none after it left `conns`. Where the class"
        " defines `can_subscribe`, a new subscription waits for its verdict, and the connection's"
        " later messages are held in the same way meanwhile, so that an action sent after a"
        " subscription finds it in effect. A refusal is told to the client (C8) and ends nothing."
    ),
    "C6": (
        "First in, first out. Actions of one connection start in the order they arrived, each"
        " after the verdicts on the subscriptions sent before it, and interleave at awaits. An"
        " action in flight survives a disconnect, as a running `can_subscribe` does; over a"
        " websocket its answer, or verdict, is dropped."
    ),
    "C7": (
        "Ended while connecting. An end that arrives in PREFLIGHT or OPENING is remembered; the"
        " first cause wins. The running hook is not cancelled, and the phase does not change"
        " until it has finished. PREFLIGHT then goes to REJECTED without a further hook; OPENING"
        " goes to CLOSING if `on_connect` returned, to REJECTED if it raised. `Init` is never"
        " sent; held messages are dropped."
    ),
    "C8": (
        "Errors. Only a `UserError`, or another error marked public, reaches a client with its"
        " message and metadata. Anything else is logged in full and becomes `internal_error`, or,"
        " where the storage failed, `storage.code` with no more than that."
    ),
    "C9": (
        "Disconnect. `conn.disconnect(reason)` begins at once, also when it is not awaited."
        " Repeated calls share one result, and the first reason wins; the close code is 1000. The"
        " close frame goes out as CLOSING begins, beside `on_disconnect`; a peer that does not"
        " answer it within `close_timeout` is aborted. The awaitable ends once `on_disconnect`"
        " and the deferred callbacks ran and the transport is closed. It never raises, cancelling"
        " one waiter cancels nothing else, and an await that would wait for itself returns once"
        " closing has begun."
    ),
    "C10": (
        "Deferred. What was deferred runs last in, first out, once the connection is gone,"
        " whatever ended it: also after a failed preflight hook or a timed-out `on_connect`. What"
        " it is too late for, as its actor has left memory behind code that ignored its"
        " cancellation, is logged instead."
    ),
    "C11": (
        "Timeouts. Each hook has its own. At the timeout its task is cancelled and life goes on"
        " at once; what it returns or raises later is logged and dropped. It counts as failed:"
        " `actor.callback_timed_out`. A hook that is not async cannot be timed out; it is logged"
        " when it is slow. The same holds for actions (`action.timed_out`, nothing is rolled"
        " back)."
    ),
    "C12": (
        "Isolation. An exception in `on_disconnect` or in a deferred callback is logged and stops"
        " nothing else."
    ),
    "C13": (
        "Sends. `conn.send` always sends to that connection, subscribed or not, also in"
        " `on_connect` (then before `Init`); `broadcast` reaches subscribers only. Events of one"
        " connection arrive in the order sent, and two broadcasts of an actor reach all in the"
        " same order. After the connection left `conns`, `send` does nothing. The last"
        " broadcasts of an `Event[T](replay=n)` are kept for one life of the actor: a client of"
        " the extension that names the last one it knows gets, as its subscription takes effect"
        " and before any later one, those that it missed, in order, without hole or repeat; or"
        " the latest of them, where not all are kept or fit, and it knows that some are missing."
        " What `conn.send` sent is not replayed."
    ),
    "C14": (
        "Stateless. An HTTP action, a raw HTTP request and a message to a queue run this same life,"
        " each with a connection of its own. Its transport counts as closed once `on_disconnect`"
        " ran; after a `disconnect` the answer or error is still the HTTP response. A raw websocket"
        " lives it too: `on_web_socket` runs after `on_connect` and survives a disconnect as an"
        " action does (C6). `conn.send` reaches none of them."
    ),
    "C15": (
        "Shutdown. On sleep, destroy and host shutdown every connection ends within the grace"
        " period: close 1001 `ws.going_away`."
    ),
    "C16": (
        "Slow consumer. What waits to be written to one connection is bounded; past the bound that"
        " connection is closed (1011 `message.outgoing_backlog`), and nobody else waits. Held"
        " messages past their bound: 1011 `message.incoming_backlog`; a raw websocket's peer has to"
        " wait instead, also while the hook does not receive."
    ),
    "A1": (
        "One instance. At most one live instance per name and key; concurrent first requests"
        " share one start."
    ),
    "A2": (
        "Creation. `create_state`, `on_create`, the schedules it set and the input are committed"
        " together, before `on_wake` and before the first answer. Until that commit a retry runs"
        " both again; after it, neither."
    ),
    "A3": (
        "Idle. An actor sleeps after `sleep_timeout` with no connection (but hibernatable ones),"
        " no call in flight, no `run` (unless it waits on a queue) and no `keep_awake`. Any"
        " activity resets it."
    ),
    "A4": (
        "Durability. What was in the state when `save_state(immediate=True)` was awaited survives"
        " `kill -9`; otherwise at most `state_save_interval` of work is lost. A snapshot is the"
        " whole state at one instant, never torn; it may hold the finished part of an action that"
        " stands at an `await`. An exception never rolls state back. Sleep, destroy and orderly"
        " shutdown lose nothing."
    ),
    "A5": (
        "Schedule. A due action runs at least once, also after sleep, restart and crash, and wakes"
        " the actor; never before its time."
    ),
    "A6": (
        "Destroyed. Later calls get `actor.not_found`; the key may be created anew, with a new id."
    ),
    "A7": (
        "State change. Only a class that defines `on_state_change` is snapshotted before each"
        " answer: the hook runs once for each changed snapshot, and reading never triggers it. A"
        " change made inside it fails that call with `actor.state_mutation_reentrant`; the change"
        " stays and is not reported again."
    ),
}
"""Each rule by its number: C for a connection, A for an actor. Code names stand in backticks."""
