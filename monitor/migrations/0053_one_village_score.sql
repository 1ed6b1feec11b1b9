-- Villages are scored by their service by every version of the rules.
ALTER TABLE rule_profile DROP COLUMN by_service;
