"""The context of an operation of a stand-in, whose messages for the user are collected."""

import threading
from collections.abc import Mapping
from typing import Any

from standins.resource import Context


def context(said: list[str] | None = None, config: Mapping[str, Any] | None = None) -> Context:
    """Make a context whose log goes to `said`."""

    def log(text: str, *, passing: bool = False) -> None:
        del passing
        if said is not None:
            said.append(text)

    return Context(urn="", log=log, config=config or {}, cancelled=threading.Event())
