-- The moment of this round: 31 seconds after its window has closed, so that exactly one window of each task is confirmed.
SELECT timestamptz '2025-07-01 00:05:31+00' + :round * interval '5 minutes' AS now,
	timestamptz '2025-07-01 00:00:00+00' + :round * interval '5 minutes' AS window_start \gset
