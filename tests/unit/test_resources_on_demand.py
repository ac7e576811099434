"""The package of Oracle's resources, each imported at its first use."""

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
NAMES = ["Vcn", "VcnArgs", "get_images", "get_images_output", "InstanceShapeConfigArgs", "outputs"]


def defined(*, on_demand: bool) -> dict[str, str]:
    """Return the module and the name of each of NAMES, in a process of its own."""
    script = "\n".join(
        [
            "import json, sys",
            "import components.resources_on_demand" if on_demand else "",
            "from pulumi_oci import core",
            "def origin(value):",
            '    return f\'{getattr(value, "__module__", "")} {value.__name__}\'',
            # the longer name of a function's module comes first
            "values = {name: getattr(core, name) for name in sorted(sys.argv[1:], reverse=True)}",
            "print(json.dumps({name: origin(value) for name, value in values.items()}))",
        ]
    )
    result = subprocess.run(
        [sys.executable, "-c", script, *NAMES],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(result.stdout))


def test_a_name_of_the_package_is_the_same_on_demand() -> None:
    """Of them, VcnArgs is in no module that its name leads to: all are imported for it."""
    assert defined(on_demand=True) == defined(on_demand=False)
