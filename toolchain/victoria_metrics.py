"""The program of the local stack's metrics store, built from its pinned Go module.

A stack on Oracle Cloud takes the official image of the same version.
"""

from pathlib import Path

from toolchain import golang

_MODULE = Path("toolchain/victoria-metrics")
_NAME = "github.com/VictoriaMetrics/VictoriaMetrics"


def version(clone: Path) -> str:
    """Return the version that go.mod names."""
    return golang.required(clone / _MODULE, _NAME)


def ensure(clone: Path) -> Path:
    """Return the program, and build it on first use."""
    number = version(clone)
    return golang.program(
        clone / _MODULE,
        f"{_NAME}/app/victoria-metrics",
        number,
        ldflags=f"-s -w -X {_NAME}/lib/buildinfo.Version=victoria-metrics-{number}",
        use="The metrics store of the local stack, which auth:dashboard turns on,",
        gigabytes=2,
    )
