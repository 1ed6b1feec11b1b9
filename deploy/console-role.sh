#!/bin/sh
# Run once by the database's image on an empty volume: makes the console's role, which owns nothing. `mingjing migrate` lets it work.
set -eu
printf "CREATE ROLE mingjing_console LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '%s';\n" "$(cat /run/secrets/console_password)" |
    psql -v ON_ERROR_STOP=1 -q -U "$POSTGRES_USER" -d "$POSTGRES_DB"
