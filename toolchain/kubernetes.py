"""Programs from the modules of Kubernetes: that of the emulated clusters, and Pulumi's plugin.

They share most of their packages, in the versions of one go.mod, so that the second program of two
costs a fraction of its build alone.
"""

import hashlib
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from toolchain import golang

_MODULE = Path("toolchain/kubernetes")
_CLUSTER = "auth.local/toolchain/kubernetes"
_PLUGIN = f"{_CLUSTER}/pulumi-resource-kubernetes"
_NAME = "k8s.io/kubernetes"
_VERSIONS = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_SCHEMA = ("schema.json", "terraform-mapping.json")
_SHARED = "kubernetes"
_GIGABYTES = 6


def ensure(clone: Path) -> Path:
    """Return the program of the emulated clusters, and build it on first use."""
    program = _cluster(clone)
    golang.forget(_SHARED)
    return program


def ensure_plugin(clone: Path) -> Path:
    """Return Pulumi's plugin for Kubernetes, and build it on first use."""
    plugin = _plugin(clone)
    golang.forget(_SHARED)
    return plugin


def ensure_both(clone: Path) -> tuple[Path, Path]:
    """Return the program of clusters and the plugin, built with common packages compiled once."""
    programs = _cluster(clone), _plugin(clone)
    golang.forget(_SHARED)
    return programs


def plugin_version(clone: Path) -> str:
    """Return the version of Pulumi's SDK for Kubernetes, which is that of its plugin."""
    text = (clone / "requirements.in").read_text()
    return str(re.findall(r"^pulumi-kubernetes==(\S+)$", text, re.MULTILINE)[0])


def _cluster(clone: Path) -> Path:
    module = clone / _MODULE
    version = golang.required(module, _NAME)
    major, minor, _ = golang.parse_version(version)
    values = {"gitVersion": version, "gitMajor": str(major), "gitMinor": str(minor)}
    settings = [
        f"-X {package}.{key}={value}" for package in _VERSIONS for key, value in values.items()
    ]
    return golang.program(
        module,
        _CLUSTER,
        # its own code is a part of it
        f"{version.removeprefix('v')}-{_digest(module, 'main.go')}",
        ldflags=" ".join(["-s -w", *settings]),
        use="Kubernetes for the clusters of the emulated cloud",
        gigabytes=_GIGABYTES,
        shared=_SHARED,
    )


def _plugin(clone: Path) -> Path:
    module = clone / _MODULE
    version = plugin_version(clone)

    def add_schema(folder: Path, env: Mapping[str, str]) -> None:
        source = golang.output_of(
            "go", "list", "-m", "-f", "{{.Dir}}", _PROVIDER, cwd=module, env=env
        )
        for name in _SCHEMA:
            shutil.copyfile(
                Path(source) / "cmd" / "pulumi-resource-kubernetes" / name, folder / name
            )

    own = (path.relative_to(module) for folder in _OWN for path in (module / folder).rglob("*.go"))
    return golang.program(
        module,
        _PLUGIN,
        f"{version}-{_digest(module, *sorted(map(str, own)))}",
        ldflags=f"-s -w -X {_PROVIDER}/pkg/version.Version={version}",
        use="Pulumi's plugin for Kubernetes",
        gigabytes=_GIGABYTES,
        shared=_SHARED,
        complete=add_schema,
    )


_OWN = ("pulumi-resource-kubernetes", "sdk")


def _digest(module: Path, *own: str) -> str:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", *own):
        digest.update((module / name).read_bytes())
    return digest.hexdigest()[:12]
