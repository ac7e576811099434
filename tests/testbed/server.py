"""The VM of a clone's stack: reached over SSH, or past SSH where a test breaks it."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import oci

from localcloud.state.account import Account
from localcloud.state.home import Home
from tests.localcloud.caller import Caller, eventually
from tests.testbed.clone import Clone, Result

TOOL = ("sudo", "auth-release")
# a health gate and a watch for a test that is about something else
QUICK = {
    "path": "/readyz",
    "interval_seconds": 0.1,
    "deadline_seconds": 30,
    "stable_seconds": 0,
    "watch_seconds": 1,
}
_SECONDS = 300


@dataclass(frozen=True)
class Server:
    clone: Clone
    address: str

    @classmethod
    def of(cls, clone: Clone) -> "Server":
        assert clone.on_server("true").status == 0  # writes the key and the pinned host key
        return cls(clone, clone.outputs()["serverIp"])

    def start(self, *argv: str, stdin: str = "") -> "subprocess.Popen[str]":
        """Start a command over SSH, with both its streams on stdout."""
        folder = self.clone.path / ".local" / "ssh" / "local"
        options = [f"-oUserKnownHostsFile={folder / 'known_hosts'}", "-oBatchMode=yes"]
        command = ["ssh", "-F", "none", "-i", str(folder / "key"), *options]
        process = subprocess.Popen(
            [*command, f"ubuntu@{self.address}", *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdin
        process.stdin.write(stdin)
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, *argv: str, stdin: str = "") -> Result:
        process = self.start(*argv, stdin=stdin)
        output, _ = process.communicate(timeout=_SECONDS)
        print(f"server$ {' '.join(argv)}\n{output}(status {process.returncode})\n")
        return Result(process.returncode, output)

    def must(self, *argv: str, stdin: str = "") -> str:
        result = self.run(*argv, stdin=stdin)
        assert result.status == 0, result.output
        return result.output

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.must(*TOOL, "status", "auth", "--json")))

    def desired(self, variables: Mapping[str, str] | None = None, **changes: Any) -> str:
        """Return the live release's desired state with changes, as `auth-release apply` reads it.

        `variables` are added to its environment. The registry login is the stack's, as no record
        contains it.
        """
        number = self.status()["live"]["release"]
        record = self.must("sudo", "cat", f"/var/lib/auth-release/auth/release-{number:06}.json")
        desired = json.loads(record)["desired"]
        password = self.clone.path / ".local" / "cloud" / "registry" / "pull-password"
        desired["registry"]["password"] = password.read_text()
        environment = {**desired["environment"], **(variables or {})}
        return json.dumps({**desired, "environment": environment, **changes})

    def apply(self, variables: Mapping[str, str] | None = None, **changes: Any) -> Result:
        return self.run(*TOOL, "apply", stdin=self.desired(variables, **changes))

    def containers_at_rest(self) -> list[str]:
        """List the service's containers after the end of every run: of its watch and its drain."""
        state = "/var/lib/auth-release"
        # a run that waits for the lock ends the watch; so does this, by the same queue
        queue = ("flock", "--shared", f"{state}/auth.queue")
        self.must("sudo", *queue, "flock", "--timeout", "60", f"{state}/auth.lock", "true")
        return self.containers()

    def containers(self) -> list[str]:
        """Name the service's containers, running or not."""
        return self.must("sudo", "docker", "ps", "-a", "--format", "{{.Names}}").split()

    @property
    def cloud(self) -> Caller:
        home = Home.open(self.clone.path / ".local" / "cloud")
        return Caller(home, Account.open(home))

    @property
    def instance(self) -> str:
        instances = self.cloud.compute.list_instances(self.cloud.compartment).data
        return str(next(i.id for i in instances if i.lifecycle_state == "RUNNING"))

    @contextmanager
    def without_supervisor(self) -> Iterator[None]:
        """Stop the supervisor, so that a container that was stopped stays down; start it again."""
        self.must("sudo", "systemctl", "stop", "auth-supervisor")
        try:
            yield
        finally:
            self.must("sudo", "systemctl", "start", "auth-supervisor")

    def console(self, *argv: str) -> Result:
        """Run a command as root past SSH, as at the machine's console."""
        return self.clone.run("docker", "exec", self._container, *argv)

    @property
    def inner_address(self) -> str:
        """Return the VM's address behind the gateway, as this host reaches it."""
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return self.clone.run("docker", "inspect", "--format", form, self._container).output.strip()

    @property
    def _container(self) -> str:
        label = f"label=auth.localcloud.instance={self.instance}"
        container = subprocess.run(
            ["docker", "ps", "--quiet", "--filter", label],
            capture_output=True,
            text=True,
            check=True,
        )
        return container.stdout.strip()

    def delete_volumes(self) -> None:
        """Detach and delete the data, as somebody may in the console."""
        cloud, place = self.cloud, self.cloud.compartment
        for attachment in cloud.compute.list_volume_attachments(place).data:
            if attachment.lifecycle_state == "ATTACHED":
                cloud.detach(attachment.id)
        storage = oci.core.BlockstorageClientCompositeOperations(cloud.storage)
        for volume in cloud.storage.list_volumes(compartment_id=place).data:
            if volume.lifecycle_state == "AVAILABLE":
                storage.delete_volume_and_wait_for_state(volume.id, ["TERMINATED"])

    def reboot(self) -> None:
        self.cloud.compute.instance_action(self.instance, "SOFTRESET")
        eventually("the server", lambda: self.run("uptime").status, 0, seconds=120)
