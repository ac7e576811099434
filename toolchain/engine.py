"""The Pulumi engine: the one on PATH, the official release, or built from pinned Go modules."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from toolchain import cache, downloads, story

VERSION = "3.259.0"
# From 3.245 to 3.255 the CLI writes state that Oracle's S3 API refuses, and 3.257 fixed the rest.
MINIMUM = (3, 257, 0)
_BUILD_GIGABYTES = 5  # 2 GB of sources and 2 GB of compiled packages, deleted afterwards
_BUILD_SECONDS = 3600
_INSTALL_SECONDS = 600
_GO_FOLDERS = ("/usr/local/go/bin", "/usr/lib/go/bin")  # where sudo and cron don't look
_WAY_OUT = "Or install Pulumi yourself (https://www.pulumi.com/docs/install), then try again."
_CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
# The last SDK module that still holds the Python language host serves programs of today's SDK.
_LANGUAGE_HOST = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
_CLI_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"


def ensure(clone: Path) -> Path:
    """Give the folder with `pulumi` and its Python language host, getting them if need be."""
    if found := _on_path():
        return found
    target = cache.folder() / "engine" / VERSION
    return cache.made(target, lambda draft: _get(clone, draft)) / "bin"


def parse_version(text: str) -> tuple[int, int, int]:
    """Read `v3.259.0` or `3.259.0-dev+abc`; (0, 0, 0) if it is not a version."""
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    return (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)


def unfit(version: tuple[int, int, int], *, has_language_host: bool) -> str:
    """Tell why a `pulumi` that somebody installed can't be used; "" if it can."""
    if version < MINIMUM:
        return f"is {_dotted(version)}, older than {_dotted(MINIMUM)}"
    return "" if has_language_host else "has no pulumi-language-python beside it or on PATH"


def _on_path() -> Path | None:
    found = shutil.which("pulumi")
    if not found:
        return None
    folder = Path(found).resolve().parent
    name = "pulumi-language-python"
    why_not = unfit(
        parse_version(_say(found, "version")),
        has_language_host=bool(shutil.which(name, path=folder) or shutil.which(name)),
    )
    if not why_not:
        return folder
    print(f"{found} {why_not}; using our own {VERSION}.", file=sys.stderr)
    return None


def _get(clone: Path, draft: Path) -> None:
    if downloads.reachable():
        try:
            with story.step(f"Download the Pulumi engine {VERSION}"):
                _install(draft)
        except (story.StepError, OSError) as error:
            print(f"  The download failed: {error}", file=sys.stderr)
            shutil.rmtree(draft)
            draft.mkdir()
        else:
            return
    with story.step(f"Build the Pulumi engine {VERSION} from Go modules (some minutes, once)"):
        _build(clone, draft)


def _install(draft: Path) -> None:
    script = draft / "install.sh"
    with urllib.request.urlopen(downloads.INSTALLER, timeout=30) as answer:  # noqa: S310 - constant
        script.write_bytes(answer.read())
    story.run(
        *("sh", str(script), "--version", VERSION, "--install-root", str(draft), "--no-edit-path"),
        log=cache.folder() / "log" / "engine-download.log",
        timeout=_INSTALL_SECONDS,
        remedy=_WAY_OUT,
    )


def _build(clone: Path, draft: Path) -> None:
    """Build from Go modules whose versions and hashes are pinned in toolchain/engine."""
    modules = clone / "toolchain" / "engine"
    # not the user's Go caches: ours survive a killed build and leave nothing after a finished one
    scratch = cache.folder() / "go"
    env = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOCACHE": str(scratch / "build"),
        "GOFLAGS": "",
        "GOMODCACHE": str(scratch / "mod"),
        "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), *_GO_FOLDERS]),
    }
    _check_go(modules / "cli", env)
    cache.need_space(draft, _BUILD_GIGABYTES, "building the engine")
    binaries = draft / "bin"
    binaries.mkdir()
    _go_build(modules / "cli", _CLI, binaries, f"-s -w -X {_CLI_VERSION}=v{VERSION}", env)
    _go_build(modules / "language-host", _LANGUAGE_HOST, binaries, "-s -w", env)
    source = _say(
        "go", "list", "-f", "{{.Dir}}", _LANGUAGE_HOST, cwd=modules / "language-host", env=env
    )
    # the host runs this script beside it; modules carry no execute bit
    executor = binaries / "pulumi-language-python-exec"
    shutil.copyfile(Path(source).parent / executor.name, executor)
    executor.chmod(0o755)
    shutil.rmtree(scratch)


def _go_build(
    module: Path, package: str, binaries: Path, ldflags: str, env: Mapping[str, str]
) -> None:
    flags = ("-v", "-mod=readonly", "-modcacherw", "-trimpath", "-buildvcs=false")
    story.run(
        *("go", "build", *flags, "-ldflags", ldflags, "-o", f"{binaries}/", package),
        log=cache.folder() / "log" / f"go-{module.name}.log",
        cwd=module,
        env=env,
        timeout=_BUILD_SECONDS,
        remedy=f"Is the Go module proxy reachable? {_WAY_OUT}",
    )


def _check_go(module: Path, env: Mapping[str, str]) -> None:
    wanted = re.search(r"^go (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    needed = wanted[1] if wanted else ""
    way_out = (
        f"Pulumi's downloads can't be reached, and building the engine takes Go {needed} or newer. "
        f"Install it (https://go.dev/dl). {_WAY_OUT}"
    )
    if not shutil.which("go", path=env["PATH"]):
        raise story.StepError(f"There is no `go` on PATH. {way_out}")
    # asked inside the module, a Go that may fetch newer ones of itself does so and tells that one
    version = _say("go", "env", "GOVERSION", cwd=module, env=env)
    if parse_version(version.removeprefix("go")) < parse_version(needed):
        had = version or _say("go", "version", cwd=module.parent, env=env)
        raise story.StepError(f"The Go on this machine is too old: {had}. {way_out}")


def _say(*argv: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    result = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=cwd, env=env)
    return result.stdout.strip()


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
