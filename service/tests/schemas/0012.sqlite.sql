CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE accounts (
	id VARCHAR(32) NOT NULL,
	email VARCHAR(254) NOT NULL,
	password VARCHAR(255) NOT NULL,
	created_at VARCHAR(32) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (email)
);
INSERT INTO alembic_version (version_num) VALUES ('0001') RETURNING version_num;
CREATE TABLE audit_events (
	id INTEGER NOT NULL,
	at DOUBLE NOT NULL,
	event VARCHAR(64) NOT NULL,
	outcome VARCHAR(16) NOT NULL,
	account_id VARCHAR(32),
	actor_id VARCHAR(32),
	session_id VARCHAR(32),
	client_id VARCHAR(64),
	address VARCHAR(45) DEFAULT '' NOT NULL,
	user_agent VARCHAR(255) DEFAULT '' NOT NULL,
	request_id VARCHAR(64) DEFAULT '' NOT NULL,
	detail TEXT DEFAULT '{}' NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX ix_audit_events_account_id ON audit_events (account_id);
CREATE INDEX ix_audit_events_at ON audit_events (at);
CREATE TABLE data_keys (
	id VARCHAR(43) NOT NULL,
	wrapped TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE lockouts (
	subject VARCHAR(128) NOT NULL,
	failures INTEGER NOT NULL,
	failed_at DOUBLE NOT NULL,
	locked_until DOUBLE,
	expires_at DOUBLE NOT NULL,
	PRIMARY KEY (subject)
);
CREATE INDEX ix_lockouts_expires_at ON lockouts (expires_at);
CREATE TABLE rate_limits (
	bucket VARCHAR(128) NOT NULL,
	level DOUBLE NOT NULL,
	updated_at DOUBLE NOT NULL,
	expires_at DOUBLE NOT NULL,
	PRIMARY KEY (bucket)
);
CREATE INDEX ix_rate_limits_expires_at ON rate_limits (expires_at);
CREATE TABLE signing_keys (
	kid VARCHAR(43) NOT NULL,
	algorithm VARCHAR(16) NOT NULL,
	private_key TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	activates_at DOUBLE NOT NULL,
	PRIMARY KEY (kid)
);
CREATE TABLE action_tokens (
	hash VARCHAR(43) NOT NULL,
	account_id VARCHAR(32) NOT NULL,
	purpose VARCHAR(32) NOT NULL,
	email VARCHAR(254) NOT NULL,
	created_at DOUBLE NOT NULL,
	expires_at DOUBLE NOT NULL,
	used_at DOUBLE,
	PRIMARY KEY (hash),
	CONSTRAINT fk_action_tokens_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX ix_action_tokens_account_id_purpose ON action_tokens (account_id, purpose);
CREATE INDEX ix_action_tokens_expires_at ON action_tokens (expires_at);
CREATE TABLE browser_sessions (
	hash VARCHAR(43) NOT NULL,
	account_id VARCHAR(32) NOT NULL,
	amr VARCHAR(64) NOT NULL,
	authenticated_at DOUBLE NOT NULL,
	created_at DOUBLE NOT NULL,
	last_used_at DOUBLE NOT NULL,
	expires_at DOUBLE NOT NULL,
	address VARCHAR(45) DEFAULT '' NOT NULL,
	user_agent VARCHAR(255) DEFAULT '' NOT NULL,
	PRIMARY KEY (hash),
	CONSTRAINT fk_browser_sessions_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX ix_browser_sessions_account_id ON browser_sessions (account_id);
CREATE INDEX ix_browser_sessions_expires_at ON browser_sessions (expires_at);
CREATE TABLE challenges (
	hash VARCHAR(43) NOT NULL,
	account_id VARCHAR(32),
	purpose VARCHAR(32) NOT NULL,
	data TEXT NOT NULL,
	attempts INTEGER DEFAULT 0 NOT NULL,
	created_at DOUBLE NOT NULL,
	expires_at DOUBLE NOT NULL,
	used_at DOUBLE,
	PRIMARY KEY (hash),
	CONSTRAINT fk_challenges_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX ix_challenges_expires_at ON challenges (expires_at);
CREATE TABLE oauth_codes (
	hash VARCHAR(43) NOT NULL,
	account_id VARCHAR(32) NOT NULL,
	client_id VARCHAR(64) NOT NULL,
	redirect_uri TEXT NOT NULL,
	code_challenge VARCHAR(128) NOT NULL,
	scope VARCHAR(255) NOT NULL,
	nonce VARCHAR(255),
	amr VARCHAR(64) NOT NULL,
	authenticated_at DOUBLE NOT NULL,
	session_id VARCHAR(32),
	created_at DOUBLE NOT NULL,
	expires_at DOUBLE NOT NULL,
	used_at DOUBLE,
	PRIMARY KEY (hash),
	CONSTRAINT fk_oauth_codes_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX ix_oauth_codes_expires_at ON oauth_codes (expires_at);
CREATE TABLE oauth_consents (
	account_id VARCHAR(32) NOT NULL,
	client_id VARCHAR(64) NOT NULL,
	scope VARCHAR(255) NOT NULL,
	granted_at DOUBLE NOT NULL,
	PRIMARY KEY (account_id, client_id),
	CONSTRAINT fk_oauth_consents_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE recovery_codes (
	account_id VARCHAR(32) NOT NULL,
	hash VARCHAR(43) NOT NULL,
	created_at DOUBLE NOT NULL,
	used_at DOUBLE,
	PRIMARY KEY (account_id, hash),
	CONSTRAINT fk_recovery_codes_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE sessions (
	id VARCHAR(32) NOT NULL,
	account_id VARCHAR(32) NOT NULL,
	client_id VARCHAR(64) NOT NULL,
	scope VARCHAR(255) DEFAULT '' NOT NULL,
	amr VARCHAR(64) DEFAULT 'pwd' NOT NULL,
	authenticated_at DOUBLE NOT NULL,
	created_at DOUBLE NOT NULL,
	last_used_at DOUBLE NOT NULL,
	expires_at DOUBLE NOT NULL,
	revoked_at DOUBLE,
	revoked_why VARCHAR(32),
	address VARCHAR(45) DEFAULT '' NOT NULL,
	user_agent VARCHAR(255) DEFAULT '' NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT fk_sessions_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX ix_sessions_account_id ON sessions (account_id);
CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);
CREATE TABLE totp_secrets (
	account_id VARCHAR(32) NOT NULL,
	secret TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	confirmed_at DOUBLE,
	last_step BIGINT,
	PRIMARY KEY (account_id),
	CONSTRAINT fk_totp_secrets_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE webauthn_credentials (
	id VARCHAR(1364) NOT NULL,
	account_id VARCHAR(32) NOT NULL,
	public_key TEXT NOT NULL,
	sign_count BIGINT NOT NULL,
	transports VARCHAR(255) DEFAULT '' NOT NULL,
	aaguid VARCHAR(36) DEFAULT '' NOT NULL,
	backed_up BOOLEAN DEFAULT (false) NOT NULL,
	name VARCHAR(128) NOT NULL,
	created_at DOUBLE NOT NULL,
	last_used_at DOUBLE,
	PRIMARY KEY (id),
	CONSTRAINT fk_webauthn_credentials_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX ix_webauthn_credentials_account_id ON webauthn_credentials (account_id);
CREATE TABLE refresh_tokens (
	hash VARCHAR(43) NOT NULL,
	session_id VARCHAR(32) NOT NULL,
	parent_hash VARCHAR(43),
	created_at DOUBLE NOT NULL,
	expires_at DOUBLE NOT NULL,
	used_at DOUBLE,
	PRIMARY KEY (hash),
	CONSTRAINT fk_refresh_tokens_session_id FOREIGN KEY(session_id) REFERENCES sessions (id) ON DELETE CASCADE
);
CREATE INDEX ix_refresh_tokens_expires_at ON refresh_tokens (expires_at);
CREATE INDEX ix_refresh_tokens_parent_hash ON refresh_tokens (parent_hash);
CREATE INDEX ix_refresh_tokens_session_id ON refresh_tokens (session_id);
ALTER TABLE accounts ADD COLUMN email_verified_at DOUBLE;
ALTER TABLE accounts ADD COLUMN disabled_at DOUBLE;
ALTER TABLE accounts ADD COLUMN role VARCHAR(16) DEFAULT 'user' NOT NULL;
ALTER TABLE accounts ADD COLUMN name VARCHAR(128);
ALTER TABLE accounts ADD COLUMN password_changed_at DOUBLE;
UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';
ALTER TABLE browser_sessions ADD COLUMN id VARCHAR(32);
ALTER TABLE oauth_codes ADD COLUMN browser_id VARCHAR(32);
ALTER TABLE sessions ADD COLUMN browser_id VARCHAR(32);
UPDATE alembic_version SET version_num='0003' WHERE alembic_version.version_num = '0002';
ALTER TABLE oauth_codes ADD COLUMN requested_claims TEXT;
ALTER TABLE sessions ADD COLUMN requested_claims TEXT;
UPDATE alembic_version SET version_num='0004' WHERE alembic_version.version_num = '0003';
CREATE TABLE rsa_signing_keys (
	kid VARCHAR(43) NOT NULL,
	algorithm VARCHAR(16) NOT NULL,
	private_key TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	activates_at DOUBLE NOT NULL,
	PRIMARY KEY (kid)
);
UPDATE alembic_version SET version_num='0005' WHERE alembic_version.version_num = '0004';
CREATE TABLE pushed_requests (
	hash VARCHAR(43) NOT NULL,
	client_id VARCHAR(64) NOT NULL,
	"query" TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	expires_at DOUBLE NOT NULL,
	PRIMARY KEY (hash)
);
CREATE INDEX ix_pushed_requests_expires_at ON pushed_requests (expires_at);
CREATE TABLE client_assertions (
	hash VARCHAR(43) NOT NULL,
	created_at DOUBLE NOT NULL,
	expires_at DOUBLE NOT NULL,
	PRIMARY KEY (hash)
);
CREATE INDEX ix_client_assertions_expires_at ON client_assertions (expires_at);
UPDATE alembic_version SET version_num='0006' WHERE alembic_version.version_num = '0005';
CREATE TABLE logout_notices (
	id VARCHAR(32) NOT NULL,
	client_id VARCHAR(64) NOT NULL,
	account_id VARCHAR(32) NOT NULL,
	session_id VARCHAR(32) NOT NULL,
	created_at DOUBLE NOT NULL,
	expires_at DOUBLE NOT NULL,
	next_try_at DOUBLE NOT NULL,
	attempts INTEGER DEFAULT 0 NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX ix_logout_notices_expires_at ON logout_notices (expires_at);
CREATE INDEX ix_logout_notices_next_try_at ON logout_notices (next_try_at);
CREATE TABLE device_codes (
	hash VARCHAR(43) NOT NULL,
	user_code_hash VARCHAR(43) NOT NULL,
	client_id VARCHAR(64) NOT NULL,
	scope VARCHAR(255) NOT NULL,
	created_at DOUBLE NOT NULL,
	expires_at DOUBLE NOT NULL,
	pause DOUBLE NOT NULL,
	polled_at DOUBLE,
	decided_at DOUBLE,
	account_id VARCHAR(32),
	amr VARCHAR(64) DEFAULT '' NOT NULL,
	authenticated_at DOUBLE DEFAULT 0 NOT NULL,
	PRIMARY KEY (hash),
	CONSTRAINT fk_device_codes_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX ix_device_codes_expires_at ON device_codes (expires_at);
CREATE INDEX ix_device_codes_account_id ON device_codes (account_id);
CREATE UNIQUE INDEX ix_device_codes_user_code_hash ON device_codes (user_code_hash);
ALTER TABLE oauth_codes ADD COLUMN dpop_key VARCHAR(43);
ALTER TABLE sessions ADD COLUMN dpop_key VARCHAR(43);
UPDATE alembic_version SET version_num='0007' WHERE alembic_version.version_num = '0006';
CREATE TABLE registered_clients (
	client_id VARCHAR(64) NOT NULL,
	registration TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	PRIMARY KEY (client_id)
);
UPDATE alembic_version SET version_num='0008' WHERE alembic_version.version_num = '0007';
CREATE TABLE identities (
	issuer VARCHAR(255) NOT NULL,
	subject VARCHAR(255) NOT NULL,
	account_id VARCHAR(32) NOT NULL,
	email VARCHAR(254) NOT NULL,
	created_at DOUBLE NOT NULL,
	last_used_at DOUBLE NOT NULL,
	PRIMARY KEY (issuer, subject),
	CONSTRAINT fk_identities_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX ix_identities_account_id ON identities (account_id);
UPDATE alembic_version SET version_num='0009' WHERE alembic_version.version_num = '0008';
CREATE TABLE hash_parameters (
	beginning VARCHAR(64) NOT NULL,
	PRIMARY KEY (beginning)
);
UPDATE alembic_version SET version_num='0010' WHERE alembic_version.version_num = '0009';
CREATE TABLE webhook_messages (
	id VARCHAR(36) NOT NULL,
	endpoint VARCHAR(64) NOT NULL,
	account_id VARCHAR(32) NOT NULL,
	kind VARCHAR(32) NOT NULL,
	body TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	expires_at DOUBLE NOT NULL,
	next_try_at DOUBLE NOT NULL,
	attempts INTEGER DEFAULT 0 NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX ix_webhook_messages_expires_at ON webhook_messages (expires_at);
CREATE INDEX ix_webhook_messages_next_try_at ON webhook_messages (next_try_at);
UPDATE alembic_version SET version_num='0011' WHERE alembic_version.version_num = '0010';
ALTER TABLE accounts ADD COLUMN locale VARCHAR(35);
UPDATE alembic_version SET version_num='0012' WHERE alembic_version.version_num = '0011';
