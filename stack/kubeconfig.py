"""The kubeconfig of a stack's cluster for kubectl in any folder, by `make env`."""

from collections.abc import Mapping
from typing import Any

from common import files, kubeconfig
from stack.stack import Stack

OUTPUT = "kubeconfig"


def variables(stack: Stack, outputs: Mapping[str, Any]) -> dict[str, str]:
    """Write the kubeconfig; return the variable that names it, or nothing without a cluster."""
    content = outputs.get(OUTPUT)
    if not content:
        return {}
    file = stack.clone / ".local" / OUTPUT / f"{stack.name}.json"
    files.write(file, kubeconfig.anywhere(str(content), stack.clone))
    return {"KUBECONFIG": str(file)}
