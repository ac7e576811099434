"""The stack of examples/fleet in a clone: several services on each of several VMs."""

import json
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.testbed.clone import Clone, Result

_SECONDS = 1500


@dataclass(frozen=True)
class Fleet:
    """A stack of the example in a clone."""

    clone: Clone

    @classmethod
    def create(cls, clone: Clone) -> "Fleet":
        """Copy the example into `.local`, as a run writes files beside it."""
        shutil.copytree(clone.path / "examples" / "fleet", clone.path / ".local" / "fleet")
        fleet = cls(clone)
        made = fleet.pulumi("stack init fleet")
        assert made.status == 0, made.output
        return fleet

    def pulumi(self, command: str) -> Result:
        return self.clone.shell(
            f"cd .local/fleet && PULUMI_STACK=fleet pulumi {command}", seconds=_SECONDS
        )

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

    def destroy(self) -> Result:
        return self.pulumi("destroy --yes --skip-preview --ignore-protect")

    def state(self) -> dict[str, Any]:
        """Return the resources of the last update, by their logical name."""
        exported = json.loads(self.pulumi("stack export").output)
        resources = exported["deployment"]["resources"]
        return {resource["urn"].rpartition("::")[2]: resource for resource in resources}

    def releases(self) -> dict[str, int]:
        """Return each release's number, by service and VM."""
        return {
            name.removesuffix("-release"): json.loads(resource["outputs"]["stdout"])["release"]
            for name, resource in self.state().items()
            if name.endswith("-release")
        }

    def addresses(self) -> dict[str, str]:
        return dict(json.loads(self.pulumi("stack output addresses --json").output))
