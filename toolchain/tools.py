"""The tools for commands on stacks, and the environment variables that lead to them."""

import os
from pathlib import Path

from common import docker, files
from toolchain import docker_engine, engine, plugins


def fetch(clone: Path) -> None:
    """Get all the tools, as a step of its own that no secret takes part in."""
    docker_engine.ensure(clone)
    plugins.fetch(clone, variables(clone))


def variables(clone: Path) -> dict[str, str]:
    """Return this process's environment variables, changed so that they lead to the tools."""
    folders = [
        _client_folder(clone),
        clone / ".venv" / "bin",
        engine.ensure(clone),
    ]
    official = plugins.official_folder()
    if official:
        folders.insert(0, official)
    before = os.environ.get("PATH", "").split(os.pathsep)
    path = dict.fromkeys([*map(str, folders), *before])  # in order, each once
    return {
        **os.environ,
        "PATH": os.pathsep.join(path),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # the engine by itself would check no SHA-256 of a download
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # the repository carries no bytecode of ours
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _client_folder(clone: Path) -> Path:
    """Return a folder with the Docker client that can build images, if any.

    The client is searched again once it changed: each candidate has to be asked for its version.
    """
    folder = clone / ".local" / "bin"
    link = folder / "docker"
    if link.exists() and link.stat().st_mtime < link.lstat().st_mtime:
        return folder
    client = docker.buildkit_client()
    if client and client != link:
        files.link(link, client)
    return folder
