"""Questions to Docker's engine, over its socket: https://docs.docker.com/reference/api/engine/.

A release asks a dozen of them. Docker's client would start for each, which takes 0.05 s of the
processor, and a question takes 0.005 s.
"""

import http.client
import json
import socket
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from .errors import ReleaseError

SOCKET = Path("/run/docker.sock")
_SECONDS = 300  # an engine that starts many containers answers late


class AbsentError(ReleaseError):
    """The engine has no container, image or network of this name."""


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(SOCKET))


def listed(label: str) -> list[Mapping[str, Any]]:
    """List the containers with a label, `NAME` or `NAME=VALUE`, running or not."""
    filters = json.dumps({"label": [label]})
    answer: list[Mapping[str, Any]] = _ask(
        "GET", f"/containers/json?{urlencode({'all': 'true', 'filters': filters})}"
    )
    return answer


def container(name: str) -> Mapping[str, Any]:
    """Describe a container, as `docker inspect` does; raise AbsentError without it."""
    answer: Mapping[str, Any] = _ask("GET", f"/containers/{quote(name)}/json")
    return answer


def stats(name: str) -> Mapping[str, Any]:
    """Describe the use of memory and processors by a container, as `docker stats` does."""
    question = urlencode({"stream": "false", "one-shot": "true"})
    answer: Mapping[str, Any] = _ask("GET", f"/containers/{quote(name)}/stats?{question}")
    return answer


def image(name: str) -> Mapping[str, Any]:
    """Describe an image, as `docker image inspect` does; raise AbsentError without it."""
    answer: Mapping[str, Any] = _ask("GET", f"/images/{quote(name, safe='/:@')}/json")
    return answer


def network(name: str) -> Mapping[str, Any]:
    """Describe a network, as `docker network inspect` does; raise AbsentError without it."""
    answer: Mapping[str, Any] = _ask("GET", f"/networks/{quote(name)}")
    return answer


def update(name: str, settings: Mapping[str, Any]) -> None:
    """Change settings of a container, as `docker update` does."""
    _ask("POST", f"/containers/{quote(name)}/update", settings)


def _ask(method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    connection = _Connection("docker", timeout=_SECONDS)
    text, headers = (json.dumps(body), {"Content-Type": "application/json"}) if body else ("", {})
    try:
        connection.request(method, path, text or None, headers)
        answer = connection.getresponse()
        document = json.loads(answer.read() or "null")
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or error
        raise ReleaseError(
            f"Docker's engine does not answer at {SOCKET}: {reason}. See: systemctl status docker"
        ) from None
    finally:
        connection.close()
    if answer.status >= HTTPStatus.BAD_REQUEST:
        message = document.get("message") if isinstance(document, dict) else None
        kind = AbsentError if answer.status == HTTPStatus.NOT_FOUND else ReleaseError
        raise kind(f"Docker's engine refuses {method} {path.partition('?')[0]}: {message}")
    return document
