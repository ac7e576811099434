"""A lost state: no update takes it for a new stack, and an earlier version takes its place."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common import files
from components import advice
from stack.cloud_client import failures, open_client
from stack.errors import StackError
from stack.stack import Stack

_ENDED = frozenset({"TERMINATING", "TERMINATED"})


def refuse_second_server(stack: Stack, resources: Sequence[Mapping[str, Any]]) -> None:
    """Raise StackError if the state has no resource of Oracle's, and the stack's VM is there.

    Only then the cloud is asked. Without an answer the update goes on: wrong credentials are left
    to the program, whose refusal names them.
    """
    if any(str(resource.get("type")).startswith("oci:") for resource in resources):
        return
    import oci  # noqa: PLC0415 - takes most of a second

    from components.labels import display_name  # noqa: PLC0415 - takes most of a second

    compartment = stack.configuration.values().get("auth:compartmentOcid", "")
    try:
        client = open_client(stack, oci.core.ComputeClient, package="oci_core", path="/20160918")
        instances = oci.pagination.list_call_get_all_results(
            client.list_instances,
            compartment,
            display_name=display_name("auth", stack.name),
            retry_strategy=oci.retry.NoneRetryStrategy(),
        ).data
    except StackError:
        return
    except failures():
        return
    for instance in instances:
        if instance.lifecycle_state not in _ENDED:
            raise StackError(
                f"The state of {stack.name} is empty, but the stack's server is there: "
                f"{instance.display_name}, {instance.lifecycle_state}, {instance.id}. An update "
                "would make a second server. Put an earlier version of the state back: "
                f'{advice.make("state FROM=FILE", stack.name)} (docs/runbook.md, "The state is '
                'lost"). If nobody needs that server, delete it in the console. If it is not the '
                "stack's, give it another name there."
            )


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
