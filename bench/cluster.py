"""A stack of the platform `cluster` beside the stack `local` of a clone, on its emulated cloud."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from bench.timing import Shell
from common.clone import CLONE
from tests.testbed.clone import Clone
from toolchain import kubernetes

STACK = "local-cluster"
_FILE = f"Pulumi.{STACK}.yaml"
_REPLICAS = 2  # the default of auth:replicas
_SECONDS = 120
# a replica hashes on one core, so that the rate can grow with the replicas
_SERVICE_SETTINGS = {"AUTH_RATE_LIMITS": "off", "AUTH_HASHING_WORKERS": "1"}


def configure(clone: Clone) -> None:
    """Let the service of the stack take any number of log-ins, and hash one password at once."""
    file = clone.path / _FILE
    document = yaml.safe_load(file.read_text())
    document["config"]["auth:serviceSettings"] = _SERVICE_SETTINGS
    file.write_text(yaml.safe_dump(document))


@dataclass(frozen=True)
class Cluster:
    """The stack's service at `url`, with commands in the environment of the stack."""

    shell: Shell
    url: str
    kubectl_file: Path

    @classmethod
    def of(cls, clone: Clone) -> Self:
        shell = Shell(clone, STACK)
        url = shell.run("pulumi", "stack", "output", "url", "--stack", STACK).strip()
        return cls(shell, url, kubernetes.ensure(CLONE))

    def kubectl(self, *argv: str, stdin: str = "") -> str:
        command = (str(self.kubectl_file), "kubectl", "--namespace=auth", *argv)
        return self.shell.run(*command, stdin=stdin)

    def scale(self, replicas: int) -> None:
        """Let the service have so many pods; one is less than the configuration allows."""
        self.kubectl("scale", "deployment", "auth", f"--replicas={replicas}")
        self.kubectl("rollout", "status", "deployment", "auth", f"--timeout={_SECONDS}s")
        self.settle(replicas)

    def settle(self, replicas: int = _REPLICAS) -> None:
        """Wait for the end of all other pods: they answer until their connections are closed."""
        deadline = time.monotonic() + _SECONDS
        while len(pods := self._pods()) != replicas:
            if time.monotonic() > deadline:
                names = ", ".join(pod["metadata"]["name"] for pod in pods)
                raise SystemExit(f"there are not {replicas} pods after {_SECONDS} s, but {names}")
            time.sleep(1)

    def in_each_pod(self, program: str, *argv: str) -> list[str]:
        """Run a Python program in all pods at once; return what each of them prints."""

        def run(pod: dict[str, Any]) -> str:
            words = ("exec", "--stdin", pod["metadata"]["name"], "--", "python3", "-", *argv)
            return self.kubectl(*words, stdin=program)

        pods = self._pods()
        with ThreadPoolExecutor(len(pods)) as side_by_side:
            return list(side_by_side.map(run, pods))

    def _pods(self) -> list[dict[str, Any]]:
        listed = self.kubectl("get", "pods", "--selector=pod-template-hash", "--output=json")
        return list(json.loads(listed)["items"])
