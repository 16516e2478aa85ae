"""The stub annotates as the package does: stubtest compares names and shapes only."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeAlias

from typing_extensions import override

import pyactor

STUB = Path(__file__).parents[2] / "stubs/pyactor/__init__.pyi"

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"

# What the stub spells otherwise: in which class, the package's name and the stub's words.
SPELLED: dict[str, dict[str, str]] = {
    "ActorStatus": {
        "Status": "Literal['starting', 'running', 'stopping', 'sleeping', 'crashed']",
    },
    "ActorType": {"P": "Params", "I": "Input"},
    "Client": {"Application": "Host", "Encoding": "Literal['json', 'cbor', 'bare']"},
    "ClientOptions": {"Reconnect": "Literal['unless_disconnected', 'always', 'never']"},
    "Connection": {"Status": "ConnectionStatus", "WhenFull": "Literal['drop_oldest', 'fail']"},
    "Response": {"Headers": "Mapping[str, str | Sequence[str]]"},
}


class _Plain(ast.NodeTransformer):
    """Names without modules, leading underscores and quotes, and as the stub spells them."""

    def __init__(self, spelled: dict[str, str]) -> None:
        self._spelled = spelled

    @override
    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self.visit_Name(ast.Name(node.attr))

    @override
    def visit_Name(self, node: ast.Name) -> ast.AST:
        name = node.id.lstrip("_")
        return _parsed(self._spelled.get(name, name))

    @override
    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if ast.unparse(node.value).endswith("Literal"):  # what is quoted in it is no type
            return node
        return self.generic_visit(node)

    @override
    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return self.visit(_parsed(node.value)) if isinstance(node.value, str) else node


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _plain(annotation: ast.expr | None, spelled: dict[str, str]) -> str:
    if annotation is None:
        return ""
    return ast.unparse(_Plain(spelled).visit(_parsed(ast.unparse(annotation))))


def _signature(function: Function, spelled: dict[str, str]) -> tuple[str, ...]:
    taken = function.args
    rest = [each for each in (taken.vararg, taken.kwarg) if each is not None]
    parameters = [*taken.posonlyargs, *taken.args, *taken.kwonlyargs, *rest]
    returns = _plain(function.returns, spelled)
    yields = any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(function))
    if isinstance(function, ast.AsyncFunctionDef) and not yields:
        returns = f"async {returns}"
    annotations = [
        f"{each.arg}: {_plain(each.annotation, spelled)}"
        for each in parameters
        if each.arg not in ("self", "cls")
    ]
    return (*annotations, returns)


def _said(body: list[ast.stmt], spelled: dict[str, str]) -> dict[str, list[object]]:
    """What is annotated, by name: of overloads each, but not what carries them out."""
    said: dict[str, list[object]] = {}
    overloaded: set[str] = set()
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            is_overload = any("overload" in ast.unparse(each) for each in node.decorator_list)
            if is_overload:
                overloaded.add(node.name)
            if is_overload or node.name not in overloaded:
                said.setdefault(node.name, []).append(_signature(node, spelled))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            said[node.target.id] = [_plain(node.annotation, spelled)]
    return said


@cache
def _module(name: str) -> list[ast.stmt]:
    file = importlib.import_module(name).__file__
    assert file is not None
    return ast.parse(Path(file).read_text(encoding="utf-8")).body


def _pairs() -> Iterator[tuple[str, object, object]]:
    """Each name that both annotate: where it stands, in the stub and in the package."""
    stub = ast.parse(STUB.read_text(encoding="utf-8")).body
    functions = _said(stub, {})
    for name in pyactor.__all__:
        thing = getattr(pyactor, name)
        module = _module(thing.__module__) if hasattr(thing, "__module__") else []
        if name in functions and name in (there := _said(module, {})):
            yield name, functions[name], there[name]
        classes = [
            [node.body for node in body if isinstance(node, ast.ClassDef) and node.name == name]
            for body in (stub, module)
        ]
        if all(classes):
            [ours], [theirs] = classes
            spelled = SPELLED.get(name, {})
            here, there = _said(ours, {}), _said(theirs, spelled)
            for member in here.keys() & there.keys():
                yield f"{name}.{member}", here[member], there[member]


def test_the_stub_annotates_as_the_package_does() -> None:
    pairs = list(_pairs())
    assert len(pairs) > 200
    assert {where: (stub, package) for where, stub, package in pairs if stub != package} == {}
