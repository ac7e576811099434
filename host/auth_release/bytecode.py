"""The bytecode of the tool itself, in its archive.

Python keeps no bytecode of modules in an archive, and would compile them anew for each command,
which is half of the start.
"""

import py_compile
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path


def add() -> None:
    """Put bytecode beside each module of the archive that runs here; it is replaced whole.

    Another Python ignores it and takes the source. Bytecode names its source by a hash that is not
    compared (PEP 552), as the files of the archive have no times.
    """
    archive = Path(sys.argv[0]).resolve()
    draft = archive.with_name(f"{archive.name}.bytecode")
    shutil.copy2(archive, draft)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(draft, "a") as packed:
        for name in packed.namelist():
            bytecode = py_compile.compile(
                packed.extract(name, folder),
                cfile=f"{folder}/{name}c",
                dfile=f"{archive}/{name}",
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
            packed.write(str(bytecode), f"{name}c")
    draft.replace(archive)
