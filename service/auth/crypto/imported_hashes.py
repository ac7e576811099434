"""Password hashes that other software made: bcrypt, scrypt, PBKDF2, and argon2 as others use it.

They are stored in one form each, as the PHC string format has it
(https://github.com/P-H-C/phc-string-format), until their user's next login. The parameters in it
are bounded, since a login holds a thread of the pool and its memory meanwhile.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

_LONGEST = 255
_MEBIBYTE = 1 << 20
_MOST_MEMORY = 128 * _MEBIBYTE
# of scrypt's blocks of 128 bytes: N = 2^17, r = 8, OWASP's first choice
_MOST_SCRYPT_BLOCKS = 1 << 20
# of argon2: 128 MiB in four passes
_MOST_ARGON2_KIB = 512 * 1024
# libsodium reads no longer one
_ARGON2_LENGTH = 127
_BCRYPT_COSTS = range(4, 14)
# bcrypt reads no more of a password, and today's library refuses what earlier versions cut off
_BCRYPT_BYTES = 72
_MOST_ROUNDS = {"sha1": 2_000_000, "sha256": 1_500_000, "sha512": 1_000_000}
_SALT_BYTES, _DIGEST_BYTES = range(1, 65), range(16, 129)

_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_ARGON2 = re.compile(
    r"\$argon2(?:id|i)\$v=19\$m=(\d{1,8}),t=(\d{1,8}),p=(\d{1,3})"
    r"\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{22,}"
)
_SCRYPT = re.compile(r"\$scrypt\$ln=(\d\d?),r=(\d{1,4}),p=(\d{1,4})\$([^$]+)\$([^$]+)")
_PBKDF2 = re.compile(
    r"\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=)?(\d{1,8})(?:,l=\d+)?\$([^$]+)\$([^$]+)"
)
_DJANGO_PBKDF2 = re.compile(r"pbkdf2_(sha1|sha256)\$(\d{1,8})\$([^$]+)\$([^$]+)")
_DJANGO_SCRYPT = re.compile(r"scrypt\$(\d{1,8})\$([^$]+)\$(\d{1,4})\$(\d{1,4})\$([^$]+)")
_PARAMETERS = re.compile(r"(\$2[aby]\$\d\d\$|\$argon2.*?\$v=19\$[^$]*\$|\$[^$]+\$[^$]*\$)")


class HashError(ValueError):
    """A hash can't be taken over; the text gives the rule that it breaks, and not the hash."""


@dataclass(frozen=True, slots=True)
class _Salted:
    """The salt and the digest of a hash."""

    salt: bytes
    digest: bytes

    def __post_init__(self) -> None:
        if len(self.salt) not in _SALT_BYTES or len(self.digest) not in _DIGEST_BYTES:
            raise HashError("the salt must have 1 to 64 bytes, and the digest 16 to 128.")

    def __str__(self) -> str:
        return f"{encoded(self.salt)}${encoded(self.digest)}"


def stored(text: str) -> str:
    """Return the stored form of a hash as other software writes it.

    Read are crypt's bcrypt (`$2a$`, `$2b$`, `$2y$`), PHC strings of argon2id, argon2i, scrypt and
    PBKDF2, passlib's forms of the latter, and Django's. Raise HashError for any other, and for a
    hash that would take too much time or memory.
    """
    form = _form(text.strip())
    if len(form) > _LONGEST:
        raise HashError(f"a hash must have at most {_LONGEST} characters.")
    return form


