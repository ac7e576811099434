"""All that commands on stacks need on this machine, and the variables that lead to it."""

import os
from pathlib import Path

from toolchain import docker_engine, engine, plugins


def fetch(clone: Path) -> None:
    """Get all the tools, as a step of its own that no secret takes part in."""
    docker_engine.ensure(clone)
    plugins.fetch(clone, variables(clone))


def variables(clone: Path) -> dict[str, str]:
    """Return the environment variables that lead to the tools, among those of this process."""
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
        # the engine would check no SHA-256 of what it downloads by itself
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # the repository carries no bytecode of ours
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _client_folder(clone: Path) -> Path:
    """Return a folder with the Docker client that can build images, if there is one."""
    folder = clone / ".local" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    link, client = folder / "docker", docker_engine.client()
    if client and client != link and not (link.is_symlink() and link.readlink() == client):
        draft = folder / ".docker.new"
        draft.unlink(missing_ok=True)
        draft.symlink_to(client)
        draft.replace(link)
    return folder
