"""The coverage page: a list of the modelled operations, made from the code."""

import inspect
from collections.abc import Sequence

from localcloud.api.operation import Operation
from localcloud.discovery import SERVICES
from localcloud.service import Service

_INTRODUCTION = """\
# Coverage of the emulated Oracle Cloud

This page is made from the code by `python -m localcloud coverage`; don't edit it.

Every request must carry a valid OCI signature, or is answered 401. An operation of any service that
is not listed is answered 400 `NotImplemented`; a query parameter or body field that is not listed,
400 `InvalidParameter`. Defined tags are refused.

With `CLIENT_HOST_OVERRIDES` as `python -m localcloud describe` prints it, each client of the
official provider speaks to the emulator, except the client of work requests: the provider always
asks Oracle Cloud for them. So the answers to the provider, recognised by its user agent, name no
work request; its update of an instance is answered when the machine is back. Database with
PostgreSQL has work requests of its own, which the provider finds here.

## Object Storage by its S3-compatible API

At `/s3/auth-backup` there is a bucket with versions, for the customer secret key that
`python -m localcloud describe` names. Each bucket of the native API is at `/s3/NAME`, for the keys
of users with a policy for it. Requests are signed by AWS's signature version 4. Modelled: to put,
get (also a range), head, list (version 2), delete one or many, and an upload in parts. Versions are
refused by name; as on Oracle Cloud, so are bodies in signed chunks.

## Certificate authority

`python -m localcloud authority --program PEBBLE` starts a CA that speaks ACME (RFC 8555), with the
profiles `classic` and `shortlived` of Let's Encrypt. It really asks the public addresses of the
machines, on ports 80 and 443. The root of its certificates is new with each start: `describe` names
the file of all roots. It asks for no CAA records, and keeps no accounts over a restart.

## Clusters

A cluster of Container Engine is a real Kubernetes: its control plane and each node are machines,
with containerd, the overlay network of OKE (VXLAN) and kube-proxy. The parts of Kubernetes are one
program, built once from Go modules:

    program=$(python -m toolchain kubernetes)
    python -m localcloud kubernetes --home DIR --program "$program"

`"$program" kubectl` is its kubectl. The kubeconfig of CreateKubeconfig calls `oci ce cluster
generate-token`, of Oracle's CLI; the API server has each token reviewed by this cloud, as OKE does.
Nodes pull from the registry by an image pull secret.

A kernel that allows 128 inotify instances, as most do, has room for about nine machines. One more
restarts again and again. `make up` and `make docker` raise the limit to 1024 until a reboot if
they start Docker or run as root. Elsewhere: `sudo sysctl fs.inotify.max_user_instances=1024`.

## Faults on request

`POST /localcloud/faults` takes a fault as JSON, `GET` lists and `DELETE` clears them. Instead of a
signature it takes the header `Authorization: Bearer TOKEN`, with the token in the file
`control-token` of the home, which its user alone can read. Fields: `kind`, and optionally
`availabilityDomain` (default: all), `times` (default: until cleared), `seconds`, `limits`.

| kind | effect |
|---|---|
| `outOfHostCapacity` | a launch is answered 500 "Out of host capacity." |
| `limitExceeded` | a launch is answered 400 LimitExceeded, naming `limits` |
| `notAuthenticated` | a request is answered 401 |
| `loggingUnavailable` | a post of log entries is answered 503 |
| `slowBoot` | an instance stays PROVISIONING `seconds` longer |
| `aptBusy` | apt's and dpkg's locks are held for `seconds` after a first boot, not a short while |
| `sshdLate` | a new instance answers no connection until `seconds` after it is RUNNING |
"""


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_INTRODUCTION, *(_section(service) for service in SERVICES)])


def _section(service: Service) -> str:
    limits = [inspect.cleandoc(each.limits) for each in service.resource_types if each.limits]
    operations = sorted(
        (
            operation
            for resource_type in service.resource_types
            for operation in resource_type.operations
        ),
        key=lambda operation: (operation.path, operation.method),
    )
    return "\n".join(
        [
            f"## {service.title}",
            "",
            *([*limits, ""] if limits else []),
            f"Clients of the provider: {_codes(service.clients) or 'none'}.",
            f"All paths begin with `/{service.version}`.",
            "",
            "| operation | request | parameters and fields |",
            "|---|---|---|",
            *(_row(operation) for operation in operations),
            "",
        ]
    )


def _row(operation: Operation) -> str:
    return (
        f"| {operation.name} | `{operation.method} {operation.path}` | "
        f"{_codes(sorted(operation.queries) or operation.fields)} |"
    )


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
