"""Database systems: containers with the distribution's PostgreSQL server, by TLS alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.machines import containers, firewall, images, seed
from localcloud.machines.bridge import Bridge
from localcloud.machines.database_authority import DatabaseAuthority
from localcloud.machines.docker import docker, exists, inspect
from localcloud.machines.firewall import IngressRule
from localcloud.state.home import Home

_READY_SECONDS = 60
_DATA = "/var/lib/postgresql"
_ADMINISTRATOR = """\
SELECT format('CREATE ROLE %I', :'username')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'username') \\gexec
ALTER ROLE :"username" LOGIN CREATEROLE CREATEDB PASSWORD :'verifier';
"""


@dataclass(frozen=True, kw_only=True)
class DatabaseSpec:
    """A database system to launch. Machines find it by `name`, its fully qualified host name."""

    system_id: str
    name: str
    private_ip: str
    prefix_length: int


class Databases:
    """All database systems of a home. Docker is the memory, as it is for machines."""

    def __init__(self, home: Home, bridge: Bridge) -> None:
        self._home, self._bridge = home, bridge
        self._authority = DatabaseAuthority(home.path / "databases")

    @property
    def ca_certificate(self) -> str:
        """The certificate of the CA, in PEM, that signs the servers'."""
        return self._authority.certificate

    def launch(self, spec: DatabaseSpec) -> None:
        """Create and start the server, which lets nobody in yet, and wait until it answers."""
        signed = self._authority.sign(spec.name)
        name = self._name(spec.system_id)
        image = images.database(lambda _: None)
        with self._bridge.free_address() as address:
            docker(
                *("create", "--name", name, "--label", self._home.label, "--init"),
                *("--network", self._bridge.name, "--ip", str(address)),
                # the resolver of the machines answers with the address on the bridge
                *("--network-alias", spec.name),
                *("--restart", "unless-stopped", "--cap-drop", "ALL"),
                *(f"--cap-add={each}" for each in _CAPABILITIES),
                *("--shm-size", "256m"),
                *("--mount", f"source={name},target={_DATA},volume-label={self._home.label}"),
                image,
            )
        contents = {
            "etc/localcloud/network": (
                f"PRIVATE_IP={spec.private_ip}\nPREFIX_LENGTH={spec.prefix_length}\n"
            ),
            "etc/localcloud/ingress": firewall.packet_filter(()),
            "etc/localcloud/server.pem": signed.certificate,
            "etc/localcloud/server.key": signed.key,
        }
        docker("cp", "-", f"{name}:/", stdin=seed.archive(contents))
        docker("start", name)
        ready = ("pg_isready", "--quiet", "--host", "/run/postgresql")
        containers.wait_until(name, *ready, server="PostgreSQL", seconds=_READY_SECONDS, pause=0.2)

    def exists(self, system_id: str) -> bool:
        """Return whether the system has a container, running or not."""
        return inspect(self._name(system_id)) is not None

    def set_administrator(self, system_id: str, username: str, verifier: str) -> None:
        """Make the administrator's role, or give it another password, by its SCRAM verifier.

        As on Oracle Cloud it is no superuser: it makes roles and databases.
        """
        variables = f"\\set username '{username}'\n\\set verifier '{verifier}'\n"
        docker(
            *("exec", "--interactive", "--user", "postgres", self._name(system_id)),
            *("psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--dbname=postgres"),
            stdin=f"{variables}{_ADMINISTRATOR}".encode(),
        )

    def set_ingress(self, system_id: str, rules: Sequence[IngressRule]) -> None:
        """Put the whole list of rules in force, now and after each start."""
        containers.put_packet_filter(self._name(system_id), firewall.packet_filter(rules))

    def terminate(self, system_id: str) -> None:
        """Destroy the server with its data. Idempotent."""
        name = self._name(system_id)
        if exists("container", name):
            docker("rm", "--force", name)
        if exists("volume", name):
            docker("volume", "rm", "--force", name)

    def _name(self, system_id: str) -> str:
        return f"{self._home.prefix}db-{system_id.rpartition('.')[2][-12:]}"


# to become the server's user, to give it its files, and to filter packets
_CAPABILITIES = ("SETUID", "SETGID", "CHOWN", "DAC_OVERRIDE", "FOWNER", "NET_ADMIN", "NET_RAW")
