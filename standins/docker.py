"""Stands in for the `docker` plugin: `Image`, built by BuildKit and pushed to a registry."""

import os
import platform
import re
import subprocess
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import docker
from components import ssh_client
from standins import provider, values
from standins.docker_context import context_digest
from standins.resource import Context, ProviderError
from standins.values import Properties

_BUILD = {"args", "builderVersion", "context", "dockerfile", "platform", "target", "contextDigest"}
_TAIL = 30
_SILENCE_SECONDS = 600  # of Docker's engine during a push; a busy machine is silent for minutes
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # the kernel's name to Docker's
# The official plugin compares with the inputs that it keeps here, among the outputs.
INPUTS = "__inputs"
_STEP = re.compile(r"#\d+ \[")  # BuildKit's line for a step that begins


class Image:
    """An image: built and pushed when the context, the arguments or the name change."""

    required = frozenset({"imageName"})
    optional = frozenset({"build", "buildOnPreview", "registry", "skipPush"})
    computed = frozenset({"repoDigest", "baseImageName", "registryServer"})
    secrets = (INPUTS,)

    def prepare(self, inputs: Properties) -> Properties:
        """Add the digest of the build context, so that a changed file is a change."""
        build = inputs.get("build", {})
        unmodelled = sorted(set(build) - _BUILD)
        if unmodelled:
            raise ProviderError(
                f"build.{unmodelled[0]} is not modelled by the stand-in for the docker plugin"
            )
        if inputs.get("buildOnPreview"):
            raise ProviderError(
                "buildOnPreview is not modelled by the stand-in for the docker plugin"
            )
        inputs = {**inputs, "buildOnPreview": False}
        if values.has_unknowns(build):
            return inputs
        build = {"context": ".", **build}
        build.setdefault("dockerfile", str(Path(build["context"]) / "Dockerfile"))
        build.setdefault("platform", f"linux/{_ARCHITECTURES.get(platform.machine(), 'amd64')}")
        build["contextDigest"] = context_digest(build["context"], build["dockerfile"])
        return {**inputs, "build": build}

    def differences(
        self, state: Properties, old: Properties, new: Properties, ignored: tuple[str, ...] = ()
    ) -> dict[str, str]:
        """Compare the inputs, but for another login: the tokens of CI are new on each run."""
        del state
        kinds = values.top_level(old, new)
        before, after = old.get("registry"), new.get("registry")
        if before and after and before.get("server") == after.get("server"):
            kinds.pop("registry", None)
        return {name: kind for name, kind in kinds.items() if name not in ignored}

    def foreseen(self, state: Properties, old: Properties, new: Properties) -> Properties:
        """Return the inputs alone: everything else comes from the build."""
        del state, old
        return new

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        return inputs["imageName"], self._make(inputs, context)

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
        """Leave the pushed image, as the official plugin does."""
        del identity, state, context

    @staticmethod
    def _make(inputs: Properties, context: Context) -> Properties:
        threading.Thread(target=_prepare_for_the_next_steps, daemon=True).start()
        name, build = inputs["imageName"], inputs["build"]
        _build(name, build, context)
        if inputs.get("skipPush"):
            digest = _output("image", "inspect", "--format", "{{.Id}}", name)
        else:
            digest = _push(name, inputs.get("registry", {}), context)
        return {
            "baseImageName": name,
            "context": build["context"],
            "dockerfile": os.path.relpath(build["dockerfile"], build["context"]),
            "imageName": name,
            "platform": build["platform"],
            "repoDigest": digest,
            "registryServer": inputs.get("registry", {}).get("server", ""),
            INPUTS: inputs,
        }


def _prepare_for_the_next_steps() -> None:
    """Import the clients of the push and of the release, while the build waits for Docker.

    Each takes a third of a second. The release follows over SSH; its plugin is in this process.
    """
    import docker as sdk  # noqa: F401, PLC0415

    ssh_client.prepare()


def _build(name: str, build: Mapping[str, Any], context: Context) -> None:
    flags = ["--tag", name, "--file", build["dockerfile"]]
    for option in ("platform", "target"):
        if build.get(option):
            flags += [f"--{option}", build[option]]
    for key, value in sorted(build.get("args", {}).items()):
        flags += ["--build-arg", f"{key}={value}"]
    client = _buildkit_client()
    tail: deque[str] = deque(maxlen=_TAIL)
    with subprocess.Popen(
        [str(client), "build", "--progress=plain", *flags, build["context"]],
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
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


def _buildkit_client() -> Path:
    client = docker.buildkit_client()
    if client is None:
        raise ProviderError(
            "no docker client on PATH can build with BuildKit. Install the buildx plugin "
            "(package docker-buildx or docker-buildx-plugin)."
        )
    return client


def _push(name: str, registry: Mapping[str, str], context: Context) -> str:
    """Push the image and give NAME@DIGEST; the login travels in the request, not in a file."""
    import docker as sdk  # noqa: PLC0415 - see _prepare_for_the_next_steps
    import urllib3  # noqa: PLC0415 - comes with it; its errors pass through a stream as they are

    login = None
    if registry.get("username"):
        login = {"username": registry["username"], "password": registry.get("password", "")}
    repository, _, tag = name.rpartition(":")
    digest = ""
    try:
        for event in sdk.from_env(timeout=_SILENCE_SECONDS).images.push(
            repository, tag=tag, auth_config=login, stream=True, decode=True
        ):
            if "error" in event:
                raise ProviderError(f"{name} could not be pushed: {event['error']}")
            digest = event.get("aux", {}).get("Digest", digest)
    except (OSError, urllib3.exceptions.HTTPError, sdk.errors.DockerException) as error:
        raise ProviderError(
            f"{name} could not be pushed: Docker's engine gives no answer ({error}). "
            "`docker info` shows its state; the next run pushes again."
        ) from error
    if not digest:
        raise ProviderError(f"{name} was pushed, but the registry returned no digest")
    context.log(f"pushed {repository}@{digest}")
    return f"{repository}@{digest}"


def _output(*argv: str) -> str:
    result = subprocess.run(["docker", *argv], capture_output=True, text=True, check=False)
    return result.stdout.strip()


PLUGIN = provider.Plugin(name="docker", resources={"docker:index/image:Image": Image()})
