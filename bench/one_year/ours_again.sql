-- The extension once more over the same year, of which nothing has changed. Beside the time: how many rows were written (each row's
-- place and inserting transaction are compared) and how much WAL there is more than before. The server's own processes write a few
-- bytes of WAL now and then; a written bar would be more than 200 bytes.
SELECT public.catchup_aggregation_range('WARMUP', '5m', '2025-07-01 00:00+00', 1, '2025-07-02 00:00+00');
CREATE TEMP TABLE before AS SELECT ctid AS place, xmin AS inserted_by FROM public.derived_data_bars;
CHECKPOINT;
SELECT pg_current_wal_insert_lsn() AS wal_before \gset
\ir ../timer_start.sql
SELECT public.catchup_aggregation_range('BENCH', '5m', '2025-07-01 00:00+00', p_max_windows => 200000, p_now_utc => '2036-01-01 00:00+00');
SELECT pg_current_wal_insert_lsn() AS wal_after \gset
\ir ../timer_stop.sql
INSERT INTO bench.fact
SELECT 'unchanged', 'rows written', :round, count(*)
FROM before b FULL JOIN public.derived_data_bars d ON d.ctid = b.place AND d.xmin = b.inserted_by
WHERE b.place IS NULL OR d.ctid IS NULL;
INSERT INTO bench.fact VALUES
	('unchanged', 'bars compared', :round, (SELECT count(*) FROM before)),
	('unchanged', 'WAL bytes', :round, pg_wal_lsn_diff(:'wal_after', :'wal_before'));
