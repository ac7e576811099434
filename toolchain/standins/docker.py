"""Stands in for the `docker` plugin: `Image`, built by BuildKit and pushed to a registry."""

import hashlib
import os
import re
import subprocess
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolchain.standins import provider, values
from toolchain.standins.provider import Context, ProviderError
from toolchain.standins.values import Properties

_BUILD = {"args", "builderVersion", "context", "dockerfile", "platform", "target", "contextDigest"}
_TAIL = 30
_STEP = re.compile(r"#\d+ \[")  # BuildKit's line for a step that begins


class Image:
    """One image: built and pushed when the context, the arguments or the name change."""

    required = frozenset({"imageName"})
    optional = frozenset({"build", "buildOnPreview", "registry", "skipPush"})
    computed = frozenset({"repoDigest", "baseImageName", "registryServer"})
    # the tokens of CI are new on each run
    ignored = ("registry.username", "registry.password")

    def prepare(self, inputs: Properties) -> Properties:
        """Add the digest of the build context: what makes a changed file a change."""
        build = inputs.get("build", {})
        unmodelled = sorted(set(build) - _BUILD)
        if unmodelled:
            raise ProviderError(
                f"build.{unmodelled[0]} is not modelled by the stand-in for the docker plugin"
            )
        if values.has_unknowns(build):
            return inputs
        build = {"context": ".", **build}
        build.setdefault("dockerfile", str(Path(build["context"]) / "Dockerfile"))
        build["contextDigest"] = context_digest(Path(build["context"]), Path(build["dockerfile"]))
        return {**inputs, "build": build}

    def replaces(self, path: str) -> bool:
        del path
        return False

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        outputs = self._make(inputs, context)
        return outputs["repoDigest"], outputs

    def read(self, identity: str, state: Properties, context: Context) -> Properties:
        """Return the state as it is, as the official plugin does."""
        del identity, context
        return state

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        del identity, state
        return self._make(inputs, context)

    def delete(self, identity: str, state: Properties, context: Context) -> None:
        """Leave the pushed image: the official plugin never deletes one either."""
        del identity, state, context

    @staticmethod
    def _make(inputs: Properties, context: Context) -> Properties:
        name = inputs["imageName"]
        _build(name, inputs["build"], context)
        if inputs.get("skipPush"):
            digest = _say("image", "inspect", "--format", "{{.Id}}", name)
        else:
            digest = _push(name, inputs.get("registry", {}), context)
        return {
            **inputs,
            "baseImageName": name,
            "repoDigest": digest,
            "registryServer": inputs.get("registry", {}).get("server", ""),
        }


def context_digest(context: Path, dockerfile: Path) -> str:
    """Hash names, modes and contents of what the build sees, less what .dockerignore names."""
    from docker.utils.build import exclude_paths  # noqa: PLC0415

    if not context.is_dir():
        raise ProviderError(f"build.context is {str(context)!r}; there is no such folder")
    if not dockerfile.is_file():
        raise ProviderError(f"build.dockerfile is {str(dockerfile)!r}; there is no such file")
    ignore = context / ".dockerignore"
    patterns = ignore.read_text().split("\n") if ignore.exists() else []
    patterns = [line.strip() for line in patterns if line.strip() and not line.startswith("#")]
    digest = hashlib.sha256(dockerfile.read_bytes())
    for name in sorted(exclude_paths(str(context), patterns)):
        path = context / name
        if path.is_symlink():
            content = os.fsencode(path.readlink())
        elif path.is_file():
            content = path.read_bytes()
        else:
            continue
        executable = path.lstat().st_mode & 0o111
        digest.update(f"{name}\0{executable}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _build(name: str, build: Mapping[str, Any], context: Context) -> None:
    flags = ["--tag", name, "--file", build["dockerfile"]]
    for option in ("platform", "target"):
        if build.get(option):
            flags += [f"--{option}", build[option]]
    for key, value in sorted(build.get("args", {}).items()):
        flags += ["--build-arg", f"{key}={value}"]
    client, env = buildkit_client()
    tail: deque[str] = deque(maxlen=_TAIL)
    with subprocess.Popen(
        [client, "build", "--progress=plain", *flags, build["context"]],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            tail.append(line)
            if _STEP.match(line):
                context.log(line.rstrip(), passing=True)
    if process.returncode != 0:
        raise ProviderError(f"the image {name} could not be built:\n{''.join(tail)}")


def buildkit_client() -> tuple[str, dict[str, str]]:
    """Find a Docker client that builds with BuildKit, and the variables that make it do so.

    Clients up to 22 have it inside, later ones need the buildx plugin; PATH may hold several.
    """
    folders = os.environ.get("PATH", "").split(os.pathsep)
    for folder in folders:
        client = Path(folder) / "docker"
        if not os.access(client, os.X_OK):
            continue
        if _succeeds(str(client), "buildx", "version"):
            return str(client), {"DOCKER_BUILDKIT": "1"}
        version = _output(str(client), "--version")
        if version.startswith("Docker version 2") and int(version.split()[2].split(".")[0]) < 23:  # noqa: PLR2004
            return str(client), {"DOCKER_BUILDKIT": "1"}
    raise ProviderError(
        "no docker client on PATH can build with BuildKit. Install the buildx plugin "
        "(package docker-buildx or docker-buildx-plugin)."
    )


def _push(name: str, registry: Mapping[str, str], context: Context) -> str:
    """Push the image and give NAME@DIGEST; the login travels in the request, not in a file."""
    import docker  # noqa: PLC0415 - takes a third of a second

    login = None
    if registry.get("username"):
        login = {"username": registry["username"], "password": registry.get("password", "")}
    repository, _, tag = name.rpartition(":")
    digest = ""
    for event in docker.from_env().images.push(
        repository, tag=tag, auth_config=login, stream=True, decode=True
    ):
        if "error" in event:
            raise ProviderError(f"{name} could not be pushed: {event['error']}")
        digest = event.get("aux", {}).get("Digest", digest)
    if not digest:
        raise ProviderError(f"{name} was pushed, but the registry told no digest")
    context.log(f"pushed {repository}@{digest}")
    return f"{repository}@{digest}"


def _say(*argv: str) -> str:
    return _output("docker", *argv)


def _output(*argv: str) -> str:
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    return result.stdout.strip()


def _succeeds(*argv: str) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


PLUGIN = provider.Plugin(name="docker", resources={"docker:index/image:Image": Image()})

if __name__ == "__main__":
    provider.serve(PLUGIN)
