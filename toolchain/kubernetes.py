"""The program of the emulated cloud's clusters: Kubernetes, built from its pinned Go modules."""

import hashlib
from pathlib import Path

from toolchain import golang

_MODULE = Path("toolchain/kubernetes")
_NAME = "k8s.io/kubernetes"
_VERSIONS = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


def ensure(clone: Path) -> Path:
    """Return the program, and build it on first use: about ten minutes of a core."""
    module = clone / _MODULE
    version = golang.required(module, _NAME)
    major, minor, _ = golang.parse_version(version)
    values = {"gitVersion": version, "gitMajor": str(major), "gitMinor": str(minor)}
    settings = [
        f"-X {package}.{key}={value}" for package in _VERSIONS for key, value in values.items()
    ]
    return golang.program(
        module,
        "auth.local/toolchain/kubernetes",
        # its own code is a part of it
        f"{version.removeprefix('v')}-{_digest(module)}",
        ldflags=" ".join(["-s -w", *settings]),
        use="Kubernetes for the clusters of the emulated cloud",
        gigabytes=6,
    )


def _digest(module: Path) -> str:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        digest.update((module / name).read_bytes())
    return digest.hexdigest()[:12]
