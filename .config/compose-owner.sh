#!/bin/sh
# Run once by the postgres image, when its volume is new: the program's role owns its database and is no superuser.
# The superuser keeps no password, so it is reached on the container's own socket only:
#   docker compose exec postgres psql -U postgres publisher
set -eu
psql --no-psqlrc -v ON_ERROR_STOP=1 -v password="$POSTGRES_PASSWORD" -U postgres -d postgres <<'SQL'
CREATE ROLE publisher LOGIN PASSWORD :'password';
CREATE DATABASE publisher OWNER publisher;
ALTER ROLE postgres PASSWORD NULL;
SQL
