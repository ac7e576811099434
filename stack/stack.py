"""A stack's life: made, brought up, looked at, taken down."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack import build_output, engine_log, failed_rollout, former_platform, locks
from stack.configuration import Configuration
from stack.errors import OutOfCapacityError, StackError
from stack.names import LOCAL, is_local
from stack.pulumi import EVENT_LOG, Pulumi, display_flags
from stack.state_files import StateFiles, outputs_of

# The outputs in the order in which they are shown: the most wanted come last.
OUTPUTS = (
    *("release", "image", "database", "serverIp", "sshCommand"),
    *("jwksUrl", "healthUrl", "url"),
)
_OF_SERVER = frozenset({"serverIp", "sshCommand"})
_WITHOUT_QUESTION = ("--yes", "--skip-preview")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack of the program in `clone`; `env` leads the CLI to its plugins and its state."""

    name: str
    clone: Path
    env: Mapping[str, str]

    @property
    def pulumi(self) -> Pulumi:
        return Pulumi(stack=self.name, clone=self.clone, env=self.env)

    @property
    def folder(self) -> Path:
        """The folder of the configuration; a local stack's is completed for this machine."""
        if not is_local(self.name):
            return self.clone
        own = self.clone / ".local"
        return own if self.name == LOCAL else own / "stacks" / self.name

    @property
    def configuration(self) -> Configuration:
        return Configuration(file=self.folder / f"Pulumi.{self.name}.yaml", pulumi=self.pulumi)

    def names(self) -> list[str]:
        """Return the names of the stacks in the backend."""
        return self._files.names() or [
            stack["name"] for stack in json.loads(self.pulumi.read("stack", "ls", "--json"))
        ]

    @property
    def _files(self) -> StateFiles:
        return StateFiles(self.env.get("PULUMI_BACKEND_URL", ""))

    def create(self) -> None:
        """Make the stack in its backend, if it is not there yet."""
        if self.name in self.names():
            return
        # The CLI writes the stack's salt beside Pulumi.yaml, even if it reads another file. For a
        # local stack the committed file must stay as it is.
        project = self.folder / "Pulumi.yaml"
        if not project.exists():
            project.parent.mkdir(parents=True, exist_ok=True)
            project.write_text("name: auth\nruntime: python\n")
        self.pulumi.run("stack", "init", self.name, cwd=project.parent)

    def make(self) -> None:
        """Make the stack and the keys that it does not have yet."""
        self.create()
        self.configuration.make_keys()

    def up(self, *targets: str, refresh: bool = False, keeping: bool = True) -> set[str]:
        """Make the stack as the program describes it; with `refresh`, look at the cloud first.

        With `targets` only a part of it: the resources whose URN matches a target. `keeping` leaves
        a former platform alone. Returns the URNs of the resources that changed.
        """
        self.create()
        target_flags = [word for target in targets for word in ("--target", target)]
        if keeping and not targets:
            target_flags = self._kept()
        flags = [*display_flags(), *target_flags, *(["--refresh"] * refresh)]
        log = self._show("up", *_WITHOUT_QUESTION, "--suppress-outputs", *flags)
        return engine_log.changed(log)

    def replace(self, urn: str) -> None:
        """Make a resource anew, whether or not it changed, and touch no other."""
        flags = ["--target-replace", urn, *display_flags()]
        self._show("up", *_WITHOUT_QUESTION, "--suppress-outputs", *flags)

    def preview(self) -> None:
        self.create()
        self._show("preview", "--diff", *self._kept(), *display_flags())

    def _kept(self) -> list[str]:
        """Return the flags that leave a former platform alone."""
        return [word for urn in former_platform.kept(self) for word in ("--exclude", urn)]

    def _show(self, *argv: str) -> bytes:
        """Run the engine for a person who watches it, and return its event log.

        Raises KeyboardInterrupt if that person stopped it, and StackError if it failed:
        OutOfCapacityError if the cloud had no room for the VM.
        """
        # private, and gone afterwards: a build may print a secret
        with tempfile.TemporaryDirectory() as folder:
            events = Path(folder) / "events.json"
            try:
                self.pulumi.run(*argv, events=events)
            except StackError as error:
                log = _content(events)
                if engine_log.was_interrupted(log):
                    raise KeyboardInterrupt from None
                lines = build_output.of_failed(log) or failed_rollout.advised(log, self.name)
                kind = OutOfCapacityError if engine_log.is_out_of_capacity(log) else StackError
                raise kind(f"{lines}\n{error}" if lines else str(error)) from None
            return _content(events)

    def plan(self, events: Path, *, refresh: bool = False) -> int:
        """Preview with the engine's events in `events`, secrets left out; return the exit status.

        The text for people goes to stderr. With `refresh` the cloud is asked first.
        """
        self.create()
        events.parent.mkdir(parents=True, exist_ok=True)
        events.unlink(missing_ok=True)
        argv = ("preview", "--diff", "--event-log", str(events), *self._kept())
        argv = (*argv, *(["--refresh"] * refresh))
        result = subprocess.run(
            [*self.pulumi.command(*argv), "--suppress-progress"],
            env={**self.env, **EVENT_LOG},
            cwd=self.clone,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            check=False,
        )
        return result.returncode

    def planned_steps(
        self, *, refresh: bool = False, ignore_protect: bool = False
    ) -> list[dict[str, Any]]:
        """Preview, and return the steps as `pulumi preview --json` has them, secrets left out.

        With `ignore_protect` they have the deletions that protection would refuse.
        """
        flags = [*(["--refresh"] * refresh), *(["--ignore-protect"] * ignore_protect)]
        result = self.pulumi.result("preview", "--json", *flags)
        try:
            plan = json.loads(result.stdout)
        except ValueError:
            plan = {}
        if result.returncode != 0:
            messages = [
                str(diagnostic["message"]).strip()
                for diagnostic in plan.get("diagnostics") or []
                # the program's own words are of the second kind
                if diagnostic.get("severity") in {"error", "info#err"}
            ]
            reasons = "\n".join([*messages, result.stderr.strip()]).strip()
            raise StackError(f"The stack can't be planned:\n{reasons}")
        return list(plan.get("steps") or [])

    def destroy(self) -> None:
        """Delete everything of the stack, its data too, and the stack itself.

        The caller has asked before: the data volume, which is always protected, goes as well.
        """
        if self.name in self.names():
            flags = (*_WITHOUT_QUESTION, "--ignore-protect", *display_flags())
            self._show("destroy", *flags)
            self.forget()

    def forget(self) -> None:
        """Remove the stack, which has no resources any more, from its backend."""
        # without the flag the CLI deletes the committed configuration file
        self.pulumi.run("stack", "rm", "--yes", "--preserve-config")

    def unlock(self) -> None:
        """Free the state of the lock of a run that is over, and print the result."""
        identity = json.loads(self.pulumi.read("whoami", "--verbose", "--json"))
        backend = str(identity.get("url", ""))
        if locks.none_held(backend, self.name):
            print(f"No run holds the stack {self.name}: there is nothing to free.")
            return
        if processes := locks.running(backend, self.name):
            raise StackError(
                f"pulumi (process {processes[0]}) is updating the stack {self.name}, and goes on: "
                "its lock stays. Wait for it, or stop it with Ctrl-C where it was started."
            )
        self.pulumi.read("cancel", "--yes")
        print(f"The stack {self.name} is free: no run holds its lock any more.")

    def outputs(self) -> dict[str, Any]:
        resources = self._files.resources(self.name)
        if resources is not None:
            return outputs_of(resources)
        return dict(json.loads(self.pulumi.read("stack", "output", "--json")))

    @staticmethod
    def show_outputs(outputs: Mapping[str, Any]) -> None:
        is_cluster = "kubeconfig" in outputs
        for name in (each for each in OUTPUTS if not (is_cluster and each in _OF_SERVER)):
            print(f"{name:<12}{outputs.get(name, '(not yet)')}")

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources of the state, secrets encrypted as they are there."""
        resources = self._files.resources(self.name)
        if resources is not None:
            return resources
        if self.name not in self.names():
            return []
        state = json.loads(self.pulumi.read("stack", "export"))
        return list((state.get("deployment") or {}).get("resources") or [])

    def gone(self, urns: Sequence[str]) -> list[str]:
        """Return the resources of `urns` that the cloud no longer has; change nothing."""
        targets = [word for urn in urns for word in ("--target", urn)]
        if not targets:
            return []
        plan = json.loads(self.pulumi.read("refresh", "--preview-only", "--json", *targets))
        return [
            step["urn"]
            for step in plan.get("steps") or []
            if step["op"] == "delete" and step["urn"] in urns
        ]


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""
