"""Be a plugin of the engine: `python -m standins NAME ENGINE`, with the engine's address.

The engine starts the plugins one after another and waits for each. So they share a process,
`standins.serving`, which the first of them starts; this one asks it for the plugin's port, and
stays for as long as the engine wants the plugin. It imports next to nothing: 0.05 s instead of
0.3 s for the second and the third plugin.
"""

import fcntl
import os
import select
import signal
import socket
import sys
import tempfile
from pathlib import Path

_PATIENCE_SECONDS = 60  # on a busy machine; the engine itself waits for a port without end


def main() -> None:
    name, engine = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""  # noqa: PLR2004
    parent = os.getppid()
    connection = _connect(f"{parent}-{engine.rpartition(':')[2]}", engine)
    connection.settimeout(_PATIENCE_SECONDS)
    connection.sendall(f"{name}\n".encode())
    port = connection.makefile().readline().strip()
    if not port:
        raise SystemExit(f"the stand-in for the {name} plugin did not start: {_log()} has why")
    # The engine ends its plugins by SIGINT, and by force five seconds later. Ctrl-C reaches the
    # engine alone: each plugin has a process group of its own.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    print(port, flush=True)
    # if the engine is gone, however it went, nobody else ends this process
    while not select.select([connection], [], [], 1)[0]:
        if os.getppid() != parent:
            return
    raise SystemExit(f"the stand-ins' process ended: {_log()} has why")


def _connect(key: str, engine: str) -> socket.socket:
    """Return a connection to the engine's process of stand-ins, which the first caller starts."""
    path = _folder() / key
    with (_folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
        except OSError:  # nobody started it, or it was killed
            path.unlink(missing_ok=True)
            _start(path, engine)
            connection.connect(str(path))
    return connection


def _start(path: Path, engine: str) -> None:
    """Start the process, with the socket at its stdin: it can be connected to at once."""
    import subprocess  # noqa: PLC0415 - for the first plugin alone

    with socket.socket(socket.AF_UNIX) as listening, _log().open("ab") as log:
        listening.bind(str(path))
        listening.listen()
        subprocess.Popen(  # it outlives this process, as long as another plugin needs it
            [sys.executable, "-m", "standins.serving", engine],
            stdin=listening.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=log,  # the engine would wait for the end of a stream of its own
            start_new_session=True,
        )


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"auth-standins-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise SystemExit(f"{folder} belongs to somebody else; remove it, or set TMPDIR")
    return folder


def _log() -> Path:
    return _folder() / "log"


if __name__ == "__main__":
    main()
