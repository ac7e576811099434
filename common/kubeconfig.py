"""The kubeconfig of a stack's cluster: its address and its CA, and a command that makes tokens.

It has no secret in it. Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

import json
from pathlib import Path
from typing import Any

import yaml

_PYTHON = ".venv/bin/python"
_MODULE = "stack.cluster_token"


def of_stack(content: str, *, cluster_id: str, region: str, stack: str) -> str:
    """Return the kubeconfig, in JSON, from that of Container Engine.

    Its user is the command `oci`, which is not needed here: a module of ours signs by the
    credentials in the stack's configuration. The path of its Python is for processes in the
    project's folder, such as Pulumi's plugins, and the same on each machine.
    """
    cluster = yaml.safe_load(content)["clusters"][0]["cluster"]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": stack, "cluster": cluster}],
        "users": [{"name": stack, "user": {"exec": _command(cluster_id, region, stack)}}],
        "contexts": [{"name": stack, "context": {"cluster": stack, "user": stack}}],
        "current-context": stack,
    }
    return json.dumps(document, indent=2)


def anywhere(content: str, clone: Path) -> str:
    """Return the kubeconfig of a stack for processes in any folder of this machine."""
    document = json.loads(content)
    for user in document["users"]:
        command = user["user"]["exec"]
        command["command"] = str(clone / command["command"])
        command["env"] = [{"name": "PYTHONPATH", "value": str(clone)}]
    return json.dumps(document, indent=2)


def _command(cluster_id: str, region: str, stack: str) -> dict[str, Any]:
    arguments = ["--stack", stack, "--cluster", cluster_id, "--region", region]
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "interactiveMode": "Never",
        "command": _PYTHON,
        "args": ["-m", _MODULE, *arguments],
        "provideClusterInfo": False,
    }
