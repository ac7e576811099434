"""Pebble, the certificate authority of the emulated cloud, built from its pinned Go module."""

from pathlib import Path

from toolchain import golang

_NAME = "github.com/letsencrypt/pebble/v2"


def ensure(clone: Path) -> Path:
    """Return Pebble, building it on first use."""
    module = clone / "toolchain" / "authority"
    version = golang.required(module, _NAME)
    return golang.program(
        module,
        f"{_NAME}/cmd/pebble",
        version.removeprefix("v"),
        ldflags=f"-s -w -X main.version={version}",
        use="The certificate authority of the emulated cloud",
    )
