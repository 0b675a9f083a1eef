BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE current (
	item_id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	fields JSON NOT NULL, 
	user_name VARCHAR(100), 
	at BIGINT, 
	CONSTRAINT pk_current PRIMARY KEY (item_id), 
	CONSTRAINT fk_current_item_id_item FOREIGN KEY(item_id) REFERENCES item (id)
);
INSERT INTO "current" VALUES(1,2,'refined','{"caption_global": "a ship at sea", "mask": {"size": [7, 5], "runs": [3, 2]}}','ann',1700000001000);
INSERT INTO "current" VALUES(2,2,'draft','{}','bob',1700000003000);
INSERT INTO "current" VALUES(3,0,'draft','{}',NULL,NULL);
CREATE TABLE item (
	id INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	source VARCHAR(200) NOT NULL, 
	licence VARCHAR(200) NOT NULL, 
	group_name VARCHAR(200) NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	priority INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_item PRIMARY KEY (id), 
	CONSTRAINT uq_item_sha256 UNIQUE (sha256)
);
INSERT INTO "item" VALUES(1,'1111111111111111111111111111111111111111111111111111111111111111','sea.png','test camera','CC0-1.0','g1',7,5,0,1700000000000);
INSERT INTO "item" VALUES(2,'2222222222222222222222222222222222222222222222222222222222222222','sky.png','test camera','CC0-1.0','g2',7,5,0,1700000000000);
INSERT INTO "item" VALUES(3,'3333333333333333333333333333333333333333333333333333333333333333','road.png','test camera','CC0-1.0','g3',7,5,1,1700000000000);
CREATE TABLE refinement_event (
	id INTEGER NOT NULL, 
	item_id INTEGER NOT NULL, 
	user_name VARCHAR(100) NOT NULL, 
	at BIGINT NOT NULL, 
	field VARCHAR(50) NOT NULL, 
	base_version INTEGER NOT NULL, 
	payload JSON NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	reverts VARCHAR(64), 
	CONSTRAINT pk_refinement_event PRIMARY KEY (id), 
	CONSTRAINT fk_refinement_event_item_id_item FOREIGN KEY(item_id) REFERENCES item (id), 
	CONSTRAINT uq_refinement_event_key UNIQUE ("key", field)
);
INSERT INTO "refinement_event" VALUES(1,1,'(import)',1700000000000,'caption_global',0,'"a ship"','import-1',NULL);
INSERT INTO "refinement_event" VALUES(2,1,'ann',1700000001000,'caption_global',1,'"a ship at sea"','key-0001',NULL);
INSERT INTO "refinement_event" VALUES(3,1,'ann',1700000001000,'mask',1,'{"size": [7, 5], "runs": [3, 2]}','key-0001',NULL);
INSERT INTO "refinement_event" VALUES(4,1,'ann',1700000001000,'state',1,'"refined"','key-0001',NULL);
INSERT INTO "refinement_event" VALUES(5,2,'bob',1700000002000,'state',0,'"skipped"','key-0002',NULL);
INSERT INTO "refinement_event" VALUES(6,2,'bob',1700000002000,'reason',0,'"other"','key-0002',NULL);
INSERT INTO "refinement_event" VALUES(7,2,'bob',1700000003000,'reason',1,'null','key-0003','key-0002');
INSERT INTO "refinement_event" VALUES(8,2,'bob',1700000003000,'state',1,'"draft"','key-0003','key-0002');
CREATE INDEX ix_current_state ON current (state);
CREATE INDEX ix_refinement_event_item_id ON refinement_event (item_id);
CREATE INDEX ix_refinement_event_user_name ON refinement_event (user_name);
COMMIT;
