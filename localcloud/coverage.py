"""The coverage page: what is modelled, told by the code that models it."""

from collections.abc import Sequence

from localcloud.api.app import OPERATIONS, VERSION
from localcloud.api.operation import Operation
from localcloud.machines import firewall

_INTRODUCTION = f"""\
# What the emulated Oracle Cloud models

This page is made from the code by `python -m localcloud coverage`; don't edit it.

Every request must carry a valid OCI signature, or is answered 401. An operation that is not listed,
of these services or another one, is answered 400 `NotImplemented`, a query parameter or body field
that is not listed 400 `InvalidParameter`. All paths begin with `/{VERSION}`.

With `CLIENT_HOST_OVERRIDES` as `python -m localcloud describe` prints it, each client of the
official provider speaks to this server, but the one of work requests: the provider asks Oracle
Cloud for those. So the provider, known by its user agent, is not told of any; its update of an
instance is answered when the machine is back.

## How far it goes

- An instance is a real machine of the host's own architecture. Only images of that architecture
  exist, and a shape of another one is "Out of host capacity."
- There are three availability domains, so that trying the next one can be practised, although the
  real region has one. All are this machine.
- Ingress rules of security lists and network security groups are enforced, by source and by port.
  Egress rules are kept and shown, but everything may leave. Stateless rules, source ports, groups
  or services as peers and ingress rules that open more than {firewall.MAX_PORTS} TCP ports are
  refused.
- A public IP answers only while its subnet's route table sends 0.0.0.0/0 to an enabled internet
  gateway. Narrower routes are kept without effect.
- A deleted network resource or public IP is gone at once (404). Instances and volumes stay to be
  seen as TERMINATED, attachments as DETACHED.
- A boot volume has no bytes of its own: they are the machine's, and end with it, so
  `preserveBootVolume=true` is refused, and a bigger one is only remembered.
- A volume grows while it is attached, and never shrinks. As on Oracle Cloud, its machine sees that
  after a rescan, `echo 1 > /sys/class/block/DEVICE/device/rescan`. The kernel lets a mounted ext4
  grow only for who has CAP_SYS_RESOURCE; a machine has it unless this host withholds it from root.
- A change of shape, size or fault domain reboots a running instance. The machine's limits of CPU
  and memory follow, as far as the host goes; `nproc` and `free` in it go on showing the host's.
- A machine finds its metadata at http://169.254.169.254/opc/v2/ (and v1, unless that is disabled),
  a resolver at 169.254.169.254:53, and at 169.254.0.2 and 169.254.2.2 something that takes
  connections to port 3260, where iSCSI would be.
- Changing an instance's image, IPv6, secondary VNICs, iSCSI and defined tags are refused.

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
| `slowBoot` | an instance stays PROVISIONING `seconds` longer |
| `aptBusy` | apt's and dpkg's locks are held for `seconds` after a first boot, not a short while |
| `sshdLate` | a new instance answers no connection until `seconds` after it is RUNNING |

## Operations
"""


def page() -> str:
    """Return the page as Markdown."""
    rows = sorted(OPERATIONS, key=lambda operation: (operation.path, operation.method))
    table = [
        "| operation | request | parameters and fields |",
        "|---|---|---|",
        *(_row(operation) for operation in rows),
    ]
    return _INTRODUCTION + "\n" + "\n".join(table) + "\n"


def _row(operation: Operation) -> str:
    return (
        f"| {operation.name} | `{operation.method} {operation.path}` | "
        f"{_codes(sorted(operation.queries) or operation.fields)} |"
    )


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