def _form(text: str) -> str:
    # Django writes its own name of the algorithm before these two
    if text.startswith("bcrypt$$"):
        text = text.removeprefix("bcrypt$")
    elif text.startswith("argon2$argon2"):
        text = text.removeprefix("argon2")
    if match := _BCRYPT.fullmatch(text):
        _bound("bcrypt's cost", int(match[1]), _BCRYPT_COSTS[0], _BCRYPT_COSTS[-1])
        return text
    if match := _ARGON2.fullmatch(text):
        memory, passes, lanes = map(int, match.groups())
        _bound("argon2's m", memory, 8 * lanes, _MOST_MEMORY >> 10)
        _bound("argon2's m times t", memory * passes, 1, _MOST_ARGON2_KIB)
        _bound("the length of the hash", len(text), 1, _ARGON2_LENGTH)
        return text
    if match := _SCRYPT.fullmatch(text):
        ln, r, p = map(int, match.groups()[:3])
        return scrypt(ln, r, p, _decoded(match[4]), _decoded(match[5]))
    if match := _PBKDF2.fullmatch(text):
        return pbkdf2(match[1] or "sha1", int(match[2]), _decoded(match[3]), _decoded(match[4]))
    if match := _DJANGO_PBKDF2.fullmatch(text):
        return pbkdf2(match[1], int(match[2]), match[3].encode(), _decoded(match[4]))
    if match := _DJANGO_SCRYPT.fullmatch(text):
        n, r, p = int(match[1]), int(match[3]), int(match[4])
        if n & (n - 1):
            raise HashError("scrypt's N must be a power of two.")
        return scrypt(n.bit_length() - 1, r, p, match[2].encode(), _decoded(match[5]))
    raise HashError(
        "it must be a hash of bcrypt, argon2id, argon2i, scrypt or PBKDF2: a PHC string, or in the "
        "form of Django or passlib."
    )


def pbkdf2(digest: str, rounds: int, salt: bytes, value: bytes) -> str:
    """Return the stored form of a PBKDF2 hash; `digest` is sha1, sha256 or sha512."""
    if digest not in _MOST_ROUNDS:
        raise HashError(f"PBKDF2 must be with {', '.join(_MOST_ROUNDS)}.")
    _bound(f"PBKDF2's number of rounds with {digest}", rounds, 1, _MOST_ROUNDS[digest])
    return f"$pbkdf2-{digest}$i={rounds}${_Salted(salt, value)}"


def scrypt(ln: int, r: int, p: int, salt: bytes, value: bytes) -> str:
    """Return the stored form of a scrypt hash; `ln` is the binary logarithm of N."""
    _bound("scrypt's ln", ln, 1, 20)
    _bound("scrypt's r", r, 1, 32)
    _bound("scrypt's p", p, 1, 32)
    _bound("scrypt's memory in bytes, 128·N·r,", 128 * r << ln, 1, _MOST_MEMORY)
    _bound("scrypt's N·r·p", r * p << ln, 1, _MOST_SCRYPT_BLOCKS)
    return f"$scrypt$ln={ln},r={r},p={p}${_Salted(salt, value)}"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()


def parameters(form: str) -> str:
    """Return the beginning of a stored form: two hashes with the same take the same time."""
    match = _PARAMETERS.match(form)
    return match[0] if match else ""


def dummy(beginning: str) -> str:
    """Return a hash with these parameters that no password has, to take as long as theirs."""
    if beginning.startswith("$2"):
        return f"{beginning}{'.' * 53}"
    return f"{beginning}{_Salted(bytes(16), bytes(32))}"


def is_made_elsewhere(form: str) -> bool:
    """Return whether this module verifies a hash; `auth.crypto.passwords` does argon2."""
    return form.startswith(("$2", "$scrypt$", "$pbkdf2-"))


def is_right(form: str, password: str) -> bool:
    """Return whether a stored hash, for which `is_made_elsewhere` holds, is that of this text."""
    secret = password.encode()
    if form.startswith("$2"):
        import bcrypt  # noqa: PLC0415 - few services have such hashes

        try:
            return bcrypt.checkpw(secret[:_BCRYPT_BYTES], form.encode())
        except ValueError:
            return False
    _, name, parts, salt, value = form.split("$")
    digest = _decoded(value)
    if name == "scrypt":
        ln, r, p = (int(part.partition("=")[2]) for part in parts.split(","))
        # OpenSSL counts some more than the 128·N·r bytes of the algorithm
        made = hashlib.scrypt(
            secret,
            salt=_decoded(salt),
            n=1 << ln,
            r=r,
            p=p,
            maxmem=2 * _MOST_MEMORY,
            dklen=len(digest),
        )
    else:
        rounds = int(parts.removeprefix("i="))
        made = hashlib.pbkdf2_hmac(
            name.removeprefix("pbkdf2-"), secret, _decoded(salt), rounds, len(digest)
        )
    return hmac.compare_digest(made, digest)


def _bound(what: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise HashError(f"{what} is {value:,}, and must be {lowest:,} to {highest:,}.")


def _decoded(text: str) -> bytes:
    # passlib writes a dot in the place of the plus sign
    text = text.rstrip("=").replace(".", "+")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise HashError("salt and digest must be in base64.") from None
