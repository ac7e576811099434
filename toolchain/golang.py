"""Building programs from Go modules whose versions and hashes are pinned in this repository."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from common import cache, progress

_BUILD_SECONDS = 3600
_FOLDERS = ("/usr/local/go/bin", "/usr/lib/go/bin")  # where sudo and cron don't look


def environment(scratch: Path) -> dict[str, str]:
    """Return the environment variables for Go: its caches in `scratch` survive a killed build."""
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOCACHE": str(scratch / "build"),
        "GOFLAGS": "",
        "GOMODCACHE": str(scratch / "mod"),
        "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), *_FOLDERS]),
    }


def check(module: Path, env: Mapping[str, str], way_out: str) -> None:
    """Raise StepError unless the machine has a Go that can build the module."""
    match = re.search(r"^go (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    needed = match[1] if match else ""
    way_out = way_out.format(go=f"Go {needed} or newer")
    if not shutil.which("go", path=env["PATH"]):
        raise progress.StepError(f"There is no `go` on PATH. {way_out}")
    # inside the module, Go may fetch the newer Go that the module needs, and prints that version
    version = output_of("go", "env", "GOVERSION", cwd=module, env=env)
    if parse_version(version.removeprefix("go")) < parse_version(needed):
        present = version or output_of("go", "version", cwd=module.parent, env=env)
        raise progress.StepError(f"The Go on this machine is too old: {present}. {way_out}")


def build(
    module: Path,
    package: str,
    binaries: Path,
    *,
    ldflags: str,
    env: Mapping[str, str],
    remedy: str,
) -> None:
    """Get the sources of a package, and compile it: two steps, each with its progress."""
    name = package.rpartition("/")[2]
    logs, flags = cache.folder() / "log", ("-mod=readonly", "-modcacherw")
    sources = logs / f"go-{module.name}-sources.log"
    with progress.step(f"Get the sources of {name}"):
        progress.run(
            *("go", "list", *flags, "-deps", package),
            log=sources,
            cwd=module,
            env=env,
            remedy=remedy,
        )
    lines = sources.read_text().split("\n")
    packages = sum(1 for line in lines if line and not line.startswith("go: "))
    with progress.step(f"Compile the {packages} packages of {name}"):
        progress.run(
            *("go", "build", "-v", *flags, "-trimpath", "-buildvcs=false"),
            *("-ldflags", ldflags, "-o", f"{binaries}/", package),
            log=logs / f"go-{module.name}.log",
            cwd=module,
            env=env,
            timeout=_BUILD_SECONDS,
            remedy=remedy,
            expected_lines=packages,
        )


def program(
    module: Path,
    package: str,
    version: str,
    *,
    ldflags: str,
    use: str,
    gigabytes: int = 1,
    shared: str = "",
    complete: Callable[[Path, Mapping[str, str]], None] | None = None,
) -> Path:
    """Return a program that has no wheel, built on first use and kept for all clones.

    `use` begins the sentence about a machine without Go, such as `Linting the workflows`. `shared`
    names the caches of several programs with common packages: `forget` removes them after the last.
    `complete` adds files to the folder of the program, with the environment variables for Go.
    """
    name = package.rpartition("/")[2]
    scratch = _scratch(shared or name)

    def make(draft: Path) -> None:
        with cache.lock(scratch):
            env = environment(scratch)
            way_out = f"{use} takes {{go}}. Install it (https://go.dev/dl), then try again."
            check(module, env, way_out)
            cache.need_space(draft, gigabytes, f"building {name}")
            with progress.step(f"Build {name} {version} from Go modules (once)"):
                remedy = "Is the Go module proxy reachable?"
                build(module, package, draft, ldflags=ldflags, env=env, remedy=remedy)
            if complete:
                complete(draft, env)
        if not shared:
            forget(name)

    return cache.made(cache.folder() / name / version, make) / name


def forget(name: str) -> None:
    """Delete the caches of this name, once no build uses them."""
    scratch = _scratch(name)
    with cache.lock(scratch):
        shutil.rmtree(scratch, ignore_errors=True)


def _scratch(name: str) -> Path:
    return cache.folder() / f"go-{name}"


def required(module: Path, name: str) -> str:
    """Return the version of a dependency that the module's go.mod requires, such as `v1.151.0`.

    An update of go.mod alone then builds the program anew.
    """
    pattern = re.compile(rf"^(?:require )?\s*{re.escape(name)} (v\S+)", re.MULTILINE)
    return str(pattern.findall((module / "go.mod").read_text())[0])


def parse_version(text: str) -> tuple[int, int, int]:
    """Read `v3.259.0` or `3.259.0-dev+abc`; (0, 0, 0) if it is not a version."""
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else (0, 0, 0)


def output_of(*argv: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    result = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=cwd, env=env)
    return result.stdout.strip()


def remove(scratch: Path) -> None:
    """Delete the caches of a finished build."""
    shutil.rmtree(scratch)
