"""Record the official plugins' decisions: `python -m tests.contract DIR [HOME]`.

DIR holds the official plugins, HOME is that of a running emulated cloud (.local/cloud, after
`make up`). Its resources are made there, decided on, and removed.
"""

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from localcloud import clients
from localcloud.state.account import Account
from localcloud.state.home import Home
from tests.contract import decisions, plug, stack
from tests.localcloud.caller import Caller
from tests.localcloud.cluster import with_program
from toolchain import plugins

_OCID = re.compile(r"ocid1\.(\w+)\.oc1\.[\w-]*\.([\w]+)")
_ELSEWHERE = {
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC": "2026-01-02 03:04:05 +0000 UTC",
    r"127\.\d+\.\d+\.\d+(?!:)": "127.0.0.10",
    r"volumeattachment\d{14}": "attachment",
    r'"(it)?[0-9a-fA-F]{6,8}"': '"id"',  # of a rule, or of a command
}


def main(folder: Path, home: Home) -> None:
    caller = Caller(home, Account.open(home))
    official = {name: folder / f"pulumi-resource-{name}" for name in plugins.NAMES}
    with tempfile.TemporaryDirectory() as working:
        stack.write_context(Path(working))
        with_program(home)
        overrides = clients.overrides(home.endpoint)
        with (
            plug.running(official, plug.credentials(caller), overrides, Path(working)) as plugs,
            stack.made(plugs, caller) as made,
        ):
            recorded: dict[str, Any] = {
                "plugins": {name: plugs[name].version for name in plugins.NAMES},
                "resources": {
                    name: {
                        "id": resource.identity,
                        "wanted": made.wanted[name],
                        "inputs": resource.inputs,
                        "outputs": resource.outputs,
                    }
                    for name, resource in made.made.items()
                },
                "decisions": [
                    {"resource": row.resource, "change": row.change, **decisions.decided(made, row)}
                    for row in decisions.ROWS
                ],
            }
    decisions.FILE.write_text(json.dumps(anonymous(recorded), indent=1, sort_keys=True) + "\n")
    print(f"{len(recorded['decisions'])} decisions of {recorded['plugins']} in {decisions.FILE}")


def anonymous(recorded: dict[str, Any]) -> Any:
    """Replace the values that each run has anew: OCIDs, times, addresses, and names with them."""
    text = json.dumps(recorded, sort_keys=True)
    ocids: dict[str, str] = {}
    for match in _OCID.finditer(text):
        ocids.setdefault(match[0], f"ocid1.{match[1]}.oc1..{match[1]}{len(ocids)}")
    for ocid, short in ocids.items():
        text = text.replace(ocid, short)
    for pattern, steady in _ELSEWHERE.items():
        text = re.sub(pattern, steady, text)
    return json.loads(text)


if __name__ == "__main__":
    if len(sys.argv) not in {2, 3}:
        sys.exit(__doc__)
    home = Home.find(sys.argv[2] if len(sys.argv) > 2 else ".local/cloud")
    if home is None:
        sys.exit("No emulated cloud runs there. Start it: make up")
    main(Path(sys.argv[1]).resolve(), home)
