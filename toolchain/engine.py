"""The Pulumi engine: from PATH, the pinned release, or built from pinned Go modules."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from common import cache, progress
from toolchain import archives, downloads, golang

VERSION = "3.259.0"
# From 3.245 to 3.255 the CLI writes state that Oracle's S3 API refuses, and 3.257 fixed the rest.
MINIMUM = (3, 257, 0)
_BUILD_GIGABYTES = 5  # 2 GB of sources and 2 GB of compiled packages, deleted afterwards
_UNPACK_SECONDS = 600
_WAY_OUT = "Or install Pulumi yourself (https://www.pulumi.com/docs/install), then try again."
_CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
# The last SDK module that still holds the Python language host serves programs of today's SDK.
_LANGUAGE_HOST = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
_LANGUAGE_HOST_NAME = "pulumi-language-python"
_CLI_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"


def ensure(clone: Path) -> Path:
    """Return the folder with `pulumi` and its Python language host; get both if missing."""
    if folder := _on_path():
        return folder
    target = cache.folder() / "engine" / VERSION
    return cache.made(target, lambda draft: _get(clone, draft)) / "bin"


def unfit(version: tuple[int, int, int], *, has_language_host: bool) -> str | None:
    """Return the reason why an installed `pulumi` can't be used; None if it can."""
    if version < MINIMUM:
        return f"is {_dotted(version)}, older than {_dotted(MINIMUM)}"
    return None if has_language_host else "has no pulumi-language-python beside it or on PATH"


def has_language_host(env: Mapping[str, str]) -> bool:
    """Check whether the engine on PATH has its Python language host beside it."""
    pulumi = shutil.which("pulumi", path=env["PATH"])
    return bool(pulumi and (Path(pulumi).resolve().parent / _LANGUAGE_HOST_NAME).exists())


def _on_path() -> Path | None:
    pulumi = shutil.which("pulumi")
    if not pulumi:
        return None
    folder = Path(pulumi).resolve().parent
    reason = unfit(
        golang.parse_version(golang.output_of(pulumi, "version")),
        has_language_host=bool(
            shutil.which(_LANGUAGE_HOST_NAME, path=folder) or shutil.which(_LANGUAGE_HOST_NAME)
        ),
    )
    if reason is None:
        return folder
    print(f"{pulumi} {reason}; the pinned {VERSION} is used.", file=sys.stderr)
    return None


def _get(clone: Path, draft: Path) -> None:
    if downloads.reachable():
        try:
            with progress.step(f"Download the Pulumi engine {VERSION}"):
                _install(clone, draft)
        except archives.TamperedError:
            raise
        except (progress.StepError, OSError) as error:
            print(f"  The download failed: {error}", file=sys.stderr)
            shutil.rmtree(draft)
            draft.mkdir()
        else:
            return
    with progress.step(f"Build the Pulumi engine {VERSION} from Go modules (some minutes, once)"):
        _build(clone, draft)


def _install(clone: Path, draft: Path) -> None:
    archive = draft / "engine.tar.gz"
    archives.fetch(clone, archives.engine(VERSION), archive)
    binaries = draft / "bin"
    binaries.mkdir()
    progress.run(
        *("tar", "--extract", "--gzip", "--file", str(archive), "--directory", str(binaries)),
        *("--strip-components=1", "--no-same-owner"),
        log=cache.folder() / "log" / "engine-download.log",
        timeout=_UNPACK_SECONDS,
        remedy=_WAY_OUT,
    )
    archive.unlink()


def _build(clone: Path, draft: Path) -> None:
    """Build from Go modules whose versions and hashes are pinned in toolchain/engine."""
    modules = clone / "toolchain" / "engine"
    scratch = cache.folder() / "go"
    env = golang.environment(scratch)
    way_out = (
        "Pulumi's downloads can't be reached, and building the engine takes {go}. "
        f"Install it (https://go.dev/dl). {_WAY_OUT}"
    )
    golang.check(modules / "cli", env, way_out)
    cache.need_space(draft, _BUILD_GIGABYTES, "building the engine")
    binaries = draft / "bin"
    binaries.mkdir()
    remedy = f"Is the Go module proxy reachable? {_WAY_OUT}"
    for module, package, ldflags in (
        ("cli", _CLI, f"-s -w -X {_CLI_VERSION}=v{VERSION}"),
        ("language-host", _LANGUAGE_HOST, "-s -w"),
    ):
        golang.build(modules / module, package, binaries, ldflags=ldflags, env=env, remedy=remedy)
    source = golang.output_of(
        "go", "list", "-f", "{{.Dir}}", _LANGUAGE_HOST, cwd=modules / "language-host", env=env
    )
    # the host runs this script beside it; modules carry no execute bit
    executor = binaries / "pulumi-language-python-exec"
    shutil.copyfile(Path(source).parent / executor.name, executor)
    executor.chmod(0o755)
    golang.remove(scratch)


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
