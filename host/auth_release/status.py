"""The answers of `status` and `history`, for people and as data."""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from . import asking, backup, backup_commands, lock, log_shipping, overview, reporter
from .failures import visible
from .interventions import Intervention
from .records import STATE, Records
from .service_host import ServiceHost
from .supervision import Restart
from .supervisor import PROXY, restarts_of

_SIDE_BY_SIDE = 16
Event = Restart | Intervention
_COLUMNS = ("release", "outcome", "at", "seconds", "revision")


def status(host: ServiceHost) -> dict[str, Any]:
    """Return the live release, its drift, and the next release's number, as JSON's values."""
    live = host.live()
    containers = host.docker.containers(host.service)
    # by the route: the live release's record may be unreadable
    container = containers.pop(host.routes.live(host.service) or 0, None)
    run = lock.holder(STATE, host.service)
    went_back = host.went_back()
    return {
        "live": live.public() if live else None,
        "running": bool(container and container.running),
        "others": sorted(other.name for other in containers.values()),
        "run": run,
        "watching": bool(run and live and live.standby),
        "standby": live.standby if live else 0,
        "went_back": went_back.public() if went_back else None,
        "differs": [*([] if run else host.unfinished(live)), *host.drift(live)],
        "skipped": host.skipped(),
        "foreign": host.docker.foreign(host.service),
        "next": host.records.next_number(),
        # of the service behind the proxy; None: it answers
        "problem": asking.through_proxy(live.desired) if live else None,
        "exhausted": _exhausted(host.service),
        "backup": backup.state(host.service),
        "metrics": reporter.problem(),  # None: they are reported, or not configured
        "shipping": log_shipping.problem(),  # None: the log is shipped, or need not be
    }


def _exhausted(service: str) -> list[str]:
    """List the sentences about restarts of the service or the proxy that did not help."""
    texts = (restarts_of(STATE, name).exhausted for name in (service, PROXY))
    return list(filter(None, texts))


def show_status(
    services: Sequence[str], host_of: Callable[[str], ServiceHost], *, as_json: bool, single: bool
) -> None:
    """Print the status of services; `single`: the JSON is that of the only service."""
    # the first answer fills the snapshot that all share; a hung service takes seconds to ask
    statuses = {service: status(host_of(service)) for service in services[:1]}
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        others = pool.map(lambda service: status(host_of(service)), services[1:])
        statuses |= dict(zip(services[1:], others, strict=True))
    if single or not as_json:
        overviews = overview.of([live for each in services if (live := host_of(each).live())])
        for service, answer in statuses.items():
            answer["overview"] = overviews.get(service)
    if as_json:
        print(json.dumps(statuses[services[0]] if single else statuses))
        return
    for service, answer in statuses.items():
        print("\n".join(map(visible, _lines(service, answer))))


def show_history(records: Records, events: Sequence[Event], *, as_json: bool) -> None:
    """Print the readable records, newest first, with the restarts and interventions of each.

    The other records are named on stderr.
    """
    readable = records.all()
    by_release: dict[int, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.at):
        by_release[event.release].append(event)
    rows = [
        {
            **record.public(),
            "restarts": _values(Restart, by_release[record.number]),
            "interventions": _values(Intervention, by_release[record.number]),
        }
        for record in readable
    ]
    for number, reason in records.unreadable().items():
        print(f"Skip release {number}: its record can't be read: {reason}", file=sys.stderr)
    if as_json:
        print(json.dumps(rows))
        return
    standby = next((record.standby for record in readable if record.outcome == "live"), 0)
    for row in rows:
        if row["release"] == standby and row["outcome"] == "live":
            row["outcome"] = "stands by"
    print_rows(rows, by_release)


def print_rows(rows: Sequence[Mapping[str, Any]], events: Mapping[int, Sequence[object]]) -> None:
    """Print releases as a table for people, with the events of each by its number."""
    table = [_COLUMNS, *(tuple(visible(str(row[name])) for name in _COLUMNS) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(_COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]
    print(lines[0])
    # the author and the note have a line of their own: together they are wider than a terminal
    for line, row in zip(lines[1:], rows, strict=True):
        print(line)
        print(visible(f"  by {row['by']}{': ' if row['note'] else ''}{row['note']}"))
        for event in events.get(row["release"], ()):
            print(visible(f"  {event}"))


def _values(kind: type, events: Sequence[Event]) -> list[dict[str, Any]]:
    return [asdict(event) for event in events if isinstance(event, kind)]


def _lines(service: str, answer: Mapping[str, Any]) -> list[str]:
    return [
        *_live_lines(service, answer),
        *backup_commands.status_lines(answer["backup"]),
        *(overview.lines(answer["overview"]) if answer["overview"] else ()),
        *([f"  metrics  {answer['metrics']}"] if answer["metrics"] else []),
        *([f"  log      {answer['shipping']}"] if answer["shipping"] else []),
        *(f"  supervisor: {sentence}" for sentence in answer["exhausted"]),
        *(f"  differs: {difference}" for difference in answer["differs"]),
        *(f"  skipped: {record}" for record in answer["skipped"]),
        *_run_lines(answer),
        *(
            f"  {other} has labels of {service}, but the release tool did not make it"
            for other in answer["foreign"]
        ),
    ]


def _run_lines(answer: Mapping[str, Any]) -> list[str]:
    """Describe the run that is under way, and the end of the newest watch."""
    lines = [f"  {other} is there, too: a release begins or ends" for other in answer["others"]]
    if answer["watching"]:
        lines = [f"  watching: release {answer['standby']} stands by in case it fails"]
    if answer["run"]:
        lines.append(f"  under way: the run of {answer['run']}")
    if failed := answer["went_back"]:
        lines.append(f"  Release {failed['release']} failed after it was live: {failed['note']}")
    return lines


def _live_lines(service: str, answer: Mapping[str, Any]) -> list[str]:
    live = answer["live"]
    if live is None and answer["differs"]:
        return [f"A release of {service} is live that this release tool can't read."]
    if live is None:
        return [f"No release of {service} is live on this host."]
    state = "runs" if answer["running"] else "does not run"
    if answer["running"] and answer["problem"]:
        is_silent = answer["problem"].startswith("no answer")
        state = f"{'hangs' if is_silent else 'is not ready'}: {answer['problem']}"
    names = ("image", "revision", "at", "by", "note")
    return [
        f"Release {live['release']} of {service} is live and {state}.",
        *(f"  {name:<9}{live[name]}" for name in names if live[name]),
    ]
