"""The update that makes a stack's VM: it asks the limits before, and tries domains in turn.

With a VM in the state, it is a plain update, and asks the cloud nothing
(docs/adr/0028-first-vm.md).
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from components import advice
from stack import limits, lost_state
from stack.cloud_client import failures, open_client
from stack.errors import OutOfCapacityError, StackError
from stack.stack import Stack

_VM = "oci:Core/instance:Instance"
_VOLUME = "oci:Core/volume:Volume"
_INDEX, _FAULT_DOMAIN = "auth:availabilityDomainIndex", "auth:faultDomain"
FAULT_DOMAINS = ("FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place for a VM: the index of an availability domain, and a fault domain of it."""

    index: int
    fault_domain: str = ""  # empty: Oracle chooses

    def described(self, domains: Sequence[str]) -> str:
        """Return the place in words, such as `kSDN:EU-MADRID-1-AD-1, FAULT-DOMAIN-2`."""
        name = domains[self.index]
        return f"{name}, {self.fault_domain}" if self.fault_domain else name


def up(stack: Stack, resources: Sequence[Mapping[str, Any]], *, refresh: bool) -> set[str]:
    """Update the stack; return the URNs of the changed resources.

    `resources` has the resources of the stack's state. Without a VM there, the limits are asked
    first. If no host has room for a VM, the other domains are tried, each once.
    """
    if not vms(resources):
        lost_state.refuse_second_server(stack, resources)
        _prepare(stack, _volume_domain(resources))
    try:
        return stack.up(refresh=refresh)
    except OutOfCapacityError as error:
        remaining = stack.resources()
        if vms(remaining):
            raise  # a VM that exists never moves
        values = stack.configuration.values()
        if not (domains := _ask_domains(stack, values)):
            raise
        return _up_elsewhere(stack, _volume_domain(remaining), domains, values, error)


def vms(resources: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """List the VMs of a state, without those whose end is pending."""
    return _of_type(resources, _VM)


def places(domains: Sequence[str], first: Place, *, volume_in: str = "") -> list[Place]:
    """Return the places to try after `first`: other domains, then the fault domains of each.

    A data volume that exists binds the VM to its domain.
    """
    count = len(domains)
    indexes = [(first.index + step) % count for step in range(count)]
    if volume_in in domains:
        indexes = [domains.index(volume_in)]
    candidates = [
        *(Place(index=index) for index in indexes),
        *(
            Place(index=index, fault_domain=fault_domain)
            for index in indexes
            for fault_domain in FAULT_DOMAINS
        ),
    ]
    return [place for place in candidates if place != first]


def _up_elsewhere(
    stack: Stack,
    volume_in: str,
    domains: Sequence[str],
    values: Mapping[str, str],
    error: OutOfCapacityError,
) -> set[str]:
    """Try the other places, and keep the place that has room in the stack's configuration."""
    first = _configured(values)
    others = places(domains, first, volume_in=volume_in)
    _report(f"No host has room for the VM in {first.described(domains)}.")
    for number, place in enumerate(others, start=2):
        _report(f"Try {number} of {len(others) + 1}: {place.described(domains)}.")
        _configure(stack, place)
        try:
            changed = stack.up()
        except OutOfCapacityError as latest:
            error = latest
            continue
        except BaseException:
            # the VM may be there: the configuration keeps its place
            _report(f"{_INDEX} is {place.index} now, in {stack.configuration.file}.")
            raise
        _report(
            f"The VM is in {place.described(domains)}, and {stack.configuration.file} names the "
            "place. Commit that file, unless it is the local stack's."
        )
        return changed
    _configure(stack, first)
    raise OutOfCapacityError(
        f"{error}\nOracle has no room for the VM in {len(others) + 1} places, each tried once. "
        f"Repeat `{advice.make('up', stack.name)}` later, or ask for less by auth:ocpus and "
        "auth:memoryInGbs: a VM can grow afterwards. An upgrade of the tenancy to pay-as-you-go "
        "keeps Always Free, and usually ends this."
    )


def _prepare(stack: Stack, volume_in: str) -> None:
    """Choose the domain of a data volume that exists, and ask the limits of the domain.

    The program refuses an index without a domain.
    """
    values = stack.configuration.values()
    domains, place = _ask_domains(stack, values), _configured(values)
    if volume_in in domains and place.index != domains.index(volume_in):
        place = Place(index=domains.index(volume_in))
        _report(f"The data volume is in {volume_in}, so the VM is made there.")
        _configure(stack, place)
    if place.index < len(domains):
        _check_limits(stack, values, domain=domains[place.index], volume=bool(volume_in))


def _check_limits(stack: Stack, values: Mapping[str, str], *, domain: str, volume: bool) -> None:
    schema = yaml.safe_load((stack.clone / "Pulumi.yaml").read_text())["config"]
    wanted = limits.of_configuration(values, schema, domain=domain, volume=volume)
    limits.check(stack, wanted, compartment=values.get("auth:compartmentOcid", ""))


def _volume_domain(resources: Sequence[Mapping[str, Any]]) -> str:
    """Return the availability domain of the stack's data volume; empty without a volume."""
    for volume in _of_type(resources, _VOLUME):
        return str((volume.get("outputs") or {}).get("availabilityDomain", ""))
    return ""


def _ask_domains(stack: Stack, values: Mapping[str, str]) -> list[str]:
    """Return the names of the region's availability domains; an empty list without an answer.

    Wrong credentials are left to the program, whose refusal names them.
    """
    import oci  # noqa: PLC0415 - takes most of a second

    try:
        client = open_client(
            stack, oci.identity.IdentityClient, package="oci_identity", path="/20160918"
        )
        answer = client.list_availability_domains(
            values.get("oci:tenancyOcid", ""), retry_strategy=oci.retry.NoneRetryStrategy()
        )
    except StackError:
        return []
    except failures():
        return []
    return [domain.name for domain in answer.data]


def _configured(values: Mapping[str, str]) -> Place:
    index = values.get(_INDEX, "0")
    return Place(
        index=int(index) if index.isdigit() else 0, fault_domain=values.get(_FAULT_DOMAIN, "")
    )


def _configure(stack: Stack, place: Place) -> None:
    stack.configuration.set_value(_INDEX, str(place.index))
    stack.configuration.set_value(_FAULT_DOMAIN, place.fault_domain)


def _of_type(resources: Sequence[Mapping[str, Any]], token: str) -> list[Mapping[str, Any]]:
    return [each for each in resources if each.get("type") == token and not each.get("delete")]


def _report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
