-- The cases of a unit, newest first: what a unit head's pages and the rankings of units open. Without it they read every case.
CREATE INDEX case_state_unit ON case_state (unit, opened_at DESC, no DESC);
