"""A stack's life: configured, brought up, looked at, taken down, by the Pulumi CLI."""

import json
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from toolchain import locks, secrets

# Outputs in the order in which they are shown: what one wants most comes last.
OUTPUTS = ("release", "image", "serverIp", "sshCommand", "jwksUrl", "healthUrl", "url")


_SHOWN = {"up", "preview", "destroy"}
_TAIL = 50  # lines of an error that are looked at


class StackError(Exception):
    """The stack can't do what was asked; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One stack of the program in `clone`; `env` is what makes the CLI and its plugins work."""

    name: str
    clone: Path
    env: Mapping[str, str]

    @property
    def configuration(self) -> Path:
        """The file that the CLI reads: of the local stack, the one completed for this machine."""
        folder = self.clone / ".local" if self.name == "local" else self.clone
        return folder / f"Pulumi.{self.name}.yaml"

    def create(self) -> None:
        """Make the stack in its backend, if it is not there yet."""
        if self.name in self._stacks():
            return
        # The CLI writes the stack's salt beside Pulumi.yaml, whatever file it is told to read: for
        # the local stack that must not be the committed one.
        project = self.configuration.parent / "Pulumi.yaml"
        if not project.exists():
            project.write_text("name: auth\nruntime: python\n")
        self._pulumi("stack", "init", self.name, cwd=project.parent)

    def up(self) -> None:
        self.create()
        self._pulumi("up", "--yes", "--skip-preview", "--suppress-outputs", *_progress())

    def init(self) -> None:
        """Make the stack and its keys; the rest of its configuration is for people to write."""
        self.create()
        self.make_secrets()
        print(f"Made the keys in {self.configuration.name}. docs/oracle-cloud.md has what is next.")

    def preview(self) -> None:
        self.create()
        self._pulumi("preview", "--diff", *_progress())

    def destroy(self) -> None:
        """Delete everything of the stack, and the stack itself."""
        if self.name in self._stacks():
            self._pulumi("destroy", "--yes", "--skip-preview", *_progress())
            # without the flag the CLI deletes the committed configuration file
            self._pulumi("stack", "rm", "--yes", "--preserve-config")

    def unlock(self) -> None:
        """Free the state of the lock that a run left which is no more."""
        self._pulumi("cancel", "--yes")

    def outputs(self) -> dict[str, Any]:
        return dict(json.loads(self._read("stack", "output", "--json")))

    def show_outputs(self) -> None:
        outputs = self.outputs()
        for name in OUTPUTS:
            print(f"{name:<12}{outputs.get(name, '(not yet)')}")

    def make_secrets(self) -> None:
        """Make the keys that the stack does not have yet, straight into its configuration."""
        known = self._configured()
        makers = {
            "sshPrivateKey": secrets.ssh_key,
            "sshHostKey": secrets.ssh_key,
            "signingKey": secrets.signing_key,
        }
        for key, make in makers.items():
            if f"auth:{key}" not in known:
                self.set_secret(key, make())

    def set_secret(self, key: str, value: str) -> None:
        # by stdin: an argument could be read by every user of the machine
        self._pulumi("config", "set", "--secret", f"auth:{key}", stdin=value)

    def secret(self, key: str) -> str:
        return self._read("config", "get", f"auth:{key}").rstrip("\n") + "\n"

    def remote(self, *argv: str) -> int:
        """Run a command on the stack's server over the system's ssh, with the pinned host key."""
        folder = self.clone / ".local" / "ssh" / self.name
        key, known_hosts = folder / "key", folder / "known_hosts"
        host = str(self.outputs().get("serverIp", ""))
        if not host:
            raise StackError(f"The stack {self.name} has no server yet. Make one: make up")
        secrets.write(key, self.secret("sshPrivateKey"))
        from components import keys  # noqa: PLC0415 - pulumi takes a second to import

        public = keys.ed25519_public(self.secret("sshHostKey"))
        secrets.write(known_hosts, f"{host} {public}\n")
        options = {
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
        }
        flags = [f"-o{name}={value}" for name, value in options.items()]
        command = ["ssh", "-i", str(key), *flags, f"ubuntu@{host}", *argv]
        return subprocess.run(command, check=False).returncode

    def _stacks(self) -> list[str]:
        return [stack["name"] for stack in json.loads(self._read("stack", "ls", "--json"))]

    def _configured(self) -> set[str]:
        if not self.configuration.exists():
            return set()
        return set((yaml.safe_load(self.configuration.read_text()) or {}).get("config") or {})

    def _pulumi(self, *argv: str, stdin: str | None = None, cwd: Path | None = None) -> None:
        """Run the CLI, shown as it goes; raise StackError with what helps if it fails."""
        with subprocess.Popen(
            self._command(argv),
            env=dict(self.env),
            cwd=cwd or self.clone,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            if process.stdin:
                process.stdin.write(stdin or "")
                process.stdin.close()
            said: deque[str] = deque(maxlen=_TAIL)
            for line in process.stderr or ():
                said.append(line)
                print(line, end="", file=sys.stderr, flush=True)
        if process.returncode != 0:
            remedy = locks.remedy("".join(said), self.name)
            raise StackError(f"`pulumi {argv[0]}` failed with status {process.returncode}.{remedy}")

    def _read(self, *argv: str) -> str:
        result = subprocess.run(
            self._command(argv),
            env=dict(self.env),
            cwd=self.clone,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise StackError(f"`pulumi {' '.join(argv[:2])}` failed: {result.stderr.strip()}")
        return result.stdout

    def _command(self, argv: Sequence[str]) -> list[str]:
        # these two are about the backend, not about one stack in it
        everywhere = tuple(argv[:2]) in {("stack", "ls"), ("stack", "init")}
        scope = [] if everywhere else ["--stack", self.name]
        # a terminal gets the CLI's own display, which is drawn anew as the update goes on
        display = [] if argv[0] in _SHOWN and sys.stdout.isatty() else ["--non-interactive"]
        return ["pulumi", *argv, *scope, *display, "--color", "auto"]


def _progress() -> list[str]:
    """Leave out the dots that tell a log nothing."""
    return [] if sys.stdout.isatty() else ["--suppress-progress"]


def complete_local(stack: Stack, cloud: Mapping[str, Any]) -> None:
    """Write the local stack's configuration: the committed values and what this machine adds.

    `cloud` is what `python -m localcloud describe` prints. Secrets that the file already has are
    kept as they are, and so are keys that only `pulumi config set` put there; a changed value of
    the committed file or of the emulated cloud replaces the old one.
    """
    stack.create()
    committed = yaml.safe_load((stack.clone / "Pulumi.local.yaml").read_text())["config"]
    before: dict[str, Any] = {}
    if stack.configuration.exists():
        before = yaml.safe_load(stack.configuration.read_text()) or {}
    registry = cloud["registry"]
    added = {
        "oci:region": cloud["region"],
        "oci:tenancyOcid": cloud["tenancy_ocid"],
        "oci:userOcid": cloud["user_ocid"],
        "oci:fingerprint": cloud["fingerprint"],
        "oci:privateKeyPath": cloud["private_key_file"],
        "auth:compartmentOcid": cloud["compartment_ocid"],
        "auth:shape": cloud["shape"],
        "auth:imageRepository": f"{registry['server']}/auth/auth-service",
        "auth:registryUsername": registry["username"],
        "auth:baseImage": cloud["docker_bases"]["base"],
        "auth:builderImage": cloud["docker_bases"]["builder"],
    }
    known = {**committed, **added}
    kept = {
        key: value
        for key, value in (before.get("config") or {}).items()
        if key not in known or (isinstance(value, dict) and "secure" in value)
    }
    document = {**before, "config": {**known, **kept}}
    text = yaml.safe_dump(document, sort_keys=False)
    if not stack.configuration.exists() or stack.configuration.read_text() != text:
        secrets.write(stack.configuration, text)
    stack.make_secrets()
    password = Path(registry["password_file"]).read_text().strip()
    if "auth:registryPassword" not in kept:
        stack.set_secret("registryPassword", password)
