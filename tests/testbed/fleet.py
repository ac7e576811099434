"""The stack of examples/fleet in a clone: several services on each of several VMs."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from tests.testbed.clone import Result
from tests.testbed.example import Example


@dataclass(frozen=True)
class Fleet(Example):
    """A stack of the example in a clone."""

    def up(
        self, variables: Mapping[str, Mapping[str, str]] | None = None, **settings: int
    ) -> Result:
        """Update with variables by service, and with other settings of the example."""
        return self.pulumi(shlex.join(self.update(variables, **settings)))

    @staticmethod
    def update(
        variables: Mapping[str, Mapping[str, str]] | None = None, **settings: int
    ) -> list[str]:
        """Return the arguments of `pulumi` for an update."""
        values = {**settings, "environment": json.dumps(variables or {})}
        flags = [f"--config=fleet:{key}={value}" for key, value in values.items()]
        return ["up", "--yes", "--skip-preview", *flags]

    def addresses(self) -> dict[str, str]:
        return dict(self.output("addresses"))
