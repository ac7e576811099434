"""wrk, a load generator in C: closed-loop, so it sends no faster than it gets answers."""

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common import root

_SCRIPT = """\
wrk.method = "{method}"
wrk.body = {body}
for name, value in pairs({{ {headers} }}) do wrk.headers[name] = value end
local threads = {{}}
function setup(thread) table.insert(threads, thread) end
function init() good, refused, failed = 0, 0, 0 end
function response(status)
  if status < 300 then good = good + 1
  elseif status == 503 then refused = refused + 1
  else failed = failed + 1 end
end
function done(summary)
  local good, refused, failed = 0, 0, 0
  for _, thread in ipairs(threads) do
    good = good + thread:get("good")
    refused = refused + thread:get("refused")
    failed = failed + thread:get("failed")
  end
  print(string.format("TOTAL %d %d %d %f", good, refused, failed, summary.duration / 1e6))
end
"""


@dataclass(frozen=True)
class Load:
    """Requests per second: answered with success, and refused with 503."""

    good: float
    refused: float


def install() -> None:
    if not shutil.which("wrk"):
        with tempfile.TemporaryDirectory() as folder:
            root.install("wrk", log=Path(folder) / "log")


def run(
    url: str,
    *,
    seconds: float,
    connections: int,
    headers: dict[str, str] | None = None,
    body: object = None,
) -> Load:
    """Load a URL with GET, or with POST of `body` as JSON; raise SystemExit for another answer."""
    sent = {**(headers or {}), **({"Content-Type": "application/json"} if body else {})}
    script = _SCRIPT.format(
        method="POST" if body else "GET",
        body=_lua(json.dumps(body)) if body else "nil",
        headers=", ".join(f"[ {_lua(name)} ] = {_lua(value)}" for name, value in sent.items()),
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "30s"]
        done = subprocess.run(
            [*words, "-s", file.name, url], capture_output=True, text=True, check=True, timeout=300
        )
    match = re.search(r"^TOTAL (\d+) (\d+) (\d+) ([\d.]+)$", done.stdout, re.MULTILINE)
    if match is None or int(match[3]):
        raise SystemExit(f"{url} was not answered as expected:\n{done.stdout}{done.stderr}")
    took = float(match[4])
    return Load(int(match[1]) / took, int(match[2]) / took)


def _lua(text: str) -> str:
    return f"[==[{text}]==]"
