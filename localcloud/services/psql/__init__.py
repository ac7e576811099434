"""OCI Database with PostgreSQL: database systems, over real PostgreSQL servers.

Source: https://docs.oracle.com/en-us/iaas/api/#/en/postgresql/20220915/
"""

from localcloud.service import Service

SERVICE = Service(
    title="Database with PostgreSQL", version="20220915", clients=("oci_psql.PostgresqlClient",)
)
