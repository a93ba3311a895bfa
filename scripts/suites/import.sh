# The importer: every format, and every kind of file that is not as it should be.

export AGGREGATION_RUN=$ROOT/run
fresh_database test_import
psql -X -q -d test_import -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION aggregation' -c 'SELECT * FROM agg_setup()' >/dev/null
PGDATABASE=test_import shell_files "$ROOT"/test/import/*.sh
