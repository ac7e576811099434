"""The access to a server by SSH: the keys that may log in."""

import json

from components.keys import KeyPair

DEPLOYMENT = "deployment"  # the name of the key that the program itself logs in with


def document(login_key: KeyPair) -> str:
    """Return the document for `auth-release access`; it has public halves alone."""
    return json.dumps({"keys": [{"name": DEPLOYMENT, "public": login_key.public}]})
