-- Two roles: who owns the tables migrates; the application reads and writes rows, and can neither change
-- the audit ledger nor drop what guards it. Run it after every migrate, as the owner:
--
--   APP_PASSWORD=... psql "$OWNER_URL" --file deploy/roles.sql
--
-- The owner needs CREATEROLE for the first time, unless the role countersign_app is there already.
-- Running it again changes nothing; without APP_PASSWORD the password stays as it is.
\set ON_ERROR_STOP on
\set app countersign_app
\set password `printenv APP_PASSWORD`
BEGIN;

SELECT format('CREATE ROLE %I LOGIN', :'app')
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'app') \gexec
SELECT format('ALTER ROLE %I PASSWORD %L', :'app', :'password')
    WHERE :'password' <> '' \gexec

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM :"app";
GRANT USAGE ON SCHEMA public TO :"app";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"app";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :"app";

-- Who may migrate is who owns the tables.
REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM :"app";

-- The ledger: entries and blocks are added and never changed.
REVOKE UPDATE, DELETE ON audit_entry, audit_block, audit_blockentry, audit_entrypayload,
    audit_subjecthead, audit_unsealed FROM :"app";
-- Erasure sets both to NULL; a trigger refuses anything else.
GRANT UPDATE (body, salt) ON audit_entrypayload TO :"app";
-- The end of a chain moves on; a trigger refuses a step back.
GRANT UPDATE ON audit_subjecthead TO :"app";
-- An entry that has got into a block no longer waits for one; a trigger looks at that.
GRANT DELETE ON audit_unsealed TO :"app";

COMMIT;
