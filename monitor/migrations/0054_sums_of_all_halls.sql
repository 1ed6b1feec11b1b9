-- The sums of all halls are asked for by their days: found hall by hall, each row was in a page of its own. No write of a row touches these indexes,
-- because no day of one ever changes.
CREATE INDEX rollup_sum_h_d_start ON rollup_sum_h_d (start);
CREATE INDEX rollup_sum_h_m_start ON rollup_sum_h_m (start);
CREATE INDEX rollup_duration_sum_h_d_start ON rollup_duration_sum_h_d (start);
CREATE INDEX rollup_duration_sum_h_m_start ON rollup_duration_sum_h_m (start);
