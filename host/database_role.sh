# Makes the service's role and its database on a PostgreSQL server, as the server's administrator.
# The role owns that database and has no other right. Each statement can be repeated.
# Arguments: HOST ADMINISTRATOR ROLE. Standard input: the administrator's password, the role's
# verifier, and the certificate of the server's CA.
set -euo pipefail
host="$1" administrator="$2" role="$3"
umask 077
folder="$(mktemp --directory)"
trap 'rm -rf "$folder"' EXIT
IFS= read -r password
IFS= read -r verifier
cat > "$folder/ca.pem"
printf '%s:5432:*:%s:%s\n' "$host" "$administrator" "$password" > "$folder/passwords"
printf '%s' "$verifier" > "$folder/verifier"
if ! command -v psql > /dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  wait_for_apt=(-o DPkg::Lock::Timeout=300 --quiet --quiet)
  apt-get "${wait_for_apt[@]}" update >&2
  apt-get "${wait_for_apt[@]}" install --yes --no-install-recommends postgresql-client >&2
fi
export PGPASSFILE="$folder/passwords" PGSSLMODE=verify-full PGSSLROOTCERT="$folder/ca.pem"
export PGCONNECT_TIMEOUT=10 FOLDER="$folder"
# the rule for this VM and the server's name may be seconds old
for attempt in $(seq 1 12); do
  if psql --no-psqlrc --host="$host" --username="$administrator" --dbname=postgres \
    --command='SELECT 1' > /dev/null 2> "$folder/error"; then
    break
  fi
  [ "$attempt" -lt 12 ] || { cat "$folder/error" >&2; exit 1; }
  sleep 5
done
psql --no-psqlrc --quiet --host="$host" --username="$administrator" --dbname=postgres \
  --set=ON_ERROR_STOP=1 --set=role="$role" << 'SQL'
SET client_min_messages = warning;
\set verifier `cat "$FOLDER/verifier"`
SELECT format('CREATE ROLE %I', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN PASSWORD :'verifier';
-- a database can be given to a role by its members alone
GRANT :"role" TO CURRENT_USER;
SELECT format('CREATE DATABASE %I OWNER %I', :'role', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'role') \gexec
REVOKE ALL ON DATABASE :"role" FROM PUBLIC;
REVOKE :"role" FROM CURRENT_USER;
SQL
