-- The whole refresh as one batch. Versions whose procedure takes no options do that anyway.
SELECT EXISTS (SELECT 1 FROM pg_proc WHERE proname = 'refresh_continuous_aggregate' AND 'options' = ANY (proargnames)) AS batches \gset
\if :batches
	\set options ', options => \'{"buckets_per_batch": 0}\''
\else
	\set options ''
\endif
