-- Lists of cases by when they were decided and by when they fall due: every number of the monitoring page opens one.

CREATE INDEX case_state_decided ON case_state (decided_at) WHERE decided_at IS NOT NULL;
-- Judged by the promise, or by law where nothing is promised.
DROP INDEX case_state_open;
CREATE INDEX case_state_open ON case_state ((coalesce(promise_due, legal_due))) WHERE is_open;
