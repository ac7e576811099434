"""WebAuthn's credentials, in the form of a browser's `PublicKeyCredential.toJSON()`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

# base64url: the specification allows a credential id of 1023 bytes
Id = Annotated[str, Field(min_length=1, max_length=1364, pattern=r"^[A-Za-z0-9_-]+$")]
Bytes = Annotated[str, Field(min_length=1, max_length=12_000, pattern=r"^[A-Za-z0-9_-]+$")]
Transport = Literal["usb", "nfc", "ble", "smart-card", "hybrid", "cable", "internal"]


class _Written(BaseModel):
    # browsers add members as the specification grows; unknown members are not used
    model_config = ConfigDict(extra="ignore")


class AuthenticatorAssertionResponse(_Written):
    clientDataJSON: Bytes  # noqa: N815 - the names are WebAuthn's
    authenticatorData: Bytes  # noqa: N815
    signature: Bytes
    userHandle: Bytes | None = None  # noqa: N815


class AuthenticatorAttestationResponse(_Written):
    clientDataJSON: Bytes  # noqa: N815
    attestationObject: Bytes  # noqa: N815
    transports: list[Transport] | None = Field(None, max_length=7)


class PasskeyAssertion(_Written):
    """The result of `navigator.credentials.get`."""

    id: Id
    rawId: Id  # noqa: N815
    type: Literal["public-key"]
    response: AuthenticatorAssertionResponse


class PasskeyRegistration(_Written):
    """The result of `navigator.credentials.create`."""

    id: Id
    rawId: Id  # noqa: N815
    type: Literal["public-key"]
    response: AuthenticatorAttestationResponse


class PasskeyOptions(BaseModel):
    challenge: str = Field(description="Goes back with the answer; good for some minutes, once.")
    expires_in: int = Field(examples=[300])
    webauthn: dict[str, Any] = Field(
        description="`publicKey`, for `PublicKeyCredential.parse…OptionsFromJSON()`."
    )
