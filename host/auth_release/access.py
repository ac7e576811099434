"""The access to this host by SSH: the keys that may log in, and the key of its SSH server."""

import dataclasses
import json
import os
import pwd
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import gate, interventions, logins, metrics_store, registry
from .callers import DEPLOYMENT, OPERATOR, Caller
from .documents import read
from .errors import ReleaseError
from .files import exclusive, write_atomically
from .programs import run
from .records import STATE, Records
from .routes import Routes

USER = "ubuntu"
HOST_KEY = Path("/etc/ssh/ssh_host_ed25519_key")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_MARK = "auth-release"  # the comment of our lines begins with it
_MEMORY = "/dev/shm"  # noqa: S108 - root's own file there, which no disk holds


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key that may log in: `public` as a line of authorized_keys, without options.

    The role `admin` has a shell; `release` and `deployment` have the commands of gate.py alone.
    """

    name: str
    public: str
    role: str = "admin"


@dataclass(frozen=True, kw_only=True)
class Access:
    """The keys that may log in; no other key may."""

    keys: Sequence[Key]


def add_parsers(commands: Any, service: Callable[[str], str]) -> None:
    """Add the parsers of the commands on keys; `service` checks the name of a service."""
    giving = commands.add_parser("access", help="let the keys on stdin log in, and no others")
    # only for the program: another disk makes another command, which then runs again
    giving.add_argument("--disk", default="", metavar="OCID", help="the boot volume of this VM")
    commands.add_parser("authorize", help="let the public key on stdin log in, too")
    commands.add_parser("host-key", help="give the SSH server the private key on stdin")
    gating = commands.add_parser("gate", help="run the client's command, as the forced command")
    gating.add_argument("role")
    gating.add_argument("name")
    checking = commands.add_parser("check-login", help="try the registry's login on stdin")
    checking.add_argument("service", type=service)
    noting = commands.add_parser("note", help="record an intervention")
    noting.add_argument("text")
    noting.add_argument("--by", default="", help="the person")


def apply(document: bytes) -> int:
    """Put the access on stdin in force: the file of authorized keys has these lines alone."""
    access = read(Access, json.loads(document), strict=False)
    lines = [_line(key) for key in access.keys]
    if not lines:
        raise ReleaseError("no key is left that may log in, so nothing was changed")
    with exclusive(_lock()):
        _write(lines)
    print(f"{len(lines)} keys may log in: {', '.join(key.name for key in access.keys)}.")
    return 0


def authorize(public: str) -> int:
    """Let a key log in as the key of deployments does, beside it, until the next `apply`."""
    key = _checked(public)
    with exclusive(_lock()):
        present = _file().read_text().splitlines() if _file().exists() else []
        own = next((line for line in present if line.endswith(f" {_MARK}:{DEPLOYMENT}")), "")
        options = own.partition("ssh-ed25519 ")[0]
        _write([*(line for line in present if key not in line), f"{options}{key}"])
    return 0


def replace_host_key(private: str) -> int:
    """Give the SSH server another ed25519 key; connections that are open stay open."""
    with tempfile.NamedTemporaryFile("w", dir=_MEMORY) as draft:
        draft.write(private.rstrip("\n") + "\n")
        draft.flush()
        public = run("ssh-keygen", "-y", "-P", "", "-f", draft.name).strip()
    if not public.startswith("ssh-ed25519 "):
        raise ReleaseError("the host key must be an ed25519 key")
    before = HOST_KEY.read_text()
    write_atomically(HOST_KEY, private.rstrip("\n") + "\n", mode=0o600)
    try:
        run("sshd", "-t")
        run("systemctl", "reload", "ssh.service")
    except ReleaseError:
        write_atomically(HOST_KEY, before, mode=0o600)
        raise
    write_atomically(HOST_KEY.with_suffix(".pub"), f"{public}\n", mode=0o644)
    print("The SSH server has another host key.")
    return 0


def check_login(service: str) -> int:
    """Check that the registry's login on stdin can fetch the live release's image."""
    number = Routes(STATE).live(service)
    record = Records(STATE, service).get(number) if number else None
    if record is None:
        raise ReleaseError(f"no release of {service} is live on this host, or its record is broken")
    login, server = logins.of_caller(sys.stdin), record.desired.image.partition("/")[0]
    if login is None or not login.password:
        raise ReleaseError("no login came on stdin")
    if login.server != server:
        raise ReleaseError(f"the live image is on {server}, and the login is for {login.server}")
    registry.look_up(dataclasses.replace(record.desired, registry=login))
    print(f"{server} takes the login.")
    return 0


def note(text: str, caller: Caller) -> int:
    """Record an intervention on the host with each of its services."""
    interventions.note_on_each(STATE, Records.services(STATE), caller, text)
    return 0


def _line(key: Key) -> str:
    """Return the line of authorized_keys, with the options of the key's role."""
    if not _NAME.fullmatch(key.name):
        raise ReleaseError(f"{key.name!r} is not an operator's name")
    line = f"{_checked(key.public)} {_MARK}:{key.name}"
    if key.role == "admin":
        return f'environment="{OPERATOR}={key.name}" {line}'
    if key.role not in gate.ROLES:
        raise ReleaseError(f"{key.name} has the role {key.role!r}, which this tool does not know")
    # the tunnel of `make dashboard` starts no command
    tunnel = f'port-forwarding,permitopen="127.0.0.1:{metrics_store.PORT}"'
    return f'restrict,{tunnel},command="{gate.TOOL} gate {key.role} {key.name}" {line}'


def _checked(public: str) -> str:
    """Return a public key without its comment; raise ReleaseError for any other text."""
    words = public.split()[:2]
    result = subprocess.run(
        ["ssh-keygen", "-l", "-f", "/dev/stdin"],
        input=" ".join(words),
        capture_output=True,
        text=True,
        check=False,
    )
    if "\n" in public.strip() or len(words) < 2 or result.returncode != 0:  # noqa: PLR2004
        raise ReleaseError(f"this is not a public key: {public.strip()[:80]!r}")
    return " ".join(words)


def _file() -> Path:
    return Path(pwd.getpwnam(USER).pw_dir) / ".ssh" / "authorized_keys"


def _lock() -> Path:
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    return STATE / "access.lock"


def _write(lines: Sequence[str]) -> None:
    """Write the file of authorized keys as root's; the SSH server reads it as the user."""
    user = pwd.getpwnam(USER)
    folder = _file().parent
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chown(folder, user.pw_uid, user.pw_gid)
    write_atomically(_file(), "".join(f"{line}\n" for line in lines), mode=0o644)
