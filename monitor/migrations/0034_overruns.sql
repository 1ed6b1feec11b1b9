-- Cases over the legal limit, decided or not: the bulletin of a month names the worst of them.
CREATE INDEX case_state_over_legal ON case_state (legal_due) WHERE bucket = 'over_legal';
