-- And one that comes later.
CREATE TABLE data_bars_2 PARTITION OF data_bars FOR VALUES FROM ('2025-07-02') TO ('2026-01-01');
