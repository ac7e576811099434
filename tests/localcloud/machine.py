"""A launched instance, its network and keys, and the programs that reach it."""

import socket
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from oci.core import models

from tests.localcloud.caller import Caller, eventually
from tests.localcloud.launches import encoded, launch_details, vnic

_ANYWHERE = "0.0.0.0/0"
_SSH_SECONDS = 60


@dataclass(frozen=True)
class Network:
    """A VCN that reaches the world, and a security group that lets SSH in."""

    caller: Caller
    vcn: Any
    gateway: Any
    subnet: Any
    group: Any

    @classmethod
    def create(cls, caller: Caller) -> "Network":
        vcn = caller.vcn("10.0.0.0/16", dns_label="auth")
        gateway = caller.network.create_internet_gateway(
            models.CreateInternetGatewayDetails(
                compartment_id=caller.compartment, vcn_id=vcn.id, is_enabled=True
            )
        ).data
        subnet = caller.subnet(vcn, dns_label="web")
        network = cls(caller, vcn, gateway, subnet, caller.group(vcn))
        network.route(gateway.id)
        network.let_in_subnet()
        network.let_in(22)
        return network

    def route(self, *gateway_ids: str) -> None:
        """Lead packets for the internet to these gateways; without any, cut the subnet off."""
        rules = [
            models.RouteRule(network_entity_id=ocid, destination=_ANYWHERE) for ocid in gateway_ids
        ]
        self.caller.network.update_route_table(
            self.vcn.default_route_table_id, models.UpdateRouteTableDetails(route_rules=rules)
        )

    def let_in(self, port: int, source: str = _ANYWHERE) -> str:
        ports = models.PortRange(min=port, max=port)
        rule = models.AddSecurityRuleDetails(
            direction="INGRESS",
            protocol="6",
            source=source,
            tcp_options=models.TcpOptions(destination_port_range=ports),
        )
        added = self.caller.network.add_network_security_group_security_rules(
            self.group.id,
            models.AddNetworkSecurityGroupSecurityRulesDetails(security_rules=[rule]),
        ).data
        return str(added.security_rules[0].id)

    def let_in_subnet(self, *ports: int) -> None:
        """Make the rules of the subnet's security list let in these ports and nothing else."""
        rules = [
            models.IngressSecurityRule(
                protocol="6",
                source=_ANYWHERE,
                tcp_options=models.TcpOptions(
                    destination_port_range=models.PortRange(min=port, max=port)
                ),
            )
            for port in ports
        ]
        self.caller.network.update_security_list(
            self.vcn.default_security_list_id,
            models.UpdateSecurityListDetails(ingress_security_rules=rules),
        )

    def keep_out(self, rule_id: str) -> None:
        self.caller.network.remove_network_security_group_security_rules(
            self.group.id,
            models.RemoveNetworkSecurityGroupSecurityRulesDetails(security_rule_ids=[rule_id]),
        )


class Keys:
    """The key to log in with, and the machine's own, which the caller knows beforehand."""

    def __init__(self, folder: Path) -> None:
        self.login, self.host = folder / "login", folder / "host"
        for file in (self.login, self.host):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(file)]
            subprocess.run(command, check=True, timeout=30)

    @property
    def metadata(self) -> dict[str, str]:
        private = "".join(f"    {line}\n" for line in self.host.read_text().splitlines())
        public = self.host.with_suffix(".pub").read_text()
        return {
            "ssh_authorized_keys": self.login.with_suffix(".pub").read_text(),
            "user_data": encoded(
                "#cloud-config\n"
                "ssh_deletekeys: true\n"
                f"ssh_keys:\n  ed25519_private: |\n{private}  ed25519_public: {public}"
                "write_files:\n- {path: /etc/launched, content: by user data}\n"
            ),
        }


class Machine:
    def __init__(
        self, network: Network, keys: Keys, *, hostname: str, assign_public_ip: bool = False
    ) -> None:
        self.caller, self.keys = network.caller, keys
        details = launch_details(
            self.caller,
            network.subnet,
            metadata=keys.metadata,
            create_vnic_details=vnic(
                network.subnet,
                nsg_ids=[network.group.id],
                hostname_label=hostname,
                assign_public_ip=assign_public_ip,
            ),
        )
        self.id = self.caller.compute.launch_instance(details).data.id

    @property
    def state(self) -> str:
        return str(self.caller.compute.get_instance(self.id).data.lifecycle_state)

    def wait_until(self, state: str) -> None:
        eventually(f"instance {self.id}", lambda: self.state, state, seconds=90)

    @cached_property
    def vnic_id(self) -> str:
        attachments = self.caller.compute.list_vnic_attachments(
            self.caller.compartment, instance_id=self.id
        ).data
        return str(attachments[0].vnic_id)

    @cached_property
    def private_ip_id(self) -> str:
        return str(self.caller.network.list_private_ips(vnic_id=self.vnic_id).data[0].id)

    def reserve_address(self) -> Any:
        details = models.CreatePublicIpDetails(
            compartment_id=self.caller.compartment,
            lifetime="RESERVED",
            private_ip_id=self.private_ip_id,
        )
        return self.caller.network.create_public_ip(details).data

    def ssh(self, address: str, command: str, *, stdin: str = "") -> str:
        """Run a command as the image's user, accepting the known host key alone."""
        known_hosts = self.keys.host.parent / "known_hosts"
        known_hosts.write_text(f"{address} {self.keys.host.with_suffix('.pub').read_text()}")
        options = [
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={known_hosts}",
            "BatchMode=yes",
        ]
        done = subprocess.run(
            [
                *("ssh", "-F", "none", "-i", str(self.keys.login)),
                *(word for option in options for word in ("-o", option)),
                *(f"ubuntu@{address}", command),
            ],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_SSH_SECONDS,
            check=False,
        )
        return (done.stdout + done.stderr).strip()

    def wait_for_ssh(self, address: str) -> None:
        eventually("ssh", lambda: self.ssh(address, "echo up"), "up", seconds=_SSH_SECONDS)


def answers(address: str, port: int) -> bool:
    """Return whether something answers behind the port: a connection alone is no answer."""
    try:
        with socket.create_connection((address, port), timeout=3) as connection:
            connection.settimeout(3)
            return bool(connection.recv(1))
    except OSError:
        return False
