"""The URLs, answers and pictures of a short-lived stack, kept after its end."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

_BROWSERS = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser")
_SECONDS = 60


def keep(outputs: Mapping[str, Any], folder: Path) -> list[str]:
    """Write outputs, answers and, with a browser, pictures; return the files' names.

    The reason of a missing picture is in `pictures.txt`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "outputs.json").write_text(json.dumps(dict(outputs), indent=2) + "\n")
    url = str(outputs["url"])
    pages = {
        "health": outputs["healthUrl"],
        "jwks": outputs["jwksUrl"],
        "version": f"{url}/version",
    }
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    problems = [] if browser else ["There is no browser on this machine."]
    for name, page in pages.items():
        answer = httpx.get(str(page), timeout=30)
        headers = "".join(f"{key}: {value}\n" for key, value in answer.headers.items())
        shown = f"GET {page}\nHTTP {answer.status_code}\n{headers}\n{answer.text}\n"
        (folder / f"{name}.txt").write_text(shown)
        if browser and (problem := _picture(browser, str(page), folder / f"{name}.png")):
            problems.append(problem)
    if problems:
        (folder / "pictures.txt").write_text("\n".join(problems) + "\n")
    return sorted(path.name for path in folder.iterdir())


def _picture(browser: str, url: str, path: Path) -> str | None:
    """Take a picture of a page; return the reason of a failure."""
    command = [
        *(browser, "--headless", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,600"),
        *(f"--screenshot={path}", url),
    ]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{url}: {error}"
    return None if path.exists() else f"{url}: {result.stderr.strip()[-300:]}"
