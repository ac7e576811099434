"""The kubeconfig of a stack's cluster: its address and its CA, and a command that makes tokens.

It has no secret in it. Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

import json
from typing import Any

import yaml

PYTHON = ".venv/bin/python"
_MODULE = "stack.cluster_token"


def of_stack(
    content: str, *, cluster_id: str, region: str, stack: str, python: str = PYTHON
) -> str:
    """Return the kubeconfig, in JSON, from that of Container Engine.

    The users of Container Engine's are of the command `oci`, which is not needed here: the module
    signs by the credentials in the stack's configuration. A relative `python` is for processes in
    the project's folder, such as Pulumi's plugins.
    """
    cluster = yaml.safe_load(content)["clusters"][0]["cluster"]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": stack, "cluster": cluster}],
        "users": [{"name": stack, "user": {"exec": _command(cluster_id, region, stack, python)}}],
        "contexts": [{"name": stack, "context": {"cluster": stack, "user": stack}}],
        "current-context": stack,
    }
    return json.dumps(document, indent=2)


def _command(cluster_id: str, region: str, stack: str, python: str) -> dict[str, Any]:
    arguments = ["--stack", stack, "--cluster", cluster_id, "--region", region]
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "interactiveMode": "Never",
        "command": python,
        "args": ["-m", _MODULE, *arguments],
        "provideClusterInfo": False,
    }
