"""``python -m pyactor.cli``: the same as the command ``pyactor``."""

from __future__ import annotations

from ._main import main

main(prog_name="pyactor")
