"""Pebble, the certificate authority of the emulated cloud, built from its pinned Go module."""

from pathlib import Path

from toolchain import golang

VERSION = "2.10.3"
_PACKAGE = "github.com/letsencrypt/pebble/v2/cmd/pebble"


def ensure(clone: Path) -> Path:
    """Return Pebble, building it on first use."""
    return golang.program(
        clone / "toolchain" / "authority",
        _PACKAGE,
        VERSION,
        ldflags=f"-s -w -X main.version=v{VERSION}",
        use="The certificate authority of the emulated cloud",
    )
