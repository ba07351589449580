CREATE TABLE act (
	number INTEGER NOT NULL, 
	id VARCHAR NOT NULL, 
	person VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (number), 
	UNIQUE (id)
)
;
CREATE TABLE audit_head (
	segment INTEGER NOT NULL, 
	first_seq INTEGER NOT NULL, 
	size INTEGER NOT NULL, 
	root BLOB NOT NULL, 
	peaks BLOB NOT NULL, 
	PRIMARY KEY (segment)
)
;
CREATE TABLE audit_leaf (
	seq INTEGER NOT NULL, 
	segment INTEGER NOT NULL, 
	leaf_hash BLOB NOT NULL, 
	body BLOB NOT NULL, 
	recorded_at VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	actor VARCHAR NOT NULL, 
	second_actor VARCHAR, 
	patient VARCHAR, 
	outcome VARCHAR, 
	reason_code VARCHAR, 
	policy_hash VARCHAR, 
	request_id VARCHAR, 
	v INTEGER NOT NULL, 
	PRIMARY KEY (seq)
)
;
CREATE TABLE check_in (
	number INTEGER NOT NULL, 
	id VARCHAR NOT NULL, 
	person VARCHAR NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (number), 
	UNIQUE (id)
)
;
CREATE TABLE decision (
	id VARCHAR NOT NULL, 
	person VARCHAR NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (id, person)
)
 WITHOUT ROWID
;
CREATE TABLE meta (
	"key" VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY ("key")
)
;
CREATE TABLE note (
	id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	updated_at VARCHAR NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (id)
)
;
CREATE TABLE note_request (
	request_id VARCHAR NOT NULL, 
	note VARCHAR NOT NULL, 
	PRIMARY KEY (request_id)
)
 WITHOUT ROWID
;
CREATE TABLE outbox (
	decision_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	plan_id VARCHAR NOT NULL, 
	ehr VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	attempts INTEGER NOT NULL, 
	not_before VARCHAR NOT NULL, 
	approved_at VARCHAR NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (decision_id)
)
;
CREATE TABLE "plan" (
	id VARCHAR NOT NULL, 
	request_id VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	decision_id VARCHAR, 
	updated_at VARCHAR NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (request_id)
)
;
CREATE TABLE policy (
	digest VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (digest)
)
 WITHOUT ROWID
