-- Lists of jobs: those of a user, and those of a kind, newest first.
CREATE INDEX jobs_created_by ON jobs (created_by, id);
CREATE INDEX jobs_kind ON jobs (kind, id);
