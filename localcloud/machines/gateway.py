"""The gateway's container, and the file with its listeners and routes."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.machines import firewall
from localcloud.machines.docker import DockerError, Present, docker
from localcloud.machines.firewall import IngressRule
from localcloud.state.home import Home

_APPLY_SECONDS = 15


@dataclass(frozen=True, kw_only=True)
class Route:
    """A machine as the gateway knows it: address on the bridge, rules, public address."""

    target: str
    rules: tuple[IngressRule, ...] = ()
    public_ip: str | None = None


def listeners(routes: Mapping[str, Route]) -> list[dict[str, Any]]:
    """List the gateway's listeners: each TCP port that a rule opens, on each public address."""
    return [
        {"address": route.public_ip, "port": port, "target": route.target, "sources": sources}
        for _, route in sorted(routes.items())
        if route.public_ip
        for port, sources in sorted(firewall.tcp_ports(route.rules).items())
    ]


class Gateway:
    """A container on the computer's network, where it may bind low ports.

    It survives restarts of the API server, connections included.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self.name = f"{home.prefix}gateway"
        self._folder = home.path / "gateway"
        self._lock = threading.RLock()

    def ensure(self, image: str, present: Present) -> None:
        """Start the gateway of this image, unless it runs."""
        with self._lock:
            container = present.get(self.name)
            if (
                container
                and container["State"]["Running"]
                and container["Config"]["Image"] == image
            ):
                return
            if container:
                docker("rm", "--force", self.name)
            self._folder.mkdir(parents=True, exist_ok=True)
            self._write(self.routes())
            docker(
                *("run", "--detach", "--init", "--name", self.name),
                *("--label", self._home.label, "--network", "host", "--restart", "unless-stopped"),
                *("--read-only", "--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE"),
                *("--cap-add", "DAC_OVERRIDE"),  # the folder belongs to the emulator's user
                *("--volume", f"{self._folder}:/gateway"),
                *(image, "python3", "/usr/local/lib/localcloud/gateway.py"),
                *("/gateway/gateway.json", "/gateway/applied"),
            )
            self._wait_until_applied()

    def routes(self) -> dict[str, Route]:
        """Return the routes, by instance, as they were last written."""
        return {
            instance: Route(
                target=row["target"],
                rules=tuple(
                    IngressRule(
                        protocol=rule["protocol"],
                        source=rule["source"],
                        ports=tuple(rule["ports"]) if rule["ports"] else None,
                    )
                    for rule in row["rules"]
                ),
                public_ip=row["public_ip"],
            )
            for instance, row in self._document().get("routes", {}).items()
        }

    def update(self, change: Mapping[str, Route | None]) -> None:
        """Replace or remove (None) routes, and wait until the gateway has applied that."""
        with self._lock:
            routes = self.routes()
            for instance, route in change.items():
                if route is None:
                    routes.pop(instance, None)
                else:
                    routes[instance] = route
            if routes == self.routes():
                return
            self._write(routes)
            docker("kill", "--signal", "HUP", self.name)
            self._wait_until_applied()

    def _write(self, routes: Mapping[str, Route]) -> None:
        document = {
            "revision": self._revision() + 1,
            "listeners": listeners(routes),
            "routes": {
                instance: {
                    "target": route.target,
                    "rules": [vars(rule) for rule in route.rules],
                    "public_ip": route.public_ip,
                }
                for instance, route in routes.items()
            },
        }
        draft = self._folder / "gateway.json.new"
        draft.write_text(json.dumps(document, indent=2))
        draft.replace(self._folder / "gateway.json")

    def _document(self) -> dict[str, Any]:
        path = self._folder / "gateway.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def _revision(self) -> int:
        return int(self._document().get("revision", 0))

    def _wait_until_applied(self) -> None:
        applied, revision = self._folder / "applied", str(self._revision())
        deadline = time.monotonic() + _APPLY_SECONDS
        report = ""
        while time.monotonic() < deadline:
            report = applied.read_text() if applied.exists() else ""
            if report == revision:
                return
            if report.startswith(f"{revision} "):
                break
            time.sleep(0.05)
        raise DockerError(
            f"The gateway did not take its configuration within {_APPLY_SECONDS} s: {report!r}. "
            f"Its log: docker logs {self.name}"
        )
