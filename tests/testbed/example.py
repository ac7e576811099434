"""A stack of a program in examples/, in a clone."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.testbed.clone import Clone, Result

_SECONDS = 1500


@dataclass(frozen=True)
class Example:
    """A stack of the example `name`, which is the stack's name as well."""

    clone: Clone
    name: str

    @classmethod
    def create(cls, clone: Clone, name: str) -> Self:
        """Copy the example into `.local`, as a run writes files beside it."""
        example = cls(clone, name)
        shutil.copytree(clone.path / "examples" / name, example.folder)
        made = example.pulumi(f"stack init {name}")
        assert made.status == 0, made.output
        return example

    @property
    def folder(self) -> Path:
        return self.clone.path / ".local" / self.name

    def pulumi(self, command: str) -> Result:
        return self.clone.shell(
            f"cd .local/{self.name} && PULUMI_STACK={self.name} pulumi {command}", seconds=_SECONDS
        )

    def destroy(self) -> Result:
        return self.pulumi("destroy --yes --skip-preview --ignore-protect")

    def state(self) -> dict[str, Any]:
        """Return the resources of the last update, by their logical name."""
        exported = json.loads(self.pulumi("stack export").output)
        resources = exported["deployment"]["resources"]
        return {resource["urn"].rpartition("::")[2]: resource for resource in resources}

    def releases(self) -> dict[str, int]:
        """Return each release's number, by the name of its component."""
        return {
            name.removesuffix("-release"): json.loads(resource["outputs"]["stdout"])["release"]
            for name, resource in self.state().items()
            if name.endswith("-release")
        }

    def output(self, name: str) -> Any:
        return json.loads(self.pulumi(f"stack output {name} --json").output)
