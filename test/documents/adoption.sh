# docs/adoption.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/adoption.md

# An older system's functions make way and come back, as often as one likes.
fresh_page template0
sql -c 'CREATE TABLE ops_runlog (run_id uuid PRIMARY KEY, job_name text)' \
	-c 'CREATE FUNCTION ops_runlog_start(p_run_id uuid, p_job_name text, p_trigger text, p_env_name text) RETURNS jsonb LANGUAGE sql AS $$ SELECT $q$"old"$q$::jsonb $$' \
	-c 'CREATE FUNCTION agg_start(text) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$' \
	-c 'CREATE FUNCTION calc_dxy_range_1m(timestamptz, timestamptz, text) RETURNS text LANGUAGE sql AS $$ SELECT $3 $$' \
	-c 'CREATE PROCEDURE agg_run() LANGUAGE sql AS $$ SELECT 1 $$' \
	-c 'CREATE FUNCTION agg_somebody_elses() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$'
# Who has the function of the run log, and how many routines have made way.
whose() {
	sql -c "SELECT CASE l.lanname WHEN 'c' THEN 'new' ELSE 'old' END FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.proname = 'ops_runlog_start' AND p.pronamespace = 'public'::regnamespace" \
		-c "SELECT count(*) FROM pg_proc WHERE pronamespace = to_regnamespace('aggregation_legacy')" | paste -sd ' '
}
for round in first second; do
	before=$(whose)
	run 1-look.2
	is "$(whose)" "$before" "the $round time a look changes nothing"
	run 3-functions-and-tables.1
	is "$(whose)" 'new 5' "the $round time they make way (and the way back is there)"
	is "$(sql -c "SELECT count(*) FROM pg_proc WHERE proname = 'agg_run' AND pronamespace = 'public'::regnamespace" -c 'SELECT agg_somebody_elses()' -c 'SELECT count(*) FROM agg_setup()')" \
		$'1\n1\n0' 'nothing else does, and nothing is missing'
	for name in 4-cursors-and-minutes.1 5-the-first-runs.1 6-bars-that-were-made-too-early.1 6-bars-that-were-made-too-early.2 7-after-a-day.1 back.1; do
		run "$name"
	done
	for time in once twice; do
		run back.2
		is "$(whose)" 'old 1' "the $round time they come back, said $time"
	done
done
run 7-after-a-day.2
leave 1-look.1 'it fails on purpose: the suite adoption reads the error'
close_page
done_testing
