"""One-time codes and recovery codes, without an account."""

import pyotp
import pytest
from auth.sign_in import one_time_codes

# The shared secret of RFC 6238, appendix B, in base32.
RFC_6238 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(
    ("at", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238(at: int, code: str) -> None:
    assert one_time_codes.step_of(RFC_6238, code, now=at) == at // 30


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_code_two_steps_away_is_wrong(steps: int) -> None:
    code = pyotp.TOTP(RFC_6238).at(1_000_000_000 + 30 * steps)

    assert one_time_codes.step_of(RFC_6238, code, now=1_000_000_000) is None


def test_a_recovery_code_may_be_typed_in_capitals_without_its_dashes() -> None:
    typed = [one_time_codes.recovery_hash("a", code) for code in ("7k2m-0q1f", "7K2M OQIF")]

    assert typed[0] == typed[1]
    assert typed[0] != one_time_codes.recovery_hash("b", "7k2m-0q1f"), "the same for everybody"


@pytest.mark.parametrize(
    "text",
    [
        "492039",
        "492 039",
        "492\u00a0039",
        "492\u202f039",
        "492-039",
        "492\u2011039",
        "\uff14\uff19\uff12\uff10\uff13\uff19",
        "492039\n",
        "\u200e492039",
    ],
    ids=ascii,
)
def test_a_code_is_read_however_a_keyboard_writes_it(text: str) -> None:
    assert one_time_codes.typed(text) == "492039"
