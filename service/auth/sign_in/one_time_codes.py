"""One-time codes: codes of an authenticator app (TOTP, RFC 6238), and recovery codes."""

import hmac
import secrets
import time
import unicodedata

from auth.crypto import secret_tokens

STEP_SECONDS = 30
RECOVERY_CODES = 10
DIGITS = 6
# clocks of telephones are off, and people type slowly (RFC 6238 §5.2)
_STEPS_OFF = 1
# spaces, dashes, control and format characters, by their Unicode category
_SEPARATORS = frozenset({"Zs", "Zl", "Zp", "Pd", "Cc", "Cf"})
# neither i, l, o nor u, which are misread on paper; and it spells no words
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# 80 bits: too many to guess even with the hashes
_LENGTH, _GROUP = 16, 4


def new_secret() -> str:
    """Make a TOTP secret of 160 bits, in base32 (RFC 4226 §4)."""
    import pyotp  # noqa: PLC0415 - most requests never need it

    return pyotp.random_base32()


def uri(secret: str, *, account: str, issuer: str) -> str:
    """Return the otpauth URI: SHA-1, 6 digits and 30 s, which every authenticator app supports."""
    import pyotp  # noqa: PLC0415

    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def qr_svg(text: str) -> str:
    """Draw a QR code; "" for a text that is too long."""
    import segno  # noqa: PLC0415

    try:
        return segno.make(text, error="m").svg_inline(omitsize=True)
    except segno.DataOverflowError:
        return ""


def step_of(secret: str, code: str, *, after: int = 0, now: float | None = None) -> int | None:
    """Return the time step of a code: the current step or a neighbour, later than `after`.

    None for any other code. Takes as long for every code.
    """
    import pyotp  # noqa: PLC0415

    totp = pyotp.TOTP(secret)
    current = int((time.time() if now is None else now) // STEP_SECONDS)
    right_step = None
    for step in range(current - _STEPS_OFF, current + _STEPS_OFF + 1):
        same = hmac.compare_digest(totp.generate_otp(step).encode(), code.encode())
        if same and step > after and right_step is None:
            right_step = step
    return right_step


def typed(text: str) -> str:
    """Return a code as an app shows it, however a keyboard or a clipboard wrote it.

    Full-width digits are digits, and spaces of any kind, dashes and line ends are nothing.
    """
    normal = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in normal if unicodedata.category(letter) not in _SEPARATORS)


def is_totp(code: str) -> bool:
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def new_recovery_codes() -> list[str]:
    """Make ten codes such as `7k2m-9qxf-04td-hw8b`."""
    return [_recovery_code() for _ in range(RECOVERY_CODES)]


def _recovery_code() -> str:
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return "-".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


def recovery_hash(account_id: str, code: str) -> str:
    """Return the hash of a recovery code, however it was typed."""
    bare = "".join(letter for letter in code.lower() if letter.isalnum())
    for mistaken, meant in (("o", "0"), ("i", "1"), ("l", "1")):
        bare = bare.replace(mistaken, meant)
    return secret_tokens.hashed(f"recovery:{account_id}:{bare}")
