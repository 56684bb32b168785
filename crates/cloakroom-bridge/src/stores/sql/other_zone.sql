WITH setting AS (
    SELECT setrole, setdatabase, split_part(config, '=', 2) AS zone
    FROM pg_db_role_setting, unnest(setconfig) AS config
    WHERE split_part(config, '=', 1) ILIKE 'timezone'
        AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
), role AS (
    -- A setting of a role comes before that of the database.
    SELECT rolname, rolsuper, (
        SELECT zone FROM setting WHERE setrole IN (0, pg_roles.oid) ORDER BY setrole = 0, setdatabase = 0 LIMIT 1
    ) AS zone
    FROM pg_roles WHERE rolcanlogin AND has_table_privilege(pg_roles.oid, to_regclass($1), 'UPDATE')
), own AS (
    SELECT setting AS zone, source IN ('default', 'configuration file', 'command line', 'environment variable')
        AS is_servers
    FROM pg_settings WHERE name = 'TimeZone'
)
SELECT rolname::text, coalesce(role.zone, 'that of the server'), own.zone FROM role, own
WHERE CASE WHEN role.zone IS NULL THEN NOT is_servers AND NOT rolsuper ELSE lower(role.zone) <> lower(own.zone) END
LIMIT 1
