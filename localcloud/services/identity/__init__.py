"""Identity: availability domains, and the users with rights on a bucket."""

from localcloud.service import Service

SERVICE = Service(title="Identity", version="20160918", clients=("oci_identity.IdentityClient",))
