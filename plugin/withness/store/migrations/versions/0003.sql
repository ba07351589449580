DROP INDEX audit_leaf_by_patient
;
CREATE INDEX audit_leaf_by_patient ON audit_leaf (patient, kind, seq)
;
CREATE INDEX outbox_by_plan ON outbox (plan_id)
;
CREATE INDEX outbox_by_state ON outbox (state, approved_at)
;
