"""The Pulumi engine: the one on PATH, the official release, or built from pinned Go modules."""

import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

from toolchain import cache, story

VERSION = "3.259.0"
# From 3.245 to 3.255 the CLI writes state that Oracle's S3 API refuses, and 3.257 fixed the rest.
MINIMUM = (3, 257, 0)
# The last release of the SDK module that still holds the Python language host; it serves programs
# of today's SDK.
LANGUAGE_HOST = "3.76.0"
GO_MINIMUM = (1, 25)
_INSTALLER = "https://get.pulumi.com/"


def ensure(clone: Path) -> Path:
    """Give the folder with `pulumi` and its Python language host, getting them if need be."""
    found = shutil.which("pulumi")
    if found:
        version = parse_version(_say(found, "version"))
        if version >= MINIMUM:
            return Path(found).resolve().parent
        print(
            f"  pulumi {'.'.join(map(str, version))} on PATH is older than "
            f"{'.'.join(map(str, MINIMUM))}; using {VERSION} of our own."
        )
    target = cache.folder() / "engine" / VERSION
    if not target.exists():
        make = _install if reachable() else (lambda draft: _build(clone, draft))
        with story.step(f"Get the Pulumi engine {VERSION}"):
            cache.made(target, make)
    return target / "bin"


def parse_version(text: str) -> tuple[int, int, int]:
    """Read `v3.259.0` or `3.259.0-dev+abc`; (0, 0, 0) if it is not a version."""
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    return (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)


def reachable() -> bool:
    """Tell whether Pulumi's own downloads can be had from here; answers within seconds."""
    request = urllib.request.Request(_INSTALLER, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - a constant https URL
            return True
    except OSError:
        return False


def _install(draft: Path) -> None:
    script = draft / "install.sh"
    with urllib.request.urlopen(_INSTALLER, timeout=30) as answer:
        script.write_bytes(answer.read())
    story.run(
        *("sh", str(script), "--version", VERSION, "--install-root", str(draft), "--no-edit-path"),
        log=cache.folder() / "log" / "engine.log",
        remedy="Install Pulumi yourself (https://www.pulumi.com/docs/install), then try again.",
    )


def _build(clone: Path, draft: Path) -> None:
    """Build from Go modules whose versions and hashes are pinned in toolchain/engine."""
    _check_go()
    binaries = draft / "bin"
    binaries.mkdir()
    modules = clone / "toolchain" / "engine"
    version = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
    _go_build(
        modules / "cli",
        *("-ldflags", f"-s -w -X {version}=v{VERSION}", "-o", str(binaries / "pulumi")),
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    )
    package = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
    _go_build(
        modules / "language-host",
        *("-ldflags", "-s -w", "-o", str(binaries / "pulumi-language-python")),
        package,
    )
    source = Path(
        _say("go", "list", "-f", "{{.Dir}}", package, cwd=modules / "language-host")
    ).parent
    # the host runs this script beside it; modules carry no execute bit
    executor = binaries / "pulumi-language-python-exec"
    shutil.copyfile(source / "pulumi-language-python-exec", executor)
    executor.chmod(0o755)


def _go_build(module: Path, *arguments: str) -> None:
    story.run(
        *("go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", *arguments),
        log=cache.folder() / "log" / f"go-{module.name}.log",
        cwd=module,
        env={**os.environ, "GOFLAGS": "", "CGO_ENABLED": "0"},
        remedy="Is the Go module proxy reachable? Or install Pulumi yourself.",
    )


def _check_go() -> None:
    way_out = (
        f"Pulumi's downloads can't be reached, and building the engine takes Go "
        f"{'.'.join(map(str, GO_MINIMUM))} or newer. Install Go, or Pulumi, then try again."
    )
    if not shutil.which("go"):
        raise story.StepError(f"There is no `go` on PATH. {way_out}")
    match = re.search(r"go(\d+)\.(\d+)", _say("go", "version"))
    if not match or (int(match[1]), int(match[2])) < GO_MINIMUM:
        raise story.StepError(f"`go version` says {_say('go', 'version')!r}. {way_out}")


def _say(*argv: str, cwd: Path | None = None) -> str:
    result = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=cwd)
    return result.stdout.strip()
