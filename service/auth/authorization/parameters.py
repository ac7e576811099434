"""The parameters of OAuth requests: each once (RFC 6749 §3.1, §3.2)."""

from urllib.parse import parse_qsl

_MOST_FIELDS = 64


def parameters(encoded: str) -> dict[str, str]:
    """Read a query or a form, without its empty values; raise ValueError."""
    pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise ValueError("a parameter occurs twice")
        if "\x00" in value:
            raise ValueError("a parameter holds NUL")
        values[name] = value
    return {name: value for name, value in values.items() if value}