;
CREATE TABLE process_note (
	id VARCHAR NOT NULL, 
	author VARCHAR NOT NULL, 
	written_at VARCHAR NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID
;
CREATE TABLE screen (
	number INTEGER NOT NULL, 
	id VARCHAR NOT NULL, 
	person VARCHAR NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (number), 
	UNIQUE (id)
)
;
CREATE INDEX act_by_kind ON act (kind, number)
;
CREATE INDEX act_by_person ON act (person, number)
;
CREATE INDEX audit_leaf_by_kind ON audit_leaf (kind, seq)
;
CREATE INDEX audit_leaf_by_patient ON audit_leaf (patient, seq)
;
CREATE INDEX audit_leaf_by_time ON audit_leaf (recorded_at)
;
CREATE INDEX check_in_by_person ON check_in (person, number)
;
CREATE INDEX process_note_by_author ON process_note (author, written_at)
;
CREATE INDEX screen_by_person ON screen (person, number)
;
CREATE TRIGGER audit_leaf_no_update BEFORE UPDATE ON audit_leaf BEGIN SELECT RAISE(ABORT, 'audit_leaf is append-only'); END
;
CREATE TRIGGER audit_leaf_no_delete BEFORE DELETE ON audit_leaf BEGIN SELECT RAISE(ABORT, 'audit_leaf is append-only'); END
;
CREATE TRIGGER audit_leaf_no_replace BEFORE INSERT ON audit_leaf WHEN EXISTS (SELECT 1 FROM audit_leaf WHERE seq >= NEW.seq) BEGIN SELECT RAISE(ABORT, 'audit_leaf is append-only'); END
;
CREATE TRIGGER screen_no_update BEFORE UPDATE ON screen BEGIN SELECT RAISE(ABORT, 'screen is append-only'); END
;
CREATE TRIGGER screen_no_delete BEFORE DELETE ON screen BEGIN SELECT RAISE(ABORT, 'screen is append-only'); END
;
CREATE TRIGGER screen_no_replace BEFORE INSERT ON screen WHEN EXISTS (SELECT 1 FROM screen WHERE number >= NEW.number OR id = NEW.id) BEGIN SELECT RAISE(ABORT, 'screen is append-only'); END
;
CREATE TRIGGER act_no_update BEFORE UPDATE ON act BEGIN SELECT RAISE(ABORT, 'act is append-only'); END
;
CREATE TRIGGER act_no_delete BEFORE DELETE ON act BEGIN SELECT RAISE(ABORT, 'act is append-only'); END
;
CREATE TRIGGER act_no_replace BEFORE INSERT ON act WHEN EXISTS (SELECT 1 FROM act WHERE number >= NEW.number OR id = NEW.id) BEGIN SELECT RAISE(ABORT, 'act is append-only'); END
;
CREATE TRIGGER decision_no_update BEFORE UPDATE ON decision BEGIN SELECT RAISE(ABORT, 'decision is append-only'); END
;
CREATE TRIGGER decision_no_delete BEFORE DELETE ON decision BEGIN SELECT RAISE(ABORT, 'decision is append-only'); END
;
CREATE TRIGGER decision_no_replace BEFORE INSERT ON decision WHEN EXISTS (SELECT 1 FROM decision WHERE id = NEW.id AND person = NEW.person) BEGIN SELECT RAISE(ABORT, 'decision is append-only'); END
;
CREATE TRIGGER policy_no_update BEFORE UPDATE ON policy BEGIN SELECT RAISE(ABORT, 'policy is append-only'); END
;
CREATE TRIGGER policy_no_delete BEFORE DELETE ON policy BEGIN SELECT RAISE(ABORT, 'policy is append-only'); END
;
CREATE TRIGGER policy_no_replace BEFORE INSERT ON policy WHEN EXISTS (SELECT 1 FROM policy WHERE digest = NEW.digest) BEGIN SELECT RAISE(ABORT, 'policy is append-only'); END
;
CREATE TRIGGER check_in_no_update BEFORE UPDATE ON check_in BEGIN SELECT RAISE(ABORT, 'check_in is append-only'); END
;
CREATE TRIGGER check_in_no_delete BEFORE DELETE ON check_in BEGIN SELECT RAISE(ABORT, 'check_in is append-only'); END
;
CREATE TRIGGER check_in_no_replace BEFORE INSERT ON check_in WHEN EXISTS (SELECT 1 FROM check_in WHERE number >= NEW.number OR id = NEW.id) BEGIN SELECT RAISE(ABORT, 'check_in is append-only'); END
;
CREATE TRIGGER note_request_no_update BEFORE UPDATE ON note_request BEGIN SELECT RAISE(ABORT, 'note_request is append-only'); END
;
CREATE TRIGGER note_request_no_delete BEFORE DELETE ON note_request BEGIN SELECT RAISE(ABORT, 'note_request is append-only'); END
;
CREATE TRIGGER note_request_no_replace BEFORE INSERT ON note_request WHEN EXISTS (SELECT 1 FROM note_request WHERE request_id = NEW.request_id) BEGIN SELECT RAISE(ABORT, 'note_request is append-only'); END
;
CREATE TRIGGER process_note_no_update BEFORE UPDATE ON process_note BEGIN SELECT RAISE(ABORT, 'process_note is append-only'); END
;
CREATE TRIGGER process_note_no_delete BEFORE DELETE ON process_note BEGIN SELECT RAISE(ABORT, 'process_note is append-only'); END
;
CREATE TRIGGER process_note_no_replace BEFORE INSERT ON process_note WHEN EXISTS (SELECT 1 FROM process_note WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'process_note is append-only'); END
;
