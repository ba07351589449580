CREATE TABLE audit_feed (
	repository VARCHAR NOT NULL, 
	next_seq INTEGER NOT NULL, 
	updated_at VARCHAR NOT NULL, 
	PRIMARY KEY (repository)
)
;
CREATE TABLE audit_tile (
	segment INTEGER NOT NULL, 
	level INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	root BLOB NOT NULL, 
	hashes BLOB NOT NULL, 
	PRIMARY KEY (segment, level, number)
)
 WITHOUT ROWID
;
CREATE TABLE person (
	id VARCHAR NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID
;
CREATE TRIGGER audit_tile_no_update BEFORE UPDATE ON audit_tile BEGIN SELECT RAISE(ABORT, 'audit_tile is append-only'); END
;
CREATE TRIGGER audit_tile_no_delete BEFORE DELETE ON audit_tile BEGIN SELECT RAISE(ABORT, 'audit_tile is append-only'); END
;
CREATE TRIGGER audit_tile_no_replace BEFORE INSERT ON audit_tile WHEN EXISTS (SELECT 1 FROM audit_tile WHERE segment = NEW.segment AND level = NEW.level AND number >= NEW.number) BEGIN SELECT RAISE(ABORT, 'audit_tile is append-only'); END
;
