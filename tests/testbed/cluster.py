"""The cluster of a clone's stack, asked by kubectl as an operator does after `make env`."""

import json
import shlex
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

    def nodes_of_pods(self) -> list[str]:
        return [pod["spec"].get("nodeName", "") for pod in self.pods()]

    def revision(self) -> int:
        (deployment,) = self.get("deployments")
        return int(deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"])

    def configured(self, key: str, value: str) -> None:
        """Set a key of the configuration, and update the stack."""
        assert self.clone.shell(f"pulumi config set auth:{key} {value}").status == 0
        up = self.clone.make("up")
        assert up.status == 0, up.output
