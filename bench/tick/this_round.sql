-- The moment of this round: 31 seconds after its window has closed. Before the window of round 0 lies an hour.
SELECT timestamptz '2025-07-01 01:05:31+00' + :round * interval '5 minutes' AS now,
	timestamptz '2025-07-01 01:00:00+00' + :round * interval '5 minutes' AS window_start \gset
