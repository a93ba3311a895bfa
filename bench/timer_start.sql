-- Starts the clock: the server's, read by a statement of its own just before the statement that is measured.
SELECT clock_timestamp() AS started \gset
