"""The cluster of a clone's stack, asked by kubectl as an operator does after `make env`."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from common.clone import CLONE
from tests.testbed.clone import Clone
from toolchain import kubernetes


@dataclass(frozen=True)
class Cluster:
    clone: Clone
    url: str

    def kubectl(self, *argv: str) -> str:
        program = kubernetes.ensure(CLONE)
        command = shlex.join([str(program), "kubectl", "--namespace=auth", *argv])
        done = self.clone.shell(f"{command} 2>&1")
        assert done.status == 0, done.output
        return done.output

    def get(self, *argv: str) -> list[dict[str, Any]]:
        return list(json.loads(self.kubectl("get", *argv, "--output=json"))["items"])

    def pods(self) -> list[dict[str, Any]]:
        """List the pods of the service, without those of Jobs."""
        return self.get("pods", "--selector=app.kubernetes.io/name=auth,pod-template-hash")

    def ready(self) -> list[dict[str, Any]]:
        """List the pods of the service that serve."""
        return [pod for pod in self.pods() if _is_ready(pod)]

    def nodes(self) -> list[dict[str, Any]]:
        return self.get("nodes")

    def revision(self) -> int:
        (deployment,) = self.get("deployments")
        return int(deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"])

    def unready_nodes(self) -> list[str]:
        return [node["metadata"]["name"] for node in self.nodes() if not _is_ready(node)]

    @contextmanager
    def dead(self, node: str) -> Iterator[None]:
        """Cut the power of a node; it comes back at the end."""
        (provider,) = (
            each["spec"]["providerID"] for each in self.nodes() if each["metadata"]["name"] == node
        )
        label = f"label=auth.localcloud.instance={provider}"
        named = self.clone.run("docker", "ps", "--quiet", "--filter", label)
        container = named.output.strip()
        assert self.clone.run("docker", "kill", container).status == 0, named.output
        try:
            yield
        finally:
            assert self.clone.run("docker", "start", container).status == 0

    def configured(self, key: str, value: str) -> None:
        """Set a key of the configuration, and update the stack."""
        assert self.clone.shell(f"pulumi config set auth:{key} {value}").status == 0
        up = self.clone.make("up")
        assert up.status == 0, up.output


def _is_ready(item: dict[str, Any]) -> bool:
    conditions = item["status"].get("conditions", [])
    is_ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return is_ready and "deletionTimestamp" not in item["metadata"]
