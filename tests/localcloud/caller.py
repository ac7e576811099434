"""The emulated cloud, called by Oracle's own Python SDK over real HTTP."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import oci
import pytest
from oci.core import models

from localcloud.ocids import REGION
from localcloud.state.account import Account
from localcloud.state.home import Home


@dataclass(frozen=True)
class Caller:
    """The cloud's user, with clients of the services."""

    home: Home
    account: Account

    def control(self) -> httpx.Client:
        """Return a client of the control paths."""
        token = self.home.control_token_file.read_text()
        return httpx.Client(
            base_url=f"{self.home.endpoint}/localcloud",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        )

    @property
    def compartment(self) -> str:
        return self.account.compartment

    @property
    def config(self) -> dict[str, str]:
        return {
            "user": self.account.user,
            "tenancy": self.account.tenancy,
            "fingerprint": self.account.fingerprint,
            "key_file": str(self.account.private_key_file),
            "region": REGION,
        }

    def client(self, kind: type[Any], **config: str) -> Any:
        return kind(
            {**self.config, **config},
            service_endpoint=self.home.endpoint,
            retry_strategy=oci.retry.NoneRetryStrategy(),
            circuit_breaker_strategy=oci.circuit_breaker.NoCircuitBreakerStrategy(),
        )

    @cached_property
    def network(self) -> Any:
        return self.client(oci.core.VirtualNetworkClient)

    @cached_property
    def compute(self) -> Any:
        return self.client(oci.core.ComputeClient)

    @cached_property
    def storage(self) -> Any:
        return self.client(oci.core.BlockstorageClient)

    @cached_property
    def work_requests(self) -> Any:
        return self.client(oci.work_requests.WorkRequestClient)

    @cached_property
    def identity(self) -> Any:
        return self.client(oci.identity.IdentityClient)

    @cached_property
    def domains(self) -> list[str]:
        domains = self.identity.list_availability_domains(self.account.tenancy).data
        return [domain.name for domain in domains]

    def vcn(self, cidr: str = "10.0.0.0/16", **details: Any) -> Any:
        request = models.CreateVcnDetails(
            compartment_id=self.compartment, cidr_blocks=[cidr], **{"dns_label": "v", **details}
        )
        return self.network.create_vcn(request).data

    def subnet(self, vcn: Any, cidr: str = "10.0.1.0/24", **details: Any) -> Any:
        request = models.CreateSubnetDetails(
            compartment_id=self.compartment, vcn_id=vcn.id, cidr_block=cidr, **details
        )
        return self.network.create_subnet(request).data

    def group(self, vcn: Any) -> Any:
        request = models.CreateNetworkSecurityGroupDetails(
            compartment_id=self.compartment, vcn_id=vcn.id
        )
        return self.network.create_network_security_group(request).data

    def detach(self, attachment_id: str) -> None:
        """Take a volume from its machine, and wait until it is away."""
        self.compute.detach_volume(attachment_id)
        eventually(
            "the volume attachment",
            lambda: self.compute.get_volume_attachment(attachment_id).data.lifecycle_state,
            "DETACHED",
        )


def refused(status: int, code: str, call: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """Make a call that must be refused with this status and code; return the error's text."""
    with pytest.raises(oci.exceptions.ServiceError) as caught:
        call(*args, **kwargs)
    assert (caught.value.status, caught.value.code) == (status, code), caught.value.message
    return str(caught.value.message)


def eventually(what: str, current: Callable[[], Any], wanted: Any, seconds: float = 60) -> None:
    """Wait until `current()` equals `wanted`; a timeout shows its last value."""
    deadline = time.monotonic() + seconds
    while (last := current()) != wanted:
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not become {wanted!r} within {seconds} s; last: {last!r}")
        time.sleep(0.1)
