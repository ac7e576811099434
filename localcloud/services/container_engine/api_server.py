"""Requests to the API server of a cluster, as an administrator. Each answers at once or fails."""

import functools
import http.client
import json
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from localcloud.certificates import KeyPair, issue
from localcloud.cloud import Cloud
from localcloud.services.container_engine import cluster as clusters
from localcloud.services.container_engine.cluster import Cluster

_PORT = 6443
_SECONDS = 5
_MERGE = "application/merge-patch+json"

Object = Mapping[str, Any]  # of Kubernetes


class ApiServerError(Exception):
    """The API server did not answer, or refused; the text has its reason."""


class ApiServer:
    """A connection that stays open. The server is known by its name, whatever its address."""

    def __init__(self, address: str, authority: KeyPair) -> None:
        client = issue(authority, "oci-cloud-controller-manager", group="system:masters")
        context = ssl.create_default_context(cadata=authority.certificate)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "client.pem"  # the folder is for its owner alone
            file.write_text(client.certificate + client.key)
            context.load_cert_chain(file)
        self._connection = _NamedServer(address, context)

    def get(self, path: str) -> Any:
        """Return an object, or None if there is none."""
        return self._ask("GET", path)

    def items(self, path: str) -> Sequence[Object]:
        """Return the objects of a list, as the API server last saw them."""
        return list((self._ask("GET", path) or {}).get("items", ()))

    def create(self, path: str, content: Object) -> None:
        """Create an object."""
        self._ask("POST", path, content)

    def merge(self, path: str, content: Object) -> None:
        """Change the fields of an object that `content` has."""
        self._ask("PATCH", path, content, _MERGE)

    def delete(self, path: str) -> None:
        """Delete an object. Idempotent."""
        self._ask("DELETE", path)

    def _ask(
        self, method: str, path: str, content: Object | None = None, kind: str = "application/json"
    ) -> Any:
        body = None if content is None else json.dumps(content).encode()
        try:
            self._connection.request(method, path, body, {"Content-Type": kind})
            with self._connection.getresponse() as answer:
                status, text = answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()  # the next request opens another one
            raise ApiServerError(f"{method} {path}: {error or type(error).__name__}") from error
        if status == HTTPStatus.NOT_FOUND:
            return None
        if status >= HTTPStatus.BAD_REQUEST:
            raise ApiServerError(f"{method} {path} is answered {status}: {text[:500]}")
        return json.loads(text)


class _NamedServer(http.client.HTTPSConnection):
    """A connection to an address that the server's certificate need not have."""

    def __init__(self, address: str, context: ssl.SSLContext) -> None:
        super().__init__(address, _PORT, timeout=_SECONDS, context=context)
        self._named = context

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._named.wrap_socket(self.sock, server_hostname="kubernetes")


def of(cloud: Cloud, cluster: Cluster) -> ApiServer:
    """Return the connection to a cluster's API server, at its address on the bridge."""
    machine = clusters.control_plane(cloud, cluster.id)
    address = cloud.machines.bridge_address(machine.id)
    if address is None:
        raise ApiServerError(f"cluster {cluster.id} has no control plane")
    return _connected(address, cluster.authority)


@functools.lru_cache(maxsize=64)
def _connected(address: str, authority: KeyPair) -> ApiServer:
    return ApiServer(address, authority)
