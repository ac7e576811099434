"""The desired state of a service: the document that the program sends."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .documents import SCHEMA, added, read, schema_of
from .errors import ReleaseError

SERVICE = re.compile(r"[a-z][a-z0-9-]{0,31}")
# of environment variables; a secret is a file of its name as well
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"/[!-~]*")  # a URL's, in visible ASCII
_PORTS = range(1, 65536)
_USERS = range(1, 1 << 31)  # not root
_WATCH_SECONDS = 600  # at most: the former container takes memory meanwhile
_SIZE = re.compile(r"[1-9][0-9]*[kmg]")
_TLS_DIRECTORY = re.compile(r"(https://[!#-z|~]+)?")  # nothing that ends a word of a Caddyfile
_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
_PROFILE = re.compile(r"[A-Za-z0-9_-]*")
# parts that fetch a release or try it out, and do not belong to the running release
_TRANSIENT = frozenset({"schema", "registry", "canary"})


@dataclass(frozen=True, kw_only=True)
class Health:
    """The health gate before the switch, and the watch after it.

    A release takes over once `path` answers 2xx for `stable_seconds` on end, and three times in a
    row at least. For `watch_seconds` after the switch the former container stays warm, and takes
    over again if the new release ends or fails its health check. 0 is no watch.
    """

    path: str = "/readyz"
    interval_seconds: float = 0.1
    deadline_seconds: float = 60
    stable_seconds: float = 0.5
    watch_seconds: float = added(10, since=4)


def _bytes(size: str) -> int:
    return int(size[:-1]) << {"k": 10, "m": 20, "g": 30}[size[-1]]


@dataclass(frozen=True, kw_only=True)
class Limits:
    memory: str = "512m"  # as Docker writes it: 512m, 2g
    cpus: str = "1"
    pids: int = 256
    request_body: str = added("1m", since=3)  # the proxy refuses a larger body

    @property
    def memory_bytes(self) -> int:
        return _bytes(self.memory)

    @property
    def request_body_bytes(self) -> int:
        return _bytes(self.request_body)


@dataclass(frozen=True, kw_only=True)
class Registry:
    server: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Commands in containers of the new image: before it starts, and after it is live."""

    before: Sequence[Sequence[str]] = ()
    after: Sequence[Sequence[str]] = ()
    seconds: float = 300  # for each command


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
class Tls:
    """HTTPS by certificates of an ACME CA (RFC 8555), for a site whose names lead to `address`.

    `directory` is the CA's URL, Let's Encrypt's if it is empty. `roots` has the CAs in PEM that
    sign the directory's own certificate, the host's if it is empty.
    """

    address: str  # the VM's public IPv4 address
    directory: str = ""
    roots: str = ""
    profile: str = ""  # of the certificates; empty: the CA's default


