"""The process of an engine's stand-ins: `python -m standins.serving ENGINE`, a socket at stdin.

A caller connects to the socket, sends a name, and gets the port at which that plugin answers.
The process ends with its last connection.
"""

import contextlib
import importlib
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from components import no_collection  # noqa: F401 - before the other imports
from standins import light_imports

_FIRST_SECONDS = 60  # until the first connection, which is made at once
_SWITCH_SECONDS = 0.001
_NICENESS = -10  # only root may


class Serving:
    """The plugins of an engine: each caller gets a plugin with its own configuration."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._servers: list[Any] = []  # gRPC servers, each served while it is referred to
        self._one_at_a_time = threading.Lock()

    def port(self, name: str) -> int:
        """Return the port of another plugin; raise ModuleNotFoundError for an unknown name."""
        from standins import provider  # noqa: PLC0415 - packages are left out by now

        with self._one_at_a_time:
            module = importlib.import_module(f"standins.{name}")
            server, port = provider.start(module.PLUGIN, self._engine)
            self._servers.append(server)
            return port


class Callers:
    """The open connections."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._open = 0
        self._changed = threading.Condition()

    def accept(self, listening: socket.socket) -> None:
        """Answer the callers, until the last of them is gone."""
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: self._open, timeout=_FIRST_SECONDS)
            self._changed.wait_for(lambda: not self._open)

    def _accept(self, listening: socket.socket) -> None:
        while True:
            connection, _ = listening.accept()
            self._count(1)
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rw") as stream:
                name = stream.readline().strip()
                stream.write(f"{self._serving.port(name)}\n")
                stream.flush()
                stream.read()  # to the end of the connection
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._changed:
            self._open += change
            self._changed.notify_all()


def _answer_soon() -> None:
    """Get to the CPU before others: a plugin that is slow to answer is taken for dead.

    When the engine ends a plugin, it asks for its health and waits for half a second. Later it
    says that the plugin "exited prematurely", and the run has failed. On a busy machine the
    interpreter needs longer, above all while another of its threads imports a large package.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    with contextlib.suppress(PermissionError):
        os.nice(_NICENESS)


def main() -> None:
    _answer_soon()
    light_imports.leave_out_contents(*light_imports.EMPTY)
    listening = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    path = Path(listening.getsockname())
    Callers(Serving(sys.argv[1])).accept(listening)
    path.unlink(missing_ok=True)
    # a worker that waits for a server would hold the process to the end of that
    os._exit(0)


if __name__ == "__main__":
    main()
