"""The message of an alarm, by its `messageFormat`.

Source: https://docs.oracle.com/en-us/iaas/Content/Monitoring/alarm-message-format.htm
"""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_KINDS = {"FIRING": "OK_TO_FIRING", "OK": "FIRING_TO_OK"}


def of(alarm: Mapping[str, Any], *, status: str, now: datetime) -> tuple[str, str]:
    """Return title and body of the message that an alarm changed its status."""
    kind = _KINDS[status]
    title = f"[{kind}] {alarm.get('notificationTitle') or alarm['displayName']}"
    document = {
        "dedupeKey": str(uuid.uuid5(uuid.NAMESPACE_URL, alarm["id"])),
        "title": alarm.get("notificationTitle") or alarm["displayName"],
        "body": alarm.get("body", ""),
        "type": kind,
        "severity": alarm["severity"],
        "timestampEpochMillis": int(now.timestamp() * 1000),
        "timestamp": now.isoformat(),
        "alarmMetaData": [
            {
                "id": alarm["id"],
                "status": status,
                "severity": alarm["severity"],
                "namespace": alarm["namespace"],
                "query": alarm["query"],
            }
        ],
        "version": 1.5,
    }
    if alarm["messageFormat"] == "RAW":
        return title, json.dumps(document)
    if alarm["messageFormat"] == "PRETTY_JSON":
        return title, json.dumps(document, indent=2)
    lines = [
        alarm.get("alarmSummary") or "",
        alarm.get("body") or "",
        f"Alarm: {alarm['displayName']}",
        f"Status: {status}",
        f"Severity: {alarm['severity']}",
        f"Time: {now.isoformat()}",
        f"Query: {alarm['query']}",
    ]
    return title, "\n".join(line for line in lines if line) + "\n"
