# What README and docs/ print is true: every block of SQL, shell or Python is run, and tables and links are whole.

export PG_CONFIG
log=$(mktemp)
fresh_database documents_market
if psql -X -q -d documents_market -v ON_ERROR_STOP=1 -f "$ROOT/test/documents/include/market.sql" >"$log" 2>&1; then
	shell_files "$ROOT"/test/documents/*.sh
else
	cat "$log"
	count 0 1
fi
psql -X -q -d postgres -c 'DROP DATABASE documents_market'
rm -f -- "$log"
