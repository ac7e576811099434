"""The parts of a load balancer: backend sets with their health checks, listeners, certificates."""

from typing import Annotated, Literal

from pydantic import Field

from localcloud.api.wire import Details

POLICIES = ("ROUND_ROBIN", "LEAST_CONNECTIONS", "IP_HASH")
PROTOCOLS = ("HTTP", "TCP")

Policy = Literal["ROUND_ROBIN", "LEAST_CONNECTIONS", "IP_HASH"]
Protocol = Literal["HTTP", "TCP"]
SetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,255}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Weight = Annotated[int, Field(ge=1, le=100)]


class UpdateBackendDetails(Details):
    """The use of a backend server: its share of requests, or none for some reason."""

    weight: Weight = 1
    max_connections: int | None = Field(default=None, ge=256, le=65535)
    backup: bool = False  # gets requests while all others are down
    drain: bool = False  # gets no new requests; those that are open are answered
    offline: bool = False


class BackendDetails(UpdateBackendDetails):
    """A backend server in a request."""

    ip_address: str
    port: Port


class CreateBackendDetails(BackendDetails):
    """The request for a backend server."""


class Backend(BackendDetails):
    """A backend server; its name is ADDRESS:PORT."""

    name: str


class HealthChecker(Details):
    """The test of each backend server: by an HTTP request, or by a TCP connection alone.

    `retries` results in a row decide, both for healthy and for not. Without a port each backend is
    asked at its own.
    """

    protocol: Protocol
    url_path: str = Field(default="/", max_length=2048, pattern=r"^/[!-~]*$")
    port: int | None = Field(default=None, ge=0, le=65535)
    return_code: int = Field(default=200, ge=100, le=599)
    retries: int = Field(default=3, ge=1, le=10)
    timeout_in_millis: int = Field(default=3000, ge=1, le=600_000)
    interval_in_millis: int = Field(default=10_000, ge=1000, le=1_800_000)
    response_body_regex: Literal[".*", ""] = ".*"
    is_force_plain_text: bool | None = None


class BackendSetDetails(Details):
    """A backend set in the request for a load balancer."""

    policy: Policy
    backends: list[BackendDetails] = Field(default_factory=list, max_length=512)
    health_checker: HealthChecker


class CreateBackendSetDetails(BackendSetDetails):
    """The request for a backend set."""

    name: SetName


class UpdateBackendSetDetails(BackendSetDetails):
    """The update of a backend set, which is replaced with its backends."""

    backends: list[BackendDetails] = Field(max_length=512)


class BackendSet(Details):
    """A list of backend servers with a policy and a health check."""

    name: SetName
    policy: Policy
    backends: list[Backend]
    health_checker: HealthChecker


class SSLConfiguration(Details):
    """The TLS of a listener, by a certificate of the load balancer. Clients show none."""

    certificate_name: Name
    protocols: list[Literal["TLSv1.2"]] = Field(default=["TLSv1.2"], min_length=1)
    # the other predefined suites are not modelled
    cipher_suite_name: Literal["oci-default-ssl-cipher-suite-v1"] = (
        "oci-default-ssl-cipher-suite-v1"
    )
    server_order_preference: Literal["ENABLED", "DISABLED"] = "ENABLED"
    verify_peer_certificate: Literal[False] = False
    verify_depth: int = Field(default=1, ge=1)


class ConnectionConfiguration(Details):
    """The longest pause between two reads or writes, in seconds."""

    idle_timeout: int = Field(ge=1, le=7200)


class ListenerDetails(Details):
    """A listener in a request, and its update."""

    default_backend_set_name: str
    port: Port
    protocol: Protocol
    ssl_configuration: SSLConfiguration | None = None
    connection_configuration: ConnectionConfiguration | None = None


class CreateListenerDetails(ListenerDetails):
    """The request for a listener."""

    name: Name


class Listener(ListenerDetails):
    """A port at the load balancer's address, and the backend set that serves it."""

    name: Name

    @property
    def idle_timeout(self) -> int:
        """The longest pause in seconds, by default Oracle's."""
        if self.connection_configuration:
            return self.connection_configuration.idle_timeout
        return 60 if self.protocol == "HTTP" else 300


class CertificateDetails(Details):
    """A certificate in a request: all in PEM, the key maybe encrypted with the passphrase."""

    certificate_name: Name
    public_certificate: str
    private_key: str
    ca_certificate: str | None = None
    passphrase: str | None = None


class Certificate(Details):
    """A certificate, as it is shown: never with its key."""

    certificate_name: Name
    public_certificate: str
    ca_certificate: str | None = None


def backend(details: BackendDetails) -> Backend:
    """Return a backend server under its name."""
    fields = {name: getattr(details, name) for name in BackendDetails.model_fields}
    return Backend(**fields, name=f"{details.ip_address}:{details.port}")


def backend_set(name: str, details: BackendSetDetails) -> BackendSet:
    """Return a backend set under its name."""
    return BackendSet(
        name=name,
        policy=details.policy,
        backends=[backend(each) for each in details.backends],
        health_checker=details.health_checker,
    )


def listener(name: str, details: ListenerDetails) -> Listener:
    """Return a listener under its name."""
    fields = {field: getattr(details, field) for field in ListenerDetails.model_fields}
    return Listener(**fields, name=name)
