BEGIN TRANSACTION;
CREATE TABLE entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    log TEXT NOT NULL,
    at REAL NOT NULL,
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL
);
INSERT INTO "entries" VALUES(1,'7a2dd1c6-3f8e-5f0e-9b0a-6c1f3f6f2b11','ocid1.log.oc1.eu-madrid-1.aaaaexample',1795782615.25,'auth','auth.log','auth-7','{"event": "startup"}');
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('entries',1);
COMMIT;
