"""The choice of a language by the wishes of a user, the first that the service has."""

from collections.abc import Iterable, Sequence

from babel import negotiate_locale

_MOST_WISHES = 32


def best(wishes: Iterable[str], offered: Sequence[str]) -> str:
    """Return the offered language that comes first in the wishes, "" if none is offered.

    A wish is a language tag (BCP 47): `de-AT` is fulfilled by `de`.
    """
    # it returns the tag as it was wished for, in any case
    best = negotiate_locale(wishes, offered, sep="-") or ""
    return next((code for code in offered if code.lower() == best.lower()), "")


def accepted(header: str) -> list[str]:
    """Return the languages of an `Accept-Language` header (RFC 9110 §12.5.4).

    The most wanted is first. Without those of quality 0, and without parts that can't be read.
    """
    weighted = []
    for part in header.split(",")[:_MOST_WISHES]:
        tag, _, parameter = part.partition(";")
        name, _, quality = parameter.partition("=")
        try:
            weight = float(quality) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if tag.strip() and weight > 0:
            weighted.append((-weight, tag.strip()))
    # a stable order: equal wishes stay as they were written
    return [tag for _, tag in sorted(weighted, key=lambda wish: wish[0])]
