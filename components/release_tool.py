"""The release tool as it is sent to the server: an executable file, as text."""

import base64
import io
import re
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "host" / "auth_release"
CADDY = PACKAGE.parent / "requirements.txt"
_INTERPRETER = b"#!/usr/bin/env python3\n"
_START = f"import sys\nfrom {PACKAGE.name}.__main__ import main\nsys.exit(main(sys.argv[1:]))\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's first moment


def archive() -> str:
    """Return the tool as a zipapp in base64; the same sources give the same text."""
    buffer = io.BytesIO()
    buffer.write(_INTERPRETER)
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr(zipfile.ZipInfo("__main__.py", _EPOCH), _START)
        for source in sorted(PACKAGE.glob("*.py")):
            name = f"{PACKAGE.name}/{source.name}"
            packed.writestr(zipfile.ZipInfo(name, _EPOCH), source.read_bytes())
    return base64.encodebytes(buffer.getvalue()).decode()


def caddy_hashes() -> list[str]:
    """Return the SHA-256 of the pinned Caddy's wheels, of all architectures."""
    return re.findall(r"--hash=sha256:([0-9a-f]{64})", CADDY.read_text())
