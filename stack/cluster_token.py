"""Tokens for the cluster of a stack, as kubectl and Pulumi's plugin ask a command for them.

    python -m stack.cluster_token --stack dev --cluster ocid1.cluster… --region eu-madrid-1

A token is the URL of a signed request, in Base64, which the cluster lets Oracle Cloud check: the
same as of `oci ce cluster generate-token`. The credentials are those in the stack's configuration.
Source: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
"""

import argparse
import base64
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from common import command_line
from common.clone import CLONE
from stack import environment
from stack.errors import StackError
from stack.stack import Stack

_LIFETIME = timedelta(minutes=4)  # Oracle takes a signature for five minutes
_CREDENTIALS = ("oci:tenancyOcid", "oci:userOcid", "oci:fingerprint")


def main() -> int:
    """Print a token as an ExecCredential; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m stack.cluster_token")
    for name in ("stack", "cluster", "region"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    return command_line.exit_status(
        lambda: _print(arguments.stack, arguments.cluster, arguments.region)
    )


def _print(stack_name: str, cluster_id: str, region: str) -> int:
    made = datetime.now(UTC)
    token = of_stack(environment.recorded(CLONE, stack_name), cluster_id, region)
    expiry = (made + _LIFETIME).isoformat(timespec="seconds").replace("+00:00", "Z")
    json.dump(
        {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": {"token": token, "expirationTimestamp": expiry},
        },
        sys.stdout,
    )
    return 0


def of_stack(stack: Stack, cluster_id: str, region: str) -> str:
    """Return a token for some minutes, by the credentials of the stack's configuration.

    Raises StackError for credentials that can't be used.
    """
    values: Mapping[str, object] = stack.configuration.written()
    if "oci:privateKeyPath" not in values:
        values = stack.configuration.values()  # by the CLI, which decrypts the key
    return signed(values, cluster_id=cluster_id, region=region, stack=stack.name)


def signed(values: Mapping[str, object], *, cluster_id: str, region: str, stack: str) -> str:
    """Return a token, signed with the API key of the configuration's values."""
    from oci.exceptions import ClientError  # noqa: PLC0415 - takes a quarter of a second
    from oci.signer import Signer  # noqa: PLC0415
    from requests import Request  # noqa: PLC0415

    url = f"https://containerengine.{region}.oraclecloud.com/cluster_request/{cluster_id}"
    try:
        signer = Signer(
            *(str(values.get(name, "")) for name in _CREDENTIALS),
            str(values.get("oci:privateKeyPath", "")) or None,
            private_key_content=str(values.get("oci:privateKey", "")) or None,
        )
        request = signer.do_request_sign(Request("GET", url).prepare())
    except (ClientError, ValueError, TypeError, OSError) as error:
        # the SDK's message may quote the key
        raise StackError(
            f"The oci credentials of {stack} can't be used ({type(error).__name__}). "
            "docs/oracle-cloud.md explains them."
        ) from None
    headers = {name: request.headers[name] for name in ("authorization", "date")}
    query = Request("GET", url, params=headers).prepare().url or ""
    return base64.urlsafe_b64encode(query.encode()).decode()


if __name__ == "__main__":
    sys.exit(main())
