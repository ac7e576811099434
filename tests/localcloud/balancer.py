"""A load balancer for tests: made and changed by Oracle's SDK, asked through its public address."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import oci
from certificates import self_signed
from oci.load_balancer import models

from tests.localcloud.caller import Caller, eventually

_SECONDS = 120  # the first one builds the image
PASSPHRASE = "correct horse"
# answers each request by the request itself, at the ports that the arguments name
SERVERS = """
import http.server, json, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        port = self.server.server_port
        self.reply(200, {"port": port, "headers": dict(self.headers)})
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(400, {})
    def reply(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
for port in map(int, sys.argv[1:]):
    server = Server(("", port), Handler)
    threading.Thread(target=server.serve_forever).start()
"""


@dataclass(frozen=True)
class Service:
    """Load Balancing, for requests about any load balancer."""

    caller: Caller

    @cached_property
    def client(self) -> Any:
        return self.caller.client(oci.load_balancer.LoadBalancerClient)

    def details(self, subnet_id: str, **fields: Any) -> Any:
        return models.CreateLoadBalancerDetails(
            **{
                "compartment_id": self.caller.compartment,
                "display_name": "auth",
                "shape_name": "flexible",
                "shape_details": models.ShapeDetails(
                    minimum_bandwidth_in_mbps=10, maximum_bandwidth_in_mbps=10
                ),
                "subnet_ids": [subnet_id],
                "is_private": False,
                **fields,
            }
        )

    def finish(self, answer: Any) -> Any:
        """Wait for the work request that an answer names, as each client does."""
        ocid = answer.headers["opc-work-request-id"]
        deadline = time.monotonic() + _SECONDS
        while (request := self.client.get_work_request(ocid).data).lifecycle_state not in {
            "SUCCEEDED",
            "FAILED",
        }:
            assert time.monotonic() < deadline, request
            time.sleep(0.1)
        return request

    def made(self, details: Any) -> str:
        """Make a load balancer and return its OCID."""
        request = self.finish(self.client.create_load_balancer(details))
        assert request.lifecycle_state == "SUCCEEDED", request
        return str(request.load_balancer_id)


@dataclass(frozen=True)
class Balancer:
    """An ACTIVE load balancer at its public address."""

    service: Service
    id: str
    address: str

    @property
    def client(self) -> Any:
        return self.service.client

    def done(self, answer: Any) -> None:
        """Wait until a change is in force."""
        request = self.service.finish(answer)
        assert request.lifecycle_state == "SUCCEEDED", request

    def ask(self, scheme: str = "http", port: int = 80, **fields: Any) -> Any:
        """Ask for the request as the backend saw it."""
        url = f"{scheme}://{self.address}:{port}/"
        seen = httpx.get(url, timeout=9, trust_env=False, **fields).json()
        return {**seen, "headers": httpx.Headers(seen["headers"])}

    def served_by(self, count: int = 8) -> set[int]:
        """Return the ports of the backends that answer some requests, a connection each."""
        return {self.ask()["port"] for _ in range(count)}

    def wait_for_health(self, status: str, backend_set: str = "web") -> Any:
        def current() -> str:
            health = self.client.get_backend_set_health(self.id, backend_set).data
            return str(health.status)

        eventually(f"the health of {backend_set}", current, status, seconds=30)
        return self.client.get_backend_set_health(self.id, backend_set).data


def backend_set(*backends: Any, **fields: Any) -> Any:
    return models.BackendSetDetails(
        **{
            "policy": "ROUND_ROBIN",
            "backends": list(backends),
            "health_checker": checker(),
            **fields,
        }
    )


def checker(**fields: Any) -> Any:
    return models.HealthCheckerDetails(
        **{
            "protocol": "HTTP",
            "url_path": "/healthz",
            "retries": 1,
            "interval_in_millis": 1000,
            "timeout_in_millis": 900,
            **fields,
        }
    )


def listener(port: int = 80, **fields: Any) -> Any:
    return models.ListenerDetails(
        **{"default_backend_set_name": "web", "port": port, "protocol": "HTTP", **fields}
    )


def certificate(name: str, *, encrypted: bool = False) -> Any:
    """Return a certificate that signs itself, with its key."""
    passphrase = PASSPHRASE if encrypted else ""
    made = self_signed(name, passphrase=passphrase)
    return models.CertificateDetails(
        certificate_name=name,
        public_certificate=made.certificate,
        private_key=made.key,
        passphrase=passphrase or None,
    )
