"""The images that everything local is made from: pulled if a registry answers, else made."""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from common import root
from localcloud.machines.docker import DockerError, docker, exists

FILES = Path(__file__).with_name("image")
_BASES = Path(__file__).with_name("bases.Dockerfile")
_SERVICE = Path(__file__).parents[2] / "service" / "Dockerfile"
_PULL_SECONDS = 300
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

Tell = Callable[[str], None]


def machine(tell: Tell) -> str:
    """Give the name of the machine image, built if its inputs changed."""
    files = {
        str(path.relative_to(FILES)): path.read_bytes()
        for path in sorted(FILES.rglob("*"))
        if path.is_file() and path.name != "python.Dockerfile"
    }
    files["host-ca.crt"] = host_ca()
    name = f"auth-localcloud/machine:{fingerprint(files)}"
    if not exists("image", name):
        base = system_base(tell)
        tell("Build the machine image (once, about a minute)")
        build(name, files, {"BASE": base})
    return name


def python(tell: Tell) -> tuple[str, str]:
    """Give the base image of a Python service, and the one that installs its packages.

    The second one knows what this machine needs to reach package registries: its CAs, pip's
    settings and the proxies. The first one, which ends up in the product, does not.
    """
    files = {
        "Dockerfile": (FILES / "python.Dockerfile").read_bytes(),
        "host-ca.crt": host_ca(),
        "pip.conf": pip_configuration().encode(),
    }
    tag = fingerprint(files)
    names = [f"auth-localcloud/python-{target}:{tag}" for target in ("runtime", "builder")]
    if not all(exists("image", name) for name in names):
        base = official(_pinned(_SERVICE, "official"), tell) or system_base(tell)
        tell("Build the Python base images")
        for name in names:
            target = name.partition(":")[0].rpartition("-")[2]
            build(name, files, {"BASE": base}, "--target", target)
    return names[0], names[1]


def system_base(tell: Tell) -> str:
    """Give the root file system that images start from: Ubuntu, or the host's own release."""
    pulled = official(_pinned(_BASES, "system"), tell)
    if pulled:
        return pulled
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    name = f"auth-localcloud/system:{codename}"
    if not exists("image", name):
        tell(f"Make a {codename} root file system from packages (no image registry answers)")
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
    found = re.search(rf"^FROM (\S+@sha256:\S+) AS {stage}$", dockerfile.read_text(), re.MULTILINE)
    if not found:
        raise DockerError(f"{dockerfile} has no stage {stage} with an image pinned by its digest")
    return found[1]


def official(image: str, tell: Tell) -> str | None:
    """Pull an official image; None where no registry answers."""
    if exists("image", image):
        return image
    tell(f"Pull {image}")
    try:
        docker("pull", "--quiet", image, timeout=_PULL_SECONDS)
    except DockerError:
        return None
    return image


def fingerprint(files: Mapping[str, bytes]) -> str:
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
    """Give the CAs that this machine trusts."""
    path = Path(os.environ.get("SSL_CERT_FILE") or _CA_BUNDLE)
    return path.read_bytes() if path.exists() else b""


def pip_configuration() -> str:
    """Render where pip looks for packages on this machine, for a machine that has its CAs."""
    settings = {}
    for key in ("index-url", "extra-index-url", "trusted-host"):
        variable = os.environ.get(f"PIP_{key.upper().replace('-', '_')}")
        asked = subprocess.run(
            ["pip", "config", "get", f"global.{key}"], capture_output=True, text=True, check=False
        )
        value = variable or asked.stdout.strip()
        if value:
            settings[key] = value
    return "\n".join(["[global]", *(f"{key} = {value}" for key, value in settings.items()), ""])
