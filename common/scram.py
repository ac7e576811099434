"""A password as PostgreSQL keeps it, so that no server and no log gets the password itself."""

import base64
import hashlib
import hmac

_ITERATIONS = 4096  # PostgreSQL's own


def verifier(password: str, salt: bytes) -> str:
    """Return the verifier of RFC 5803 in PostgreSQL's form, for a password in ASCII."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)

    def keyed(name: bytes) -> bytes:
        return hmac.digest(salted, name, "sha256")

    stored = hashlib.sha256(keyed(b"Client Key")).digest()
    encoded = [base64.b64encode(each).decode() for each in (salt, stored, keyed(b"Server Key"))]
    return f"SCRAM-SHA-256${_ITERATIONS}:{encoded[0]}${encoded[1]}:{encoded[2]}"
