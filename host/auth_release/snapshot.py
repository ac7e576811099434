"""A single look at the host, shared by the status of all its services.

A status of many services would else ask Docker, Caddy and the kernel the same questions for each.
"""

import functools
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from .containers import Docker
from .proxy import Proxy
from .routes import Routes


class DockerSnapshot(Docker):
    """Docker's answers, asked for once."""

    def labelled(self, service: str) -> list[Mapping[str, Any]]:
        return self._by_service[service]

    @functools.cached_property
    def _by_service(self) -> Mapping[str, list[Mapping[str, Any]]]:
        services = defaultdict(list)
        for inspected in super().labelled(""):
            services[inspected["Config"]["Labels"]["auth.service"]].append(inspected)
        return services

    @functools.cache  # noqa: B019 - a snapshot lives as long as its process
    def image_environment(self, image: str) -> dict[str, str]:
        return super().image_environment(image)


class ProxySnapshot(Proxy):
    """The proxy's configuration, read once."""

    @functools.cache  # noqa: B019
    def _running(self) -> Any:
        return super()._running()

    @functools.cache  # noqa: B019
    def _written(self) -> Any:
        return super()._written()


class RoutesSnapshot(Routes):
    """The kernel's rules, read once."""

    @functools.cache  # noqa: B019
    def _loaded(self) -> list[str]:
        return super()._loaded()

    @functools.cache  # noqa: B019
    def _hooked(self) -> bool:
        return super()._hooked()
