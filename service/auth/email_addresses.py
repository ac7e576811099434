"""The spellings of an e-mail address: one of them is stored and counted, the others lead to it."""

import re
import unicodedata

LONGEST = 254

# An @, something before it, a dotted name behind it: the mail server refuses the rest. No space,
# control character or lone surrogate, which mail headers and databases refuse. No character with a
# meaning in a header (RFC 5322 §3.2.3) or a place to hide (`=?…?=`, RFC 2047): the mail would go to
# another address than the proven address.
_ATOM = r"[^\s@\x00-\x1f\x7f<>,;:()\[\]\\\"?]+"
FORM = rf"^{_ATOM}@{_ATOM}\.{_ATOM}$"


def normalized(address: str) -> str:
    """Return the spelling under which an address is stored and counted.

    It is in lower case, in Unicode's normal form C, and with a domain in Unicode:
    `ada@bücher.example` and `ada@xn--bcher-kva.example` are one account. Anything else than an
    address stays as it is, but for its case.
    """
    address = address.strip()
    if address.isascii() and "xn--" not in address.lower():
        return address.lower()
    local, at, domain = unicodedata.normalize("NFC", address).rpartition("@")
    return f"{unicodedata.normalize('NFC', local.lower())}{at}{_in_unicode(domain)}"


def spellings(address: str) -> tuple[str, ...]:
    """Return the spellings under which a release stored an address, today's first.

    Earlier releases stored an address as it was typed, in lower case.
    """
    today = normalized(address)
    if today.isascii():
        return (today,)
    return tuple(
        dict.fromkeys(
            (today, with_ascii_domain(today), unicodedata.normalize("NFD", today), address.lower())
        )
    )


def with_ascii_domain(address: str) -> str:
    """Return the address as mail servers without SMTPUTF8 take it, if its local part is ASCII."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{_in_ascii(domain)}"


def refusal(address: str) -> str:
    """Return the reason why no new account may have the address, "" for a usable address."""
    import email_validator  # noqa: PLC0415 - only a new address needs it

    # a service inside of a company has users at names that the internet does not know
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        email_validator.validate_email(
            address, check_deliverability=False, globally_deliverable=False
        )
    except email_validator.EmailNotValidError as error:
        return str(error)
    if not re.fullmatch(FORM, address):
        return 'It needs a dot in its domain, and none of the characters <>,;:()[]\\"?'
    return ""


def _in_unicode(domain: str) -> str:
    import idna  # noqa: PLC0415 - most addresses are plain ASCII

    try:
        return idna.decode(idna.encode(domain, uts46=True, transitional=False))
    except (idna.IDNAError, UnicodeError):
        return domain.lower()


def _in_ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    import idna  # noqa: PLC0415

    try:
        return idna.encode(domain, uts46=True, transitional=False).decode()
    except (idna.IDNAError, UnicodeError):
        return domain
