"""Make the image of the pause container, which holds a pod's namespaces: one static program.

    python3 pause.py PROGRAM ARCHIVE

The archive is an OCI image layout
(https://github.com/opencontainers/image-spec/blob/main/image-layout.md), as `ctr images import`
reads it.
"""

import hashlib
import io
import json
import platform
import sys
import tarfile
from pathlib import Path

NAME = "docker.io/localcloud/pause:1"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_MEDIA = "application/vnd.oci.image"


def main(program: Path, archive: Path) -> None:
    """Write the archive."""
    layer = _tar({"pause": program.read_bytes()}, mode=0o755)
    platform_of_image = {"os": "linux", "architecture": _ARCHITECTURES[platform.machine()]}
    configuration = {
        **platform_of_image,
        # -P: no child, it only waits and reaps
        "config": {"Entrypoint": ["/pause", "-P"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    blobs: dict[str, bytes] = {}

    def described(content: bytes, media_type: str) -> dict[str, object]:
        blobs[f"blobs/sha256/{_digest(content).removeprefix('sha256:')}"] = content
        return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}

    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_MEDIA}.manifest.v1+json",
        "config": described(_json(configuration), f"{_MEDIA}.config.v1+json"),
        "layers": [described(layer, f"{_MEDIA}.layer.v1.tar")],
    }
    entry = {
        **described(_json(manifest), f"{_MEDIA}.manifest.v1+json"),
        "platform": platform_of_image,
        "annotations": {"io.containerd.image.name": NAME},
    }
    index = {"schemaVersion": 2, "manifests": [entry]}
    layout = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index)}
    archive.write_bytes(_tar({**layout, **blobs}, mode=0o644))


def _tar(contents: dict[str, bytes], *, mode: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _json(document: object) -> bytes:
    return json.dumps(document).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
