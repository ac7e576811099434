"""The nodes of a cluster as the clients of Oracle's PostgreSQL server: a Job makes the role."""

import json
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components import attempts, objects, pods
from components.database import Clients
from components.image import Registry
from components.objects import Objects
from host.auth_release.desired import Health, Limits

_SECONDS = 180  # the rule for the nodes, and the server's name, may be new
_FILE = "ROLE"  # among the files of the Job's container
_COMMAND = ("python", "-m", "auth", "make-database-role", f"/run/secrets/{_FILE}")


def on_nodes(
    block: str,
    *,
    name: str,
    cluster_id: pulumi.Input[str],
    kubeconfig: pulumi.Input[str],
    image: pulumi.Input[str],
    registry: Registry,
    uid: int,
) -> Clients:
    """Return the nodes in the IPv4 block as clients.

    The Job is in a namespace of its own, as its Secret has the administrator's password.
    """

    def make_role(
        resource: str, document: pulumi.Output[dict[str, str]], options: pulumi.ResourceOptions
    ) -> pulumi.CustomResource:
        parent = options.parent
        if parent is None:
            raise ValueError("a role is made by a component")
        own = Objects(name, parent, cluster_id=cluster_id, kubeconfig=kubeconfig)
        namespace = own.namespace()
        account = own.account(namespace)
        login = own.login(namespace, registry)
        content = document.apply(lambda known: json.dumps(known, sort_keys=True))
        secret, secret_name = own.secrets(namespace, {_FILE: content})
        spec: Any = _pod(name, image, secret_name, uid).job(_COMMAND, seconds=_SECONDS)
        job_name = attempts.planned(secret_name, kubeconfig=kubeconfig, service=name)
        others = options.depends_on or []
        return kubernetes.batch.v1.Job(
            resource,
            metadata=own.metadata(
                name=job_name, annotations=objects.awaited(_SECONDS + pods.LEAVE_SECONDS)
            ),
            spec=spec,
            opts=own.options(
                *(others if isinstance(others, list) else []),
                account,
                login,
                secret,
                # a role that is made is not made again for another image
                ignore_changes=["spec.template.spec.containers[0].image"],
            ),
        )

    return Clients(block=block, slug="nodes", title="the nodes", make_role=make_role)


def _pod(name: str, image: pulumi.Input[str], secret: pulumi.Input[str], uid: int) -> pods.Pod:
    return pods.Pod(
        service=name,
        image=image,
        revision="",
        port=0,
        uid=uid,
        variables={},
        secrets=secret,
        secret_names=[_FILE],
        health=Health(),
        live_path="",
        limits=Limits(),
        end_seconds=0,
    )
