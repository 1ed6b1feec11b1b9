-- The complaints about a case, found without a scan of all events.
CREATE INDEX case_event_complaint ON case_event (case_no, time) WHERE type LIKE 'complaint.%';
