"""A lost state comes back, from an earlier version of it."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import files
from components import advice
from stack.errors import StackError
from stack.stack import Stack


def put_back(stack: Stack, source: str) -> int:
    """Give a stack without a state the state in a file; raise StackError for another stack's.

    The file is an object of a bucket's backend, or the output of `pulumi stack export`.
    """
    version, deployment = read(source, stack.name)
    if present := stack.resources():
        raise StackError(
            f"The stack {stack.name} has a state, with {len(present)} resources. Nothing was "
            "changed. An earlier version takes its place by `pulumi stack import`."
        )
    stack.create()
    # private, and gone afterwards: it has the resources' inputs
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "state.json"
        files.write(file, json.dumps({"version": version, "deployment": deployment}))
        stack.pulumi.run("stack", "import", "--file", str(file))
    moment = str(deployment.get("manifest", {}).get("time", ""))[:19]
    print(
        f"The state of {stack.name} is back: {len(deployment['resources'])} resources, as of "
        f"{moment} UTC. Next, ask the cloud about later changes: "
        f"{advice.make('up REFRESH=1', stack.name)}"
    )
    return 0


def read(source: str, stack: str) -> tuple[int, Mapping[str, Any]]:
    """Return the version and the deployment of a stored state; raise StackError for another file.

    Source of both forms: VersionedCheckpoint and UntypedDeployment in Pulumi's
    sdk/go/common/apitype/core.go.
    """
    if not source:
        example = advice.make("state FROM=dev.json", stack)
        raise StackError(
            f"FROM is empty. Name a file with an earlier version of the state, such as {example}. "
            'docs/runbook.md, "The state is lost", leads to one.'
        )
    try:
        document = json.loads(Path(source).read_text())
        version = int(document["version"])
        is_export = "deployment" in document
        deployment = document["deployment"] if is_export else document["checkpoint"]["latest"]
        urns = [str(resource["urn"]) for resource in deployment["resources"]]
    except OSError as error:
        raise StackError(f"{source} can't be read: {error.strerror}.") from None
    except (ValueError, LookupError, TypeError):
        raise StackError(
            f"{source} is neither a state of Pulumi nor the output of `pulumi stack export`. "
            "Nothing was changed."
        ) from None
    if others := [urn for urn in urns if not urn.startswith(f"urn:pulumi:{stack}::auth::")]:
        raise StackError(
            f"{source} is not the state of {stack}: it has {others[0]}. Nothing was changed."
        )
    return version, deployment
