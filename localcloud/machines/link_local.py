"""The link-local services' container: metadata, resolver and iSCSI portals of the machines."""

import json
import time
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any

from common import files
from localcloud.machines.bridge import LINK_LOCAL_HOST, Bridge
from localcloud.machines.docker import DockerError, Present, docker
from localcloud.state.home import Home

_READY_SECONDS = 15


class LinkLocal:
    """A container on the bridge; it survives restarts of the API server."""

    def __init__(self, home: Home, bridge: Bridge) -> None:
        self._home, self._bridge = home, bridge
        self.name = f"{home.prefix}link-local"
        self._folder = home.path / "link-local"

    def ensure(self, image: str, present: Present) -> None:
        """Start the services of this image, unless they run."""
        container = present.get(self.name)
        if container and container["State"]["Running"] and container["Config"]["Image"] == image:
            return
        if container:
            docker("rm", "--force", self.name)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        docker(
            *("run", "--detach", "--init", "--name", self.name),
            *("--label", self._home.label, "--restart", "unless-stopped"),
            *("--network", self._bridge.name, "--ip", str(self._bridge.subnet[LINK_LOCAL_HOST])),
            *("--read-only", "--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE"),
            *("--cap-add", "NET_ADMIN"),  # it gives itself its addresses
            *("--cap-add", "DAC_OVERRIDE"),  # the folder belongs to the emulator's user
            *("--volume", f"{self._folder}:/link-local:ro"),
            *(image, "python3", "/usr/local/lib/localcloud/link_local.py", "/link-local"),
        )
        self._wait_until_ready()

    def answer_with(self, address: str, document: Mapping[str, Any] | None) -> None:
        """Answer the machine at this address with a document; without a document, with 404."""
        file = self._folder / f"{IPv4Address(address)}.json"
        if document is None:
            file.unlink(missing_ok=True)
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # user data holds the host key
        files.write(file, json.dumps(document).encode())

    def _wait_until_ready(self) -> None:
        """Wait for the last server to listen, seen from within: no other way leads there."""
        look = ["exec", self.name, "sh", "-c", "ss -Hltn 'sport = :80' | grep -q 169.254.169.254"]
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                docker(*look)
            except DockerError as error:
                if time.monotonic() > deadline:
                    raise DockerError(
                        f"The link-local services did not start within {_READY_SECONDS} s "
                        f"({error}). Their log: docker logs {self.name}"
                    ) from error
                time.sleep(0.1)
            else:
                return
