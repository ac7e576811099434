"""A stack's life: configured, brought up, looked at, taken down, by the Pulumi CLI."""

import json
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from common.progress import StepError
from stack import build_output, locks, log_filter, remedies, secrets, terminal

# Outputs in the order in which they are shown: what one wants most comes last.
OUTPUTS = ("release", "image", "serverIp", "sshCommand", "jwksUrl", "healthUrl", "url")


_EVERYWHERE = {
    ("stack", "ls"),
    ("stack", "init"),
    ("config", "cp"),
    ("whoami", "--verbose"),
}
# the CLI has its event log among what is for debugging; its Automation API uses it
_EVENT_LOG = {"PULUMI_DEBUG_COMMANDS": "true"}
_SHOWN = {"up", "preview", "destroy"}
_TAIL = 50  # lines of an error that are looked at


class StackError(StepError):
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
        if self.name in self.names():
            return
        # The CLI writes the stack's salt beside Pulumi.yaml, whatever file it is told to read: for
        # the local stack that must not be the committed one.
        project = self.configuration.parent / "Pulumi.yaml"
        if not project.exists():
            project.write_text("name: auth\nruntime: python\n")
        self._pulumi("stack", "init", self.name, cwd=project.parent)

    def up(self, *targets: str, refresh: bool = False) -> None:
        """Make the stack what the program says; with `refresh`, whatever happened to it since.

        With `targets` only a part of it: the resources whose URN matches one of them.
        """
        self.create()
        named = [argument for target in targets for argument in ("--target", target)]
        flags = [*_progress(), *named, *(["--refresh"] * refresh)]
        # private, and gone afterwards: a build may print what is not for others
        with tempfile.TemporaryDirectory() as folder:
            events = Path(folder) / "events.json"
            argv = ("up", "--yes", "--skip-preview", "--suppress-outputs", *flags)
            try:
                self._pulumi(*argv, events=events)
            except StackError as error:
                log = events.read_bytes() if events.exists() else b""
                lines = build_output.of_failed(log)
                raise StackError(f"{lines}\n{error}" if lines else str(error)) from None

    def replace(self, urn: str) -> None:
        """Make one resource anew, whether or not it changed, and touch no other."""
        flags = ["--target-replace", urn, *_progress()]
        self._pulumi("up", "--yes", "--skip-preview", "--suppress-outputs", *flags)

    def init(self) -> None:
        """Make the stack and its keys; the rest of its configuration is for people to write."""
        self.create()
        self.make_secrets()
        print(f"Made the keys in {self.configuration.name}. docs/oracle-cloud.md has what is next.")

    def preview(self) -> None:
        self.create()
        self._pulumi("preview", "--diff", *_progress())

    def plan(self, events: Path, *, refresh: bool = False) -> int:
        """Preview with the engine's events in `events`, secrets left out; give its exit status.

        What people read goes to stderr. With `refresh` the cloud is asked first what is there.
        """
        self.create()
        events.parent.mkdir(parents=True, exist_ok=True)
        events.unlink(missing_ok=True)
        argv = ("preview", "--diff", "--event-log", str(events), *(["--refresh"] * refresh))
        result = subprocess.run(
            [*self._command(argv), "--non-interactive", "--suppress-progress"],
            env={**self.env, **_EVENT_LOG},
            cwd=self.clone,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            check=False,
        )
        return result.returncode

    def planned_steps(self, *, refresh: bool = False) -> list[dict[str, Any]]:
        """Preview, and return the steps as `pulumi preview --json` has them, secrets left out."""
        result = self._ask("preview", "--json", *(["--refresh"] * refresh))
        try:
            plan = json.loads(result.stdout)
        except ValueError:
            plan = {}
        if result.returncode != 0:
            said = [
                str(diagnostic["message"]).strip()
                for diagnostic in plan.get("diagnostics") or []
                # the program's own words are of the second kind
                if diagnostic.get("severity") in {"error", "info#err"}
            ]
            reasons = "\n".join([*said, result.stderr.strip()]).strip()
            raise StackError(f"The stack can't be planned:\n{reasons}")
        return list(plan.get("steps") or [])

    def copy_configuration(self, source: str) -> None:
        """Make the stack and give it the keys and values of `source`, unless it has its own."""
        self.create()
        if not self._configured():
            self._pulumi("config", "cp", "--stack", source, "--dest", self.name)

    def set_value(self, key: str, value: str) -> None:
        self._pulumi("config", "set", "--path", key, value)

    def unset_value(self, key: str) -> None:
        self._pulumi("config", "rm", key)

    def destroy(self) -> None:
        """Delete everything of the stack, its data too, and the stack itself; ask before."""
        if self.name in self.names():
            # the data volume is always protected: whoever calls this has had a yes to its end
            flags = ("--yes", "--skip-preview", "--ignore-protect")
            self._pulumi("destroy", *flags, *_progress())
            # without the flag the CLI deletes the committed configuration file
            self._pulumi("stack", "rm", "--yes", "--preserve-config")

    def unlock(self) -> None:
        """Free the state of the lock of a run that is over, and say whether there was one."""
        backend = str(json.loads(self._read("whoami", "--verbose", "--json")).get("url", ""))
        if locks.none_held(backend, self.name):
            print(f"No run holds the stack {self.name}: there is nothing to free.")
            return
        if processes := locks.running(backend, self.name):
            raise StackError(
                f"pulumi (process {processes[0]}) is updating the stack {self.name}, and goes on: "
                "its lock stays. Wait for it, or stop it with Ctrl-C where it was started."
            )
        self._read("cancel", "--yes")
        print(f"The stack {self.name} is free: no run holds its lock any more.")

    def outputs(self) -> dict[str, Any]:
        return dict(json.loads(self._read("stack", "output", "--json")))

    def resources(self) -> list[dict[str, Any]]:
        """List what the state holds, secrets encrypted as they are there."""
        if self.name not in self.names():
            return []
        state = json.loads(self._read("stack", "export"))
        return list((state.get("deployment") or {}).get("resources") or [])

    def gone(self, urns: Sequence[str]) -> list[str]:
        """Ask the cloud which of these resources it no longer has. Nothing is changed."""
        targets = [word for urn in urns for word in ("--target", urn)]
        if not targets:
            return []
        plan = json.loads(self._read("refresh", "--preview-only", "--json", *targets))
        return [
            step["urn"]
            for step in plan.get("steps") or []
            if step["op"] == "delete" and step["urn"] in urns
        ]

    def values(self) -> dict[str, str]:
        """Give the whole configuration, `namespace:key` to text, secrets in the clear."""
        return {key: str(entry.get("value", "")) for key, entry in self._entries().items()}

    def secret_values(self) -> list[str]:
        """Give the secrets of the configuration, for whoever must keep them out of a text."""
        entries = self._entries().values()
        return [str(entry.get("value", "")) for entry in entries if entry.get("secret")]

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

    def pull_login(self) -> str:
        """Return the server's login to the registry, as the release tool there reads it."""
        values = self.values()
        username = values.get("auth:registryPullUsername") or values.get("auth:registryUsername")
        login = {
            "server": values.get("auth:imageRepository", "").partition("/")[0],
            "username": username or "",
            "password": values.get("auth:registryPullPassword", ""),
        }
        return json.dumps(login)

    def names(self) -> list[str]:
        """List the stacks of the backend, this one among them or not."""
        return [stack["name"] for stack in json.loads(self._read("stack", "ls", "--json"))]

    def _entries(self) -> dict[str, dict[str, Any]]:
        return dict(json.loads(self._read("config", "--json", "--show-secrets")))

    def _configured(self) -> set[str]:
        if not self.configuration.exists():
            return set()
        return set((yaml.safe_load(self.configuration.read_text()) or {}).get("config") or {})

    def _pulumi(
        self,
        *argv: str,
        stdin: str | None = None,
        cwd: Path | None = None,
        events: Path | None = None,
    ) -> None:
        """Run the CLI, shown as it goes; raise StackError with what helps if it fails."""
        drawn = argv[0] in _SHOWN and terminal.interactive()
        log_flags = ["--event-log", str(events)] if events else []
        with subprocess.Popen(
            [*self._command(argv), *log_flags],
            env={**self.env, **(_EVENT_LOG if events else {})},
            cwd=cwd or self.clone,
            # without the terminal as its stdin, the CLI does not draw on it
            stdin=None if drawn else subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=None if drawn else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            if process.stdin:
                process.stdin.write(stdin or "")
                process.stdin.close()
            log = threading.Thread(target=_copy_few, args=(process.stdout,))
            log.start()
            last_lines: deque[str] = deque(maxlen=_TAIL)
            for line in process.stderr or ():
                last_lines.append(line)
                print(line, end="", file=sys.stderr, flush=True)
            log.join()
        if process.returncode != 0:
            remedy = remedies.remedy("".join(last_lines), self.name)
            raise StackError(f"`pulumi {argv[0]}` failed with status {process.returncode}.{remedy}")

    def _ask(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(argv),
            env=dict(self.env),
            cwd=self.clone,
            capture_output=True,
            text=True,
            check=False,
        )

    def _read(self, *argv: str) -> str:
        result = self._ask(*argv)
        if result.returncode != 0:
            remedy = remedies.remedy(result.stderr, self.name)
            error = result.stderr.strip().rstrip(".")
            raise StackError(f"`pulumi {' '.join(argv[:2])}` failed: {error}.{remedy}")
        return result.stdout

    def _command(self, argv: Sequence[str]) -> list[str]:
        # these are about the backend, or name their stack themselves
        everywhere = tuple(argv[:2]) in _EVERYWHERE
        scope = [] if everywhere else ["--stack", self.name]
        shown = argv[0] in _SHOWN and terminal.interactive()
        display = [] if shown else ["--non-interactive"]
        return ["pulumi", *argv, *scope, *display, "--color", "auto"]


def _copy_few(output: IO[str] | None) -> None:
    """Copy to stdout what a log gets of the CLI's output."""
    log = log_filter.Log()
    for line in output or ():
        if log.keeps(line):
            print(line, end="", flush=True)


def _progress() -> list[str]:
    """Leave out the dots that tell a log nothing."""
    return [] if terminal.interactive() else ["--suppress-progress"]
