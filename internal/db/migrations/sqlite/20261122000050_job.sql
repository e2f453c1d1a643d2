-- Durable jobs. held_key is job_key while the key is taken, NULL when it is free again. wake_at is when a runner has to
-- look at the job: its due time while it waits, the end of its lease while it runs, NULL when it has ended.
CREATE TABLE jobs (
  id BLOB NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  job_key TEXT NULL,
  held_key TEXT NULL,
  once_only BOOLEAN NOT NULL,
  interval_us BIGINT NOT NULL,
  payload TEXT NOT NULL,
  state TEXT NOT NULL,
  due_at datetime NOT NULL,
  wake_at datetime NULL,
  attempts INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  lease_owner BLOB NULL,
  fence BIGINT NOT NULL,
  cancel_requested BOOLEAN NOT NULL,
  last_error TEXT NULL,
  progress_done BIGINT NOT NULL,
  progress_total BIGINT NOT NULL,
  created_at datetime NOT NULL,
  created_by BLOB NULL,
  finished_at datetime NULL
);
CREATE UNIQUE INDEX jobs_held_key ON jobs (kind, held_key);
CREATE INDEX jobs_wake ON jobs (kind, wake_at, id);
CREATE INDEX jobs_state ON jobs (state, due_at, id);
CREATE INDEX jobs_finished ON jobs (finished_at);
