"""The platforms of the service: a module each, of which a program imports its own.

Each takes the checked settings, the image and the network, and returns the outputs of the stack.
"""

import importlib
from typing import Any, Protocol, cast

import pulumi

from components.image import Image
from components.network import Network
from settings import Settings


class Platform(Protocol):
    """A module of this folder."""

    @staticmethod
    def provide(
        settings: Settings, image: Image, network: Network
    ) -> dict[str, pulumi.Input[Any]]: ...


def of(settings: Settings) -> Platform:
    """Return the platform of the settings; the other's packages are not imported."""
    name = "cluster" if settings.cluster else "server"
    return cast("Platform", importlib.import_module(f"platforms.{name}"))
