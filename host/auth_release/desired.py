"""The desired state: what must run, as the program says it."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ReleaseError


@dataclass(frozen=True, kw_only=True)
class Health:
    """When a release may take over: `path` answers 200 for `stable_seconds` on end."""

    path: str = "/readyz"
    interval_seconds: float = 0.2
    deadline_seconds: float = 60
    stable_seconds: float = 2


@dataclass(frozen=True, kw_only=True)
class Limits:
    memory: str = "512m"  # as Docker writes it: 512m, 2g
    cpus: str = "1"
    pids: int = 256

    @property
    def memory_bytes(self) -> int:
        return int(self.memory[:-1]) << {"k": 10, "m": 20, "g": 30}[self.memory[-1]]


@dataclass(frozen=True, kw_only=True)
class Registry:
    server: str
    username: str
    password: str = dataclasses.field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Commands in one-off containers of the new image: before it starts, after it is live."""

    before: Sequence[Sequence[str]] = ()
    after: Sequence[Sequence[str]] = ()
    seconds: float = 300  # each may take this long


@dataclass(frozen=True, kw_only=True)
class Canary:
    """A trial: `percent` of the requests for `seconds`, over when too many answers are 5xx."""

    percent: int
    seconds: float = 60
    max_error_percent: float = 1


@dataclass(frozen=True, kw_only=True)
class Maintenance:
    """The proxy answers 503 with `page`, but on `open_paths`."""

    page: str = "<!doctype html><title>Maintenance</title><p>We will be back in a few minutes."
    open_paths: Sequence[str] = ("/healthz", "/readyz")


@dataclass(frozen=True, kw_only=True)
class Desired:
    """What must run. Times in seconds; `image` is NAME@sha256:…; `site` is Caddy's address."""

    service: str
    disk: str  # the boot volume: a new disk has nothing on it, so everything is applied again
    image: str
    revision: str  # of the sources that the image was built from
    registry: Registry
    port: int
    site: str
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = dataclasses.field(repr=False)
    uid: int
    health: Health
    limits: Limits
    hooks: Hooks
    canary: Canary | None
    maintenance: Maintenance | None
    drain_seconds: float
    stop_seconds: int
    keep: int

    @classmethod
    def parse(cls, text: str) -> "Desired":
        """Read the document; raise ReleaseError naming the key that is wrong, never a value."""
        try:
            values = json.loads(text)
            desired = cls(**{**values, **{name: _part(name, values) for name in _PARTS}})
        except (ValueError, TypeError, KeyError) as error:
            reason = "not JSON" if isinstance(error, ValueError) else str(error)
            raise ReleaseError(f"the desired state on stdin can't be read: {reason}") from None
        desired.check()
        return desired

    def check(self) -> None:
        """Raise ReleaseError for a value that this host could not run."""
        rules = {
            "`service` must be a lower-case name of up to 32 letters": bool(
                re.fullmatch(r"[a-z][a-z0-9-]{0,31}", self.service)
            ),
            f"`image` must be named by digest, not {self.image!r}": bool(
                re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", self.image)
            ),
            "`site` is empty; it is what the proxy answers to, such as :80": bool(self.site),
            f"`limits.memory` is {self.limits.memory!r}; write it as 512m or 2g": bool(
                re.fullmatch(r"[1-9][0-9]*[kmg]", self.limits.memory)
            ),
            "`canary.percent` must be from 1 to 99": (
                self.canary is None or self.canary.percent in range(1, 100)
            ),
            "`keep` must be at least 2: the live release and the one to go back to": (
                self.keep >= 2  # noqa: PLR2004 - the text says it
            ),
        }
        for problem, holds in rules.items():
            if not holds:
                raise ReleaseError(problem)

    @property
    def fingerprint(self) -> str:
        """Identify what runs: the same fingerprint twice means that there is nothing to do.

        The registry's login is left out: it fetches the image and is no part of it. So is how a
        release is tried before it takes over.
        """
        values = dataclasses.asdict(self)
        for transient in ("registry", "canary"):
            del values[transient]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def variables(self) -> dict[str, str]:
        """The container's environment; of a secret it names the file that holds it."""
        files = {f"{name}_FILE": f"/run/secrets/{name}" for name in self.secrets}
        return {**self.environment, **files}


_PARTS: Mapping[str, type[Any]] = {
    "registry": Registry,
    "health": Health,
    "limits": Limits,
    "hooks": Hooks,
    "canary": Canary,
    "maintenance": Maintenance,
}


def _part(name: str, values: Mapping[str, Any]) -> Any:
    value = values[name]
    return None if value is None and name in {"canary", "maintenance"} else _PARTS[name](**value)
