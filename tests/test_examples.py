"""Every example and every Python block of the README runs and prints what it says it prints."""

from __future__ import annotations

import ast
import asyncio
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

# What the source text shows, snippet by snippet, and the example that covers it.
COVERED = {
    "createConnState, onBeforeConnect and params": "chat_room",
    "onBeforeConnect rejects": "authentication",
    "connState: a constant": "constant_conn_state",
    "createConnState: from the params": "created_conn_state",
    "onConnect and onDisconnect": "presence",
    "conns and conn.send": "direct_message",
    "conn.disconnect of another, with a reason": "kick",
    "await conn.disconnect of oneself": "disconnect_self",
}
FURTHER = ["fastapi_room", "reminders"]
"""Examples of what the source text does not show."""


PYTHON = (sys.executable, "-W", "error")
PYACTOR = str(Path(sys.executable).with_name("pyactor"))


def run(*command: str, cwd: Path) -> str:
    """What a command prints, which must succeed without a word on stderr."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def promised(path: Path) -> str:
    """The indented block at the end of an example's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring is not None
    _, found, block = docstring.partition(":\n\n    ")
    assert found, f"the docstring of {path.name} must end with what the example prints"
    return textwrap.dedent("    " + block) + "\n"


def python_blocks(markdown: str) -> dict[str, str]:
    """The Python blocks of a page by the file name in their first line, ``# name.py``."""
    blocks = re.findall(r"^```python\n(# (\w+\.py)\n.*?)^```$", markdown, re.DOTALL | re.MULTILINE)
    assert len(blocks) == markdown.count("```python"), "each block begins with its '# name.py'"
    return {name: block for block, name in blocks}


def printed_comments(block: str) -> list[str]:
    """What a block says it prints, in the order of its ``# prints …`` comments."""
    return re.findall(r"# prints (.*)$", block, re.MULTILINE)


def test_every_snippet_of_the_source_text_has_an_example() -> None:
    assert sorted([*COVERED.values(), *FURTHER]) == [path.stem for path in EXAMPLES]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_prints_what_its_docstring_says(path: Path) -> None:
    assert run(*PYTHON, str(path), cwd=ROOT) == promised(path)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_pyactor_check_accepts_the_example(path: Path) -> None:
    assert run(PYACTOR, "check", str(path), cwd=ROOT)


def test_readme_blocks_run_as_the_readme_says(tmp_path: Path) -> None:
    blocks = python_blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    assert list(blocks) == ["counter.py", "client.py"]
    asyncio.run(serve_and_call(blocks, tmp_path))


async def serve_and_call(blocks: dict[str, str], folder: Path) -> None:
    """Serve ``counter.py`` with the command of the README, and run ``client.py`` against it."""
    for name, block in blocks.items():
        (folder / name).write_text(block, encoding="utf-8")
    command = (PYACTOR, "serve", "counter.py", "--port", "0")
    server = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        url = None
        while url is None:
            line = await server.stdout.readline()
            assert line, "the server ended without printing its URL"
            url = re.search(r"http://[\d.]+:\d+", line.decode())
        client = blocks["client.py"].replace("http://127.0.0.1:6420", url.group())
        (folder / "client.py").write_text(client, encoding="utf-8")
        output = await asyncio.to_thread(run, *PYTHON, "client.py", cwd=folder)
        assert output.splitlines() == printed_comments(client)
    finally:
        if server.returncode is None:
            server.terminate()
        assert await server.wait() == 0
