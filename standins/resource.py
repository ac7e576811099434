"""The model of a type of resource, and the context of an operation on it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from standins.values import Properties


class ProviderError(Exception):
    """The operation failed; the text is shown to the user as it is."""


class UnfinishedError(ProviderError):
    """A resource was made but is not as it should be: the state keeps it, the next run goes on."""

    def __init__(self, text: str, identity: str, outputs: Properties) -> None:
        super().__init__(text)
        self.identity = identity
        self.outputs = outputs


class Log(Protocol):
    """Shows a line to the user, under the resource that it is about.

    A `passing` line is about progress: a terminal shows it until the next line.
    """

    def __call__(self, text: str, *, passing: bool = False) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """The context of an operation on a resource.

    `cancelled` is set when the user wants to stop: each wait ends then. `timeout` is the resource's
    custom timeout in seconds, else 0.
    """

    urn: str
    log: Log
    config: Mapping[str, Any]
    cancelled: threading.Event
    timeout: float = 0


class Resource(Protocol):
    """A type of resource: its properties, its decisions, and its operations.

    `create`, `read` and `update` return the outputs; `read` returns None if it is gone.
    """

    @property
    def required(self) -> frozenset[str]: ...

    @property
    def optional(self) -> frozenset[str]: ...

    @property
    def computed(self) -> frozenset[str]:
        """Return the outputs of a creation that a preview does not know."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the paths of the properties that the state always keeps encrypted.

        An outer property comes after its inner properties.
        """
        ...

    def prepare(self, inputs: Properties) -> Properties:
        """Complete the inputs, or raise ProviderError with the rule that they break."""
        ...

    def differences(
        self, state: Properties, old: Properties, new: Properties, ignored: tuple[str, ...]
    ) -> Mapping[str, str]:
        """Return the kind of each difference by its path: ADD, DELETE, UPDATE, or …_REPLACE.

        `state` holds the outputs, `old` and `new` the inputs. `ignored` are the paths whose
        change the program ignores.
        """
        ...

    def foreseen(self, state: Properties, old: Properties, new: Properties) -> Properties:
        """Return the outputs of an update as far as a preview knows them."""
        ...

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]: ...

    def read(self, identity: str, state: Properties, context: Context) -> Properties | None: ...

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties: ...

    def delete(self, identity: str, state: Properties, context: Context) -> None: ...
