-- Stops the clock and keeps the sample. The measured statement has committed by now; its commit is in the time.
SELECT extract(epoch FROM clock_timestamp() - :'started') AS seconds \gset
INSERT INTO bench.sample VALUES (:'measure', :'contender', :round, :seconds);
