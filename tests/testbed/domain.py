"""A domain that leads to the service of a clone's stack, and its certificate by a real CA.

No name server of this machine is asked: each Python that is started has the name in a module that
Python imports at its start.
"""

import os
import shlex
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from tests.localcloud import acme_ca
from tests.localcloud.acme_ca import Ca
from tests.testbed.clone import Clone
from tests.testbed.load import Load

NAME = "auth.example.test"
# that a domain and `make renew` leave in the configuration
KEYS = (
    *("domain", "acmeDirectory", "acmeRoots", "acmeAccountKey"),
    *("certificate", "certificateKey"),
)
_MODULE = f"""import socket
_everywhere = socket.getaddrinfo
def _of_a_test(host, *others, **more):
    return _everywhere("ADDRESS" if host == {NAME!r} else host, *others, **more)
socket.getaddrinfo = _of_a_test
"""


def renews_without_a_lost_request(clone: Clone, address: str, folder: Path) -> None:
    """Get a first certificate for a clone's cluster by `make renew`, then another under load.

    The stack has the domain afterwards. It takes a minute and a half.
    """
    with _leading(NAME, address, folder), _issuing(clone, address, folder) as trusted:
        first = _renewed(clone, trusted)
        # as a certificate in its last third
        _must(clone, "pulumi config rm auth:certificate")
        with Load(f"https://{NAME}", trusted=trusted) as load:
            assert _renewed(clone, trusted) != first
        assert load.failures == [], str(load)


def _renewed(clone: Clone, trusted: ssl.SSLContext) -> bytes:
    """Run `make renew`; return the certificate that the load balancer has at its end."""
    done = clone.make("renew")
    assert done.status == 0, done.output
    with (
        socket.create_connection((NAME, 443), timeout=5) as link,
        trusted.wrap_socket(link, server_hostname=NAME) as encrypted,
    ):
        return encrypted.getpeercert(binary_form=True) or b""


@contextmanager
def _issuing(clone: Clone, address: str, folder: Path) -> Iterator[ssl.SSLContext]:
    """Let the stack order its certificates at a CA of the test; yield a trust in this CA alone."""
    with acme_ca.running(folder, http_port=80, address=IPv4Address(address)) as ca:
        _configure(clone, ca, folder)
        trusted = ssl.create_default_context()
        trusted.load_verify_locations(cadata=ca.issuer())
        yield trusted


def _configure(clone: Clone, ca: Ca, folder: Path) -> None:
    roots = folder / "directory.pem"
    roots.write_text(ca.roots)
    for key, value in (("domain", NAME), ("acmeDirectory", ca.directory)):
        _must(clone, f"pulumi config set auth:{key} {value}")
    _must(clone, f"pulumi config set auth:acmeRoots < {shlex.quote(str(roots))}")


def _must(clone: Clone, script: str) -> None:
    done = clone.shell(script)
    assert done.status == 0, done.output


@contextmanager
def _leading(name: str, address: str, folder: Path) -> Iterator[None]:
    """Let a name lead to an address, for this process and those that it starts."""
    modules = folder / "modules"
    modules.mkdir()
    (modules / "sitecustomize.py").write_text(_MODULE.replace("ADDRESS", address))
    everywhere = socket.getaddrinfo

    def here(host: Any, *others: Any, **more: Any) -> Any:
        return everywhere(address if host == name else host, *others, **more)

    path = os.pathsep.join(filter(None, [str(modules), os.environ.get("PYTHONPATH", "")]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        patch.setattr(socket, "getaddrinfo", here)
        yield
