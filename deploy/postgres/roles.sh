#!/bin/sh
# Makes the database and the two roles of each service; run once by the image of PostgreSQL.
# <service>_app is bound by row-level security; <service>_machine sees all centers (relay, timers, operators' commands).
set -eu
for service in ingestion routing intake_desk notification scheduling_sync metrics; do
  psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" <<SQL
CREATE ROLE ${service}_app LOGIN PASSWORD '${CAUSEWAY_DB_PASSWORD}' NOSUPERUSER NOBYPASSRLS;
CREATE ROLE ${service}_machine LOGIN PASSWORD '${CAUSEWAY_DB_PASSWORD}' NOSUPERUSER BYPASSRLS;
CREATE DATABASE causeway_${service} OWNER ${POSTGRES_USER};
REVOKE CONNECT ON DATABASE causeway_${service} FROM PUBLIC;
GRANT CONNECT ON DATABASE causeway_${service} TO ${service}_app, ${service}_machine;
SQL
done
