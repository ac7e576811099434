"""The result of `make rollback` for people, on either platform."""

from collections.abc import Mapping
from typing import Any

from components import advice


def lines(stack: str, release: Mapping[str, Any]) -> list[str]:
    """Describe the release that is live after a rollback, and the ways on."""
    version = [f"  image     {release['image']}", f"  revision  {release['revision']}"]
    # the release tool of an earlier update does not tell
    if not release.get("made", True):
        return [
            (
                f"Release {release['release']} is live, and runs this image and configuration "
                "already. Nothing was changed."
            ),
            *version,
        ]
    return [
        f"Release {release['release']} is live ({release['note']}).",
        *version,
        (
            f"`{advice.make('rollback', stack)}` again would return to the release that was live "
            f"until now. To go further back, name a release: `{advice.make('history', stack)}` "
            "lists them."
        ),
        (
            f"`{advice.make('preview', stack)}` shows whether the program describes "
            f"another version. Then revert the change there, or `{advice.make('up', stack)}` "
            "releases it again."
        ),
    ]