@dataclass(frozen=True, kw_only=True)
class Desired:
    """The desired state. Times in seconds; `image` is NAME@sha256:…; `site` is Caddy's address."""

    service: str
    disk: str  # the VM's disks: a new disk is empty, so everything is applied again
    image: str
    revision: str = ""  # of the sources that the image was built from
    registry: Registry
    port: int
    site: str
    tls: Tls | None = added(None, since=7)  # noqa: RUF009 - a field
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    uid: int
    health: Health = field(default_factory=Health)
    limits: Limits = field(default_factory=Limits)
    hooks: Hooks = field(default_factory=Hooks)
    canary: Canary | None = None
    maintenance: Maintenance | None = None
    drain_seconds: float = 30
    stop_seconds: int = 15
    keep: int = 5

    @classmethod
    def parse(cls, text: str | bytes) -> "Desired":
        """Read a document of this or an older schema; raise ReleaseError with the fault.

        A newer schema is refused: this tool could not run the parts that it does not know.
        """
        try:
            document = json.loads(text)
            _refuse_newer(document)
            desired = cls.read(document, strict=True)
        except (ReleaseError, ValueError, RecursionError) as error:
            reason = error if isinstance(error, ReleaseError) else "it is not JSON in UTF-8"
            raise ReleaseError(f"the desired state on stdin can't be read: {reason}") from None
        desired.check()
        return desired

    @classmethod
    def read(cls, document: object, *, strict: bool) -> "Desired":
        """Read a document without checking its values: rules may be stricter than they were."""
        if isinstance(document, Mapping):
            document = {name: value for name, value in document.items() if name != "schema"}
        return read(cls, document, strict=strict)

    def document(self) -> dict[str, Any]:
        """Return the document that `parse` reads, as JSON's values."""
        return {"schema": SCHEMA, **dataclasses.asdict(self)}

    def check(self) -> None:
        """Raise ReleaseError for a value that this host could not run."""
        _refuse_unusable_text(self.document())
        _refuse_names("environment", self.environment)
        _refuse_names("secrets", self.secrets)
        names = {*self.secrets, *(f"{name}_FILE" for name in self.secrets)}
        twice = ", ".join(sorted(names & {*self.environment}))
        rules = {
            "`service` must be a lower-case name of up to 32 letters": bool(
                SERVICE.fullmatch(self.service)
            ),
            f"`environment` has {twice}, which `secrets` sets": not twice,
            f"`port` must be from 1 to 65535, not {self.port}": self.port in _PORTS,
            f"`uid` must be a user's but root's, not {self.uid}": self.uid in _USERS,
            f"`health.path` must begin with / and have no space, not {self.health.path!r}": bool(
                _PATH.fullmatch(self.health.path)
            ),
            f"`health.watch_seconds` must be from 0 to {_WATCH_SECONDS}": (
                0 <= self.health.watch_seconds <= _WATCH_SECONDS
            ),
            f"`image` must be named by digest, not {self.image!r}": bool(
                re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", self.image)
            ),
            "`site` is empty; it is the proxy's address, such as :80": bool(self.site),
            "`tls.directory` must be a URL": (
                self.tls is None or bool(_TLS_DIRECTORY.fullmatch(self.tls.directory))
            ),
            "`tls.address` must be an IPv4 address": (
                self.tls is None or bool(_ADDRESS.fullmatch(self.tls.address))
            ),
            "`tls.profile` must be a word": (
                self.tls is None or bool(_PROFILE.fullmatch(self.tls.profile))
            ),
            f"`limits.memory` is {self.limits.memory!r}; write it as 512m or 2g": bool(
                _SIZE.fullmatch(self.limits.memory)
            ),
            f"`limits.request_body` is {self.limits.request_body!r}; write it as 64k or 1m": bool(
                _SIZE.fullmatch(self.limits.request_body)
            ),
            "`canary.percent` must be from 1 to 99": (
                self.canary is None or self.canary.percent in range(1, 100)
            ),
            "`keep` must be at least 2: the live release, and a release for a rollback": (
                self.keep >= 2  # noqa: PLR2004 - the text explains it
            ),
        }
        for problem, holds in rules.items():
            if not holds:
                raise ReleaseError(problem)

    @property
    def fingerprint(self) -> str:
        """Hash the desired state: the same fingerprint twice means that there is nothing to do.

        It leaves out the registry's login, which only fetches the image, and the canary, which only
        tries a release.
        """
        return fingerprint_of(_as_first_schema(self))

    @property
    def variables(self) -> dict[str, str]:
        """The container's environment variables; for a secret, the path of its file."""
        files = {f"{name}_FILE": f"/run/secrets/{name}" for name in self.secrets}
        return {**self.environment, **files}


def _refuse_names(key: str, values: Mapping[str, str]) -> None:
    for name in values:
        if not _NAME.fullmatch(name):
            raise ReleaseError(
                f"`{key}` has the name {name!r}; a name has letters, digits and underscores, and "
                "does not begin with a digit"
            )


def _refuse_unusable_text(value: object, path: str = "") -> None:
    """Refuse text that no file or process can hold: NUL, and half a surrogate pair."""
    if isinstance(value, str) and re.search("[\0\ud800-\udfff]", value):
        raise ReleaseError(f"`{path}` holds a NUL or half a surrogate pair, and can't be passed on")
    if isinstance(value, Mapping):
        for name, each in value.items():
            _refuse_unusable_text(each, f"{path}.{name}" if path else name)
    if isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            _refuse_unusable_text(each, path)


def _refuse_newer(document: object) -> None:
    if isinstance(document, Mapping) and schema_of(document) > SCHEMA:
        raise ReleaseError(
            f"its schema is {document['schema']}, and this release tool reads up to {SCHEMA}. "
            "`make up` installs the tool of the program that wrote it"
        )


def fingerprint_of(document: Mapping[str, Any]) -> str:
    """Return the fingerprint of a document of any schema."""
    lasting = {name: value for name, value in document.items() if name not in _TRANSIENT}
    return hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()[:16]


def _as_first_schema(part: Any) -> dict[str, Any]:
    """Return a dataclass's fields; a later schema's field only if it has not its default."""
    values = {}
    for each in dataclasses.fields(part):
        value = getattr(part, each.name)
        if "since" not in each.metadata or value != each.default:
            nested = dataclasses.is_dataclass(value)
            values[each.name] = _as_first_schema(value) if nested else value
    return values
