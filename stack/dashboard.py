"""`make dashboard`: a tunnel to the metrics store on the server, as long as the command runs."""

import contextlib
import socket
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

from components import advice
from host.auth_release.metrics_store import PORT
from stack import ssh
from stack.configuration import in_file
from stack.errors import StackError
from stack.names import LOCAL, is_local
from stack.stack import Stack

if TYPE_CHECKING:
    import subprocess

_KEY = "auth:dashboard"
_START_SECONDS = 30
# A proxy that the environment names is for the world, never for this machine's own addresses.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_PAGE = "vmui/#/dashboards?g0.range_input=1h&g0.relative_time=last_1_hour"


def show(stack: Stack, port: int, *, identity: str = "") -> int:
    """Print the dashboard's address, and serve it until the command is interrupted.

    `port` is of this machine's loopback; 0 takes the store's own, or a free port if that is taken.
    `identity` is the file of an operator's own private key; by default it is the stack's key.
    """
    if str(stack.configuration.written().get(_KEY, True)).lower() == "false":
        raise StackError(
            f"The stack {stack.name} keeps no metrics for a dashboard: auth:dashboard is false. "
            f"Set it to true in {_file(stack)}, then: {advice.make('up', stack.name)}"
        )
    port = port or free_port()
    with (
        contextlib.suppress(KeyboardInterrupt),
        ssh.tunnel(stack, port, PORT, identity=identity) as process,
    ):
        _wait_until_ready(stack, process, port)
        print(f"The dashboard of {stack.name}: http://127.0.0.1:{port}/{_PAGE}", flush=True)
        print("It is there until this command ends (Ctrl-C).", file=sys.stderr)
        process.wait()
        raise StackError(
            f"The connection to the server ended. Again: {advice.make('dashboard', stack.name)}"
        )
    return 0


def _file(stack: Stack) -> str:
    """Return the file in which a person sets the key; local stacks have one in common."""
    own = f"Pulumi.{stack.name}.yaml"
    if is_local(stack.name) and _KEY not in in_file(stack.clone / own):
        return f"Pulumi.{LOCAL}.yaml"
    return own


def _wait_until_ready(stack: Stack, process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    problem = "no answer"
    while process.poll() is None and time.monotonic() < deadline:
        try:
            _DIRECT.open(f"http://127.0.0.1:{port}/health", timeout=5).close()
        except OSError as error:
            problem = str(error)
        else:
            return
        time.sleep(0.2)
    if process.poll() is not None:
        raise StackError("There is no tunnel to the server, for the reason above.")
    raise StackError(
        f"The metrics store on the server gives no answer ({problem}). If the stack was made "
        f"without a dashboard: {advice.make('up', stack.name)}. Its log, after "
        f"`{advice.make('ssh', stack.name)}`: journalctl -u auth-metrics-store"
    )


def free_port() -> int:
    """Return the store's own port if nobody listens at it here, else another."""
    for port in (PORT, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise StackError("This machine has no free port.")
