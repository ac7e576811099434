"""A release on a cluster of the emulated cloud, as the program makes it, and its stack."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.clone import CLONE
from stack import cli
from stack.cluster import commands
from stack.stack import Stack
from tests.localcloud.cluster import Cluster

# the service's place is taken by a server of files, which tells its release
_SERVE = (
    "import http.server as h; print('release {name} begins', flush=True); "
    "h.test(h.SimpleHTTPRequestHandler, port=8000)"
)
LABELS = {"app.kubernetes.io/name": "auth"}


@dataclass(frozen=True, kw_only=True)
class ClusterStack(Stack):
    """A stack whose program made a cluster; `text` is its kubeconfig."""

    text: str

    def outputs(self) -> dict[str, Any]:
        return {"kubeconfig": self.text}

    def resources(self) -> list[dict[str, Any]]:
        return []


def stack_on(cluster: Cluster) -> ClusterStack:
    return ClusterStack(
        name="dev", clone=cluster.folder, env=cluster.environment, text=cluster.kubeconfig
    )


def run(stack: Stack, *argv: str) -> int:
    """Run a command as `python -m stack` does for a stack on a cluster."""
    return commands.run(stack, cli.parser().parse_args(argv))


def finished(stack: ClusterStack, *argv: str, stdin: bytes) -> "subprocess.CompletedProcess[bytes]":
    """Run a command in a process of its own; return its exit status and its stdout."""
    return subprocess.run(
        _command(stack, argv),
        cwd=CLONE,
        env={**os.environ, **stack.env},
        input=stdin,
        stdout=subprocess.PIPE,
        timeout=60,
        check=False,
    )


def _command(stack: ClusterStack, argv: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", __name__, str(stack.clone), stack.text, *argv]


@contextlib.contextmanager
def started(stack: ClusterStack, *argv: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a command in a process of its own, with its stdout as a pipe."""
    with subprocess.Popen(
        _command(stack, argv),
        cwd=CLONE,
        env={**os.environ, **stack.env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def namespace(cluster: Cluster, *, server: str, username: str, password: str) -> None:
    cluster.kubectl("create", "namespace", "auth")
    login = ("docker-registry", "registry", f"--docker-server={server}")
    reader = (f"--docker-username={username}", f"--docker-password={password}")
    cluster.kubectl("--namespace=auth", "create", "secret", *login, *reader)


def release(cluster: Cluster, image: str, name: str, *, probe: str = "/", secret: str = "") -> None:
    """Apply the Deployment of a release, whose revision is its name, without a wait."""
    volumes = [{"name": "secrets", "secret": {"secretName": secret}}] if secret else []
    mounts = [{"name": "secrets", "mountPath": "/run/secrets"}] if secret else []
    container = {
        "name": "auth",
        "image": image,
        "command": ["python3", "-uc", _SERVE.format(name=name)],
        "volumeMounts": mounts,
        "readinessProbe": {"httpGet": {"path": probe, "port": 8000}, "periodSeconds": 1},
    }
    document = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "auth",
            "namespace": "auth",
            "labels": LABELS,
            "annotations": {"kubernetes.io/change-cause": f"{name} by ann@example.com on laptop"},
        },
        "spec": {
            "replicas": 2,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 10,
            "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": LABELS},
            "template": {
                "metadata": {"labels": LABELS, "annotations": {"auth-on-oci/revision": name}},
                "spec": {
                    "imagePullSecrets": [{"name": "registry"}],
                    "automountServiceAccountToken": False,
                    "terminationGracePeriodSeconds": 1,
                    "containers": [container],
                    "volumes": volumes,
                },
            },
        },
    }
    # over the fields of a rollback, as the program does
    command = ("apply", "--server-side", "--force-conflicts", "--filename=-")
    cluster.kubectl(*command, stdin=json.dumps(document))


if __name__ == "__main__":
    _folder, _text, *_argv = sys.argv[1:]
    _stack = ClusterStack(name="dev", clone=Path(_folder), env=os.environ, text=_text)
    sys.exit(run(_stack, *_argv))
