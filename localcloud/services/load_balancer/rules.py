"""The rules that the parts of a load balancer keep among themselves."""

from collections import Counter
from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from localcloud.api import errors
from localcloud.services.load_balancer.parts import BackendSet, CertificateDetails

if TYPE_CHECKING:
    from localcloud.services.load_balancer.load_balancer import LoadBalancer


def check(balancer: "LoadBalancer") -> None:
    """Raise 400 for parts that contradict each other."""
    for backend_set in balancer.backend_sets.values():
        _check_set(backend_set)
    ports: dict[int, str] = {}
    for listener in balancer.listeners.values():
        if listener.default_backend_set_name not in balancer.backend_sets:
            raise errors.invalid_parameter(
                f"Listener '{listener.name}': the load balancer has no backend set "
                f"'{listener.default_backend_set_name}'."
            )
        tls = listener.ssl_configuration
        if tls and tls.certificate_name not in balancer.certificates:
            raise errors.invalid_parameter(
                f"Listener '{listener.name}': the load balancer has no certificate "
                f"'{tls.certificate_name}'."
            )
        if other := ports.get(listener.port):
            raise errors.invalid_parameter(
                f"The listeners '{other}' and '{listener.name}' have the same port {listener.port}."
            )
        ports[listener.port] = listener.name


def _check_set(backend_set: BackendSet) -> None:
    names = Counter(each.name for each in backend_set.backends)
    if repeated := [name for name, count in names.items() if count > 1]:
        raise errors.invalid_parameter(
            f"Backend set '{backend_set.name}' has the backend '{repeated[0]}' twice."
        )
    for each in backend_set.backends:
        try:
            IPv4Address(each.ip_address)
        except AddressValueError as error:
            raise errors.invalid_parameter(
                f"ipAddress '{each.ip_address}' of a backend is no IPv4 address."
            ) from error
        if each.backup and backend_set.policy == "IP_HASH":
            raise errors.invalid_parameter(
                f"Backend '{each.name}' is a backup, which the policy IP_HASH does not allow."
            )


def private_key(details: CertificateDetails) -> str:
    """Return the certificate's key in PEM, without a passphrase; raises 400 for another's key."""
    name = details.certificate_name
    try:
        certificate = x509.load_pem_x509_certificates(details.public_certificate.encode())[0]
        if details.ca_certificate:
            x509.load_pem_x509_certificates(details.ca_certificate.encode())
    except ValueError as error:
        raise errors.invalid_parameter(f"Certificate '{name}' is no certificate in PEM.") from error
    passphrase = details.passphrase.encode() if details.passphrase else None
    try:
        key = load_pem_private_key(details.private_key.encode(), passphrase)
    except (ValueError, TypeError) as error:
        raise errors.invalid_parameter(
            f"The private key of certificate '{name}' is no key in PEM, or not for this passphrase."
        ) from error
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise errors.invalid_parameter(f"The private key does not belong to certificate '{name}'.")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
