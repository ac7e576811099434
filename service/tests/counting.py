"""The work of the service in the test's own process, counted."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nacl.pwhash import argon2id
from sqlalchemy import Delete, Engine, Insert, Select, Update, event


class Work:
    """Stands before libsodium: counts the verifications, and can hold hashing up."""

    def __init__(self) -> None:
        self.verified = 0
        self.held = threading.Event()
        self.held.set()

    def str(self, password: bytes, opslimit: int, memlimit: int) -> bytes:
        assert self.held.wait(timeout=20), "the test forgot to let go"
        return argon2id.str(password, opslimit, memlimit)

    def verify(self, hash_: bytes, password: bytes) -> bool:
        assert self.held.wait(timeout=20), "the test forgot to let go"
        self.verified += 1
        return argon2id.verify(hash_, password)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the first words of the statements, without the savepoints, and the commits."""
    collected: list[str] = []

    def execute(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "SAVEPOINT" not in statement:
            collected.append(" ".join(statement.split()[:3]))

    def commit(_: Any) -> None:
        collected.append("COMMIT")

    event.listen(Engine, "before_cursor_execute", execute)
    event.listen(Engine, "commit", commit)
    yield collected
    event.remove(Engine, "before_cursor_execute", execute)
    event.remove(Engine, "commit", commit)


@contextmanager
def built_statements() -> Iterator[list[str]]:
    """Collect the kinds of the statements that are built, and not constants of a module."""
    collected: list[str] = []
    originals = {kind: kind.__init__ for kind in (Select, Insert, Update, Delete)}

    def counting(kind: type, original: Callable[..., None]) -> Callable[..., None]:
        def build(self: object, *words: Any, **options: Any) -> None:
            collected.append(kind.__name__)
            original(self, *words, **options)

        return build

    for kind, original in originals.items():
        kind.__init__ = counting(kind, original)  # type: ignore[method-assign]
    yield collected
    for kind, original in originals.items():
        kind.__init__ = original  # type: ignore[method-assign]
