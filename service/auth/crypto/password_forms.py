"""The form of a password that is hashed: RFC 8265's OpaqueString.

Keyboards and systems send the same letter in different ways, such as é as one character or as two.
A password is the same password all the same.
"""


def prepared(password: str) -> str | None:
    """Return the form of a password that is hashed, None for a password that has no such form.

    The form is NFC, with plain spaces. RFC 8265 §4.2.1 allows no control characters, and no
    characters that this release's Unicode does not know.
    """
    if password.isascii() and password.isprintable():
        return password or None
    from precis_i18n import get_profile  # noqa: PLC0415 - most passwords are plain ASCII

    try:
        return str(get_profile("OpaqueString").enforce(password))
    except UnicodeError:
        return None


def to_verify(password: str) -> tuple[str, ...]:
    """Return the forms that may have been hashed, today's first.

    Earlier releases hashed a password as it was typed.
    """
    form = prepared(password)
    return (password,) if form in {None, password} else (str(form), password)
