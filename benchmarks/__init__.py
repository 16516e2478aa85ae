"""Benchmarks: pyactor and its peers side by side, in one run (docs/performance.md).

No part of the package, and needed by nothing in it. Only ratios within one run mean something.
"""
