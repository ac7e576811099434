"""The way in to a stack's cluster: its kubeconfig, and the token that the file's command makes.

Source: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
"""

import base64
import hashlib
import json
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from common import files
from stack.errors import StackError

_COMMAND_SECONDS = 30
_RESERVE_SECONDS = 30  # a token that ends sooner is not used for another request


@dataclass(frozen=True, kw_only=True)
class Kubeconfig:
    """The address of a cluster's API, the PEM text of its CA, and the command of its tokens."""

    server: str
    authority: str
    command: Sequence[str]
    variables: Mapping[str, str]

    @classmethod
    def read(cls, text: str) -> "Kubeconfig":
        """Read the current context of a kubeconfig; raise StackError for another kind of file."""
        try:
            document = yaml.safe_load(text)
            context = _named(document, "context", document["current-context"])
            cluster = _named(document, "cluster", context["cluster"])
            plugin = _named(document, "user", context["user"])["exec"]
            return cls(
                server=cluster["server"].rstrip("/"),
                authority=base64.b64decode(cluster["certificate-authority-data"]).decode(),
                command=(plugin["command"], *(plugin.get("args") or ())),
                variables={each["name"]: each["value"] for each in plugin.get("env") or ()},
            )
        except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise StackError(
                f"The kubeconfig of the cluster can't be read ({type(error).__name__}: {error})."
            ) from None


def _named(document: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    (entry,) = (each[kind] for each in document[f"{kind}s"] if each["name"] == name)
    return dict(entry)


@dataclass(kw_only=True)
class Tokens:
    """Makes tokens by the kubeconfig's command, and keeps the newest in a file until it ends.

    Such a token is good for four minutes, and takes a second to make: longer than a question.
    """

    kubeconfig: Kubeconfig
    folder: Path  # the working directory of the command
    variables: Mapping[str, str]  # the whole environment of the command
    file: Path
    _token: str = field(default="", init=False)
    _end: float = field(default=0, init=False)  # seconds since 1970
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def newest(self) -> str:
        with self._lock:
            if self._end - _RESERVE_SECONDS < time.time():
                self._token, self._end = self._stored() or self._made()
            return self._token

    def drop(self, refused: str) -> None:
        """Forget a token that the cluster refused, as the stack may have another key by now."""
        with self._lock:
            if self._token == refused:
                self.file.unlink(missing_ok=True)
                self._end = 0

    def _stored(self) -> tuple[str, float] | None:
        try:
            document = json.loads(self.file.read_text())
            is_fresh = document["end"] - _RESERVE_SECONDS >= time.time()
            is_own = document["source"] == self._source
            return (str(document["token"]), document["end"]) if is_fresh and is_own else None
        except (OSError, ValueError, LookupError, TypeError):
            return None

    @property
    def _source(self) -> str:
        """A digest of all that decides on the token: another configuration makes another token."""
        parts = (self.kubeconfig.server, *self.kubeconfig.command)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _made(self) -> tuple[str, float]:
        command = self.kubeconfig.command
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env={**self.variables, **self.kubeconfig.variables},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=_COMMAND_SECONDS,
            )
            reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            status = json.loads(done.stdout)["status"] if done.returncode == 0 else None
        except (OSError, subprocess.TimeoutExpired, ValueError, LookupError) as error:
            status, reason = None, str(error)
        if status is None:
            raise StackError(f"`{command[0]}` makes no token for the cluster: {reason}")
        end = datetime.fromisoformat(status["expirationTimestamp"]).timestamp()
        document = {"token": status["token"], "end": end, "source": self._source}
        files.write(self.file, json.dumps(document))
        return str(status["token"]), end
