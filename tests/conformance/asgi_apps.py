"""The same actors as ASGI apps: alone, and below a FastAPI app; for uvicorn and hypercorn.

``CONFORMANCE`` in the environment is JSON: where the data are, and who may come in.
"""

from __future__ import annotations

import json
import os

from fastapi import FastAPI

import pyactor.asgi
from pyactor import SqliteStorage

from .actors import registry

_setting = json.loads(os.environ["CONFORMANCE"])
_access = _setting["access"]

alone = pyactor.asgi.app(
    registry,
    storage=lambda: SqliteStorage(_setting["data"]),
    token=_access.get("token"),
    namespace=_access.get("namespace", "default"),
    allowed_origins=[_access["origin"]] if "origin" in _access else None,
)

mounted = FastAPI(lifespan=alone.lifespan)
mounted.mount("/live", alone)
