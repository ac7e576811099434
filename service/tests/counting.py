"""The work of the service in the test's own process, counted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Delete, Engine, Insert, Select, Update, event


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
