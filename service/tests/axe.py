"""Axe, which checks a page against the rules of accessibility (WCAG), from its npm package."""

import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome

from common import cache, root

_VERSION = "4.10.3"
_SHA256 = "0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292"
_SCRIPT = "axe.min.js"
_RUN = "axe.run(document, {resultTypes: ['violations']}).then(arguments[arguments.length - 1])"


def violations(chrome: Chrome) -> list[str]:
    """List the rules that the shown page breaks, each with the elements that break it."""
    script = cache.made(cache.folder() / "axe-core" / _VERSION, _fetch) / _SCRIPT
    chrome.execute_script(script.read_text())
    results: dict[str, Any] = chrome.execute_async_script(_RUN)
    return [
        f"{rule['id']}: {', '.join(str(node['target']) for node in rule['nodes'])}"
        for rule in results["violations"]
    ]


def _fetch(folder: Path) -> None:
    if shutil.which("npm") is None:
        root.install("npm", log=cache.folder() / "log" / "npm.log")
    subprocess.run(
        ["npm", "pack", f"axe-core@{_VERSION}", "--silent"],
        cwd=folder,
        capture_output=True,
        timeout=120,
        check=True,
    )
    package = folder / f"axe-core-{_VERSION}.tgz"
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    assert digest == _SHA256, f"the package axe-core has another content: {digest}"
    with tarfile.open(package) as archive:
        content = archive.extractfile(f"package/{_SCRIPT}")
        assert content is not None
        (folder / _SCRIPT).write_bytes(content.read())
    package.unlink()
