"""Pulumi's property names and Oracle's: nearly the same, apart from the cases here."""

from datetime import datetime
from typing import Any

from standins.values import Properties

# Pulumi's name → Oracle's, wherever it stands
_NAMES = {
    "assignIpv6ip": "assignIpv6Ip",
    "bootVolumeSizeInGbs": "bootVolumeSizeInGBs",
    "bootVolumeVpusPerGb": "bootVolumeVpusPerGB",
    "byoipv6cidrBlocks": "byoipv6CidrBlocks",
    "byoipv6cidrDetails": "byoipv6CidrDetails",
    "instanceMemorySizeInGbs": "instanceMemorySizeInGBs",
    "ipv4cidrBlocks": "ipv4CidrBlocks",
    "ipv6cidrBlocks": "ipv6CidrBlocks",
    "ipv6privateCidrBlocks": "ipv6PrivateCidrBlocks",
    "isIpv6enabled": "isIpv6Enabled",
    "localDisksTotalSizeInGbs": "localDisksTotalSizeInGBs",
    "localVolumeSizeInGbs": "localVolumeSizeInGBs",
    "memoryInGbs": "memoryInGBs",
    "pluginsConfigs": "pluginsConfig",
    "sizeInGbs": "sizeInGBs",
    "sizeInMbs": "sizeInMBs",
    "state": "lifecycleState",
    "stateless": "isStateless",
    "vpusPerGb": "vpusPerGB",
}
_BACK = {wire: name for name, wire in _NAMES.items()}
# numbers and truths that the official schema carries as text
_TEXTS = {
    *("assignPublicIp", "bootVolumeSizeInGbs", "bootVolumeVpusPerGb"),
    *("createdTime", "iops", "sizeInGbs", "sizeInMbs", "vpusPerGb"),
}
# Maps whose keys are the user's own: no name in them is translated.
MAPS = {"definedTags", "extendedMetadata", "freeformTags", "metadata"}


def outbound(properties: Any) -> Any:
    """Turn properties into a request body."""
    if isinstance(properties, list):
        return [outbound(item) for item in properties]
    if not isinstance(properties, dict):
        return properties
    return {
        _NAMES.get(name, name): _from_text(value)
        if name in _TEXTS
        else value
        if name in MAPS
        else outbound(value)
        for name, value in properties.items()
    }


def inbound(body: Any) -> Any:
    """Return properties from an answer's body; null values are left out."""
    if isinstance(body, list):
        return [inbound(item) for item in body]
    if not isinstance(body, dict):
        return body
    properties = {}
    for wire, value in body.items():
        name = str(_BACK.get(wire, wire))
        if value is None:
            continue
        if name in _TEXTS:
            properties[name] = str(value).lower()
        elif name in {"timeCreated", "timeUpdated"}:
            properties[name] = go_time(value)
        else:
            properties[name] = value if name in MAPS else inbound(value)
    return properties


def listed(bodies: list[Properties]) -> list[Properties]:
    """Return a function's result from a list: objects are lists of length 1 in the schema."""
    return [
        {
            name: [value] if isinstance(value, dict) and not name.endswith("Tags") else value
            for name, value in inbound(body).items()
        }
        for body in bodies
    ]


def go_time(text: str) -> str:
    """Write a time as the official provider does, by Go's Time.String()."""
    moment = datetime.fromisoformat(text)
    fraction = f".{moment.microsecond:06}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"


def _from_text(value: Any) -> Any:
    if value in {"true", "false"}:
        return value == "true"
    return int(value) if isinstance(value, str) and value.isdigit() else value


def instance_body(inputs: Properties) -> Properties:
    """Return the body of a launch or of a change, where the image is `imageId`."""
    body = dict(outbound(inputs))
    # not in requests: a parameter of the termination, and a state that needs an action
    for name in ("preserveBootVolume", "lifecycleState"):
        body.pop(name, None)
    if "sourceDetails" not in body:
        return body
    source = dict(body["sourceDetails"])
    if "sourceId" in source:
        source["imageId"] = source.pop("sourceId")
    return {**body, "sourceDetails": source}
