-- What those who run the shop did. No foreign keys: the record outlives the people and the rows.
CREATE TABLE audit_records (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    -- Null = the command line.
    admin_id INTEGER,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_id INTEGER,
    change TEXT NOT NULL CONSTRAINT audit_records_change_check CHECK (json_type(change) = 'object')
) STRICT;

-- It is only ever added to.
CREATE TRIGGER audit_records_stay BEFORE DELETE ON audit_records
BEGIN SELECT raise(ABORT, 'the audit record is only added to'); END;
CREATE TRIGGER audit_records_stay_as_they_are BEFORE UPDATE ON audit_records
BEGIN SELECT raise(ABORT, 'the audit record is only added to'); END;
