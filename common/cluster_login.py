"""The login to a cluster: its kubeconfig, and the token that the file's command makes.

Source: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
"""

import base64
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from common.progress import StepError

_COMMAND_SECONDS = 30
_RESERVE_SECONDS = 60


class LoginError(StepError):
    """There is no way in to the cluster; the message has the reason."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token, with its end in seconds since 1970."""

    text: str
    end: float

    @property
    def lasts(self) -> bool:
        """Check whether it can be used for another request: it does not end within a minute."""
        return self.end - time.time() >= _RESERVE_SECONDS


@dataclass(frozen=True, kw_only=True)
class Kubeconfig:
    """The address of a cluster's API, the PEM text of its CA, and the command of its tokens."""

    server: str
    authority: str
    command: Sequence[str]
    variables: Mapping[str, str]

    @classmethod
    def read(cls, text: str) -> "Kubeconfig":
        """Read the current context of a kubeconfig; raise LoginError for another kind of file."""
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
            raise LoginError(
                f"The kubeconfig of the cluster can't be read ({type(error).__name__}: {error})."
            ) from None

    def token(self, folder: Path, variables: Mapping[str, str]) -> Token:
        """Make a token by the command, in a folder and with the variables of its environment.

        Raise LoginError with the last words of a command that fails.
        """
        try:
            done = subprocess.run(
                self.command,
                cwd=folder,
                env={**variables, **self.variables},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=_COMMAND_SECONDS,
            )
            if done.returncode == 0:
                status = json.loads(done.stdout)["status"]
                end = datetime.fromisoformat(status["expirationTimestamp"]).timestamp()
                return Token(text=str(status["token"]), end=end)
            reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        except (OSError, subprocess.TimeoutExpired, ValueError, LookupError, TypeError) as error:
            reason = f"{type(error).__name__}: {error}"
        raise LoginError(f"`{self.command[0]}` makes no token for the cluster: {reason}")


def _named(document: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    (entry,) = (each[kind] for each in document[f"{kind}s"] if each["name"] == name)
    return dict(entry)
