"""`make exec` on a cluster: a command in a ready pod of the live release, over a web socket.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/, and the protocol of channels
in k8s.io/apimachinery/pkg/util/remotecommand/constants.go, version 5.
"""

import contextlib
import json
import os
import shutil
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator, Sequence
from typing import BinaryIO
from urllib.parse import urlencode

import websocket

from components import advice
from stack.cluster import objects, pods, releases
from stack.cluster.api import Api
from stack.errors import StackError

_PROTOCOL = "v5.channel.k8s.io"
_STDIN, _STDOUT, _STDERR, _STATUS, _SIZE, _CLOSE = 0, 1, 2, 3, 4, 255
_CONNECT_SECONDS = 15
_CHUNK = 1 << 16


def run(api: Api, words: Sequence[str]) -> int:
    """Run a command with this process's stdin, stdout and stderr; return its exit status.

    It has a terminal if stdin is one.
    """
    terminal = sys.stdin.isatty()
    with _started(api, words, stdin=True, terminal=terminal) as link:
        threading.Thread(target=_send_stdin, args=(link,), daemon=True).start()
        with _raw(link) if terminal else contextlib.nullcontext():
            return _status(link, sys.stdout.buffer, sys.stderr.buffer)


def output(api: Api, words: Sequence[str]) -> str:
    """Return the stdout of a command; raise StackError with its last words if it fails."""
    with (
        _started(api, words, stdin=False, terminal=False) as link,
        open(os.memfd_create("stdout"), "w+b") as stdout,  # noqa: PTH123 - a file without a path
        open(os.memfd_create("stderr"), "w+b") as stderr,  # noqa: PTH123
    ):
        status = _status(link, stdout, stderr)
        stdout.seek(0)
        stderr.seek(0)
        if status != 0:
            raise StackError(stderr.read().decode().strip() or f"status {status}")
        return stdout.read().decode()


@contextlib.contextmanager
def _started(
    api: Api, words: Sequence[str], *, stdin: bool, terminal: bool
) -> Iterator[websocket.WebSocket]:
    flags = {"stdin": stdin, "stdout": True, "stderr": not terminal, "tty": terminal}
    query = [
        ("container", objects.SERVICE),
        *((name, str(value).lower()) for name, value in flags.items()),
        *(("command", word) for word in words),
    ]
    address = api.server.replace("https://", "wss://", 1)
    url = f"{address}{objects.PODS}/{_ready_pod(api)}/exec?{urlencode(query)}"
    try:
        link = websocket.create_connection(
            url,
            timeout=_CONNECT_SECONDS,
            header=[f"Authorization: Bearer {api.tokens.newest()}"],
            subprotocols=[_PROTOCOL],
            sslopt={"context": api.tls},
            http_no_proxy=["*"],
        )
    except websocket.WebSocketBadStatusException as error:
        body = (error.resp_body or b"").decode(errors="replace").strip()
        raise api.refusal(error.status_code, body or str(error)) from None
    except (websocket.WebSocketException, OSError) as error:
        raise StackError(api.silence(error)) from None
    link.settimeout(None)  # the command may be silent for as long as it likes
    try:
        yield link
    finally:
        link.close()


def _ready_pod(api: Api) -> str:
    """Return the newest ready pod of the live release."""
    live = releases.read(api).live
    own = pods.of_releases(api.items(objects.PODS, labelSelector=objects.LABEL))
    ready = [pod for pod in own if live and pod.ready and pod.fingerprint == live.fingerprint]
    if not ready:
        raise StackError(
            f"No pod of {objects.SERVICE} is ready, so there is none to run a command in. "
            f"`{advice.make('status', api.stack)}` shows the reason."
        )
    return ready[-1].name


def _status(link: websocket.WebSocket, stdout: BinaryIO, stderr: BinaryIO) -> int:
    """Copy the output of the command, and return its exit status."""
    files = {_STDOUT: stdout, _STDERR: stderr}
    while True:
        try:
            opcode, data = link.recv_data()
        except (websocket.WebSocketException, OSError):
            opcode, data = websocket.ABNF.OPCODE_CLOSE, b""
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise StackError("The connection to the pod ended before the command did.")
        channel, content = data[0], data[1:]
        if channel == _STATUS:
            return _exit_status(json.loads(content))
        if content and channel in files:
            files[channel].write(content)
            files[channel].flush()


def _exit_status(status: dict[str, object]) -> int:
    if status.get("status") == "Success":
        return 0
    details = status.get("details")
    causes = details.get("causes") or () if isinstance(details, dict) else ()
    for cause in causes:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise StackError(f"The command did not run: {status.get('message')}")


def _send_stdin(link: websocket.WebSocket) -> None:
    # a command that has ended takes no more
    with contextlib.suppress(websocket.WebSocketException, OSError):
        while content := os.read(sys.stdin.fileno(), _CHUNK):
            link.send_binary(bytes([_STDIN]) + content)
        link.send_binary(bytes([_CLOSE, _STDIN]))


@contextlib.contextmanager
def _raw(link: websocket.WebSocket) -> Iterator[None]:
    """Let the terminal of the command see each key, and know the size of this one."""

    def send_size(*_: object) -> None:
        size = shutil.get_terminal_size()
        document = {"Width": size.columns, "Height": size.lines}
        link.send_binary(bytes([_SIZE]) + json.dumps(document).encode())

    before = termios.tcgetattr(sys.stdin)
    former = signal.signal(signal.SIGWINCH, send_size)
    try:
        send_size()
        tty.setraw(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, former)
