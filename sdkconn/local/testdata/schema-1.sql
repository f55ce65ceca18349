-- A chat file as the first version wrote it (schema 1). Never changed: it is what people have.
PRAGMA application_id = 1416187234;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE blob (
	id   INTEGER PRIMARY KEY,
	sha  TEXT UNIQUE,                 -- hex; NULL while the upload runs
	size INTEGER NOT NULL,
	made INTEGER NOT NULL
) STRICT;
CREATE TABLE chunk (
	id   INTEGER PRIMARY KEY,
	blob INTEGER NOT NULL,
	n    INTEGER NOT NULL,
	data BLOB NOT NULL
) STRICT;
CREATE TABLE event (
	id    INTEGER PRIMARY KEY,        -- log position
	at    INTEGER NOT NULL,
	kind  INTEGER NOT NULL,
	room  INTEGER NOT NULL,
	user  INTEGER NOT NULL,           -- to whom; 0 everybody in the room
	actor INTEGER NOT NULL,           -- by whom, who is not told
	msg   INTEGER NOT NULL,
	data  TEXT NOT NULL
) STRICT;
INSERT INTO "event" VALUES(1,1700000000,3,0,2,0,942746147,'{"group_report_elem_group_message_receive_option":0,"group_report_elem_group_id":"g","group_report_elem_group_name":"g","group_report_elem_msg":"","group_report_elem_op_user":"alice","group_report_elem_op_user_info":{"user_profile_add_permission":0,"user_profile_birthday":0,"user_profile_face_url":"","user_profile_gender":0,"user_profile_identifier":"alice","user_profile_language":0,"user_profile_level":0,"user_profile_location":"","user_profile_nick_name":"alice","user_profile_role":0,"user_profile_self_signature":""},"group_report_elem_platform":"","group_report_elem_report_type":7,"group_report_elem_shut_up_time":0,"group_report_elem_user_data":""}');
INSERT INTO "event" VALUES(6,1700000000,1,1,0,2,5,'');
CREATE TABLE hidden (
	user INTEGER NOT NULL,
	msg  INTEGER NOT NULL,
	PRIMARY KEY (user, msg)
) STRICT, WITHOUT ROWID;
CREATE TABLE member (
	room   INTEGER NOT NULL,
	user   INTEGER NOT NULL,
	since  INTEGER NOT NULL,          -- log position; one row for each stay
	until  INTEGER NOT NULL,          -- log position, 0 still there
	role   INTEGER NOT NULL,
	joined INTEGER NOT NULL,          -- seconds
	muted  INTEGER NOT NULL,          -- until, seconds
	card   TEXT NOT NULL,
	PRIMARY KEY (room, user, since)
) STRICT, WITHOUT ROWID;
INSERT INTO "member" VALUES(1,1,1,0,400,1700000000,0,'');
INSERT INTO "member" VALUES(1,2,1,0,200,1700000000,0,'');
CREATE TABLE meta (
	id    INTEGER PRIMARY KEY CHECK (id = 1),
	epoch INTEGER NOT NULL            -- changes whenever user, room or member does
) STRICT;
INSERT INTO "meta" VALUES(1,4);
CREATE TABLE msg (
	id      INTEGER PRIMARY KEY,      -- log position
	room    INTEGER NOT NULL,
	time    INTEGER NOT NULL,
	seq     INTEGER NOT NULL,
	rand    INTEGER NOT NULL,
	sender  INTEGER NOT NULL,         -- 0 the service
	grp     INTEGER NOT NULL,
	status  INTEGER NOT NULL,
	flags   INTEGER NOT NULL,
	types   INTEGER NOT NULL,         -- one bit for each element type
	body    TEXT NOT NULL,
	revoker INTEGER
) STRICT;
INSERT INTO "msg" VALUES(2,2,1700000000,2,471141896,1,0,2,0,1,'{"e":[{"elem_type":0,"text_elem_content":"one"}]}',NULL);
INSERT INTO "msg" VALUES(3,2,1700000000,3,471141897,2,0,2,0,1,'{"e":[{"elem_type":0,"text_elem_content":"two"}]}',NULL);
INSERT INTO "msg" VALUES(4,1,1700000000,1,1414350399,1,1,2,0,1,'{"e":[{"elem_type":0,"text_elem_content":"three"}]}',NULL);
INSERT INTO "msg" VALUES(5,1,1700000000,2,1885954651,2,1,6,0,1,'{"e":[{"elem_type":0,"text_elem_content":"four"}]}',2);
CREATE TABLE own (
	id     INTEGER PRIMARY KEY,       -- imported and saved messages: one user's alone
	user   INTEGER NOT NULL,
	room   INTEGER NOT NULL,
	time   INTEGER NOT NULL,
	seq    INTEGER NOT NULL,
	rand   INTEGER NOT NULL,
	self   INTEGER NOT NULL,
	sender TEXT NOT NULL,
	client INTEGER NOT NULL,
	status INTEGER NOT NULL,
	flags  INTEGER NOT NULL,
	types  INTEGER NOT NULL,
	body   TEXT NOT NULL
) STRICT;
INSERT INTO "own" VALUES(1,1,2,1700000000,7,471141898,1,'alice',1700000000,5,0,1,'{"e":[{"elem_type":0,"text_elem_content":"kept"}]}');
CREATE TABLE position (
	user INTEGER PRIMARY KEY,
	pos  INTEGER NOT NULL             -- all events up to here have been taken
) STRICT;
CREATE TABLE room (
	id    INTEGER PRIMARY KEY,
	kind  INTEGER NOT NULL,           -- 1 two users, 2 group
	a     INTEGER NOT NULL,           -- the two users, a <= b; a group's owner is a
	b     INTEGER NOT NULL,
	name  TEXT NOT NULL,              -- group id
	title TEXT NOT NULL,
	type  INTEGER NOT NULL,
	made  INTEGER NOT NULL,           -- 0: only named by imported messages
	gone  INTEGER NOT NULL            -- dissolved at
) STRICT;
INSERT INTO "room" VALUES(1,2,1,0,'g','g',0,1700000000,0);
INSERT INTO "room" VALUES(2,1,1,2,'','',0,1700000000,0);
CREATE TABLE user (
	id    INTEGER PRIMARY KEY,
	name  TEXT NOT NULL UNIQUE,
	nick  TEXT NOT NULL,
	known INTEGER NOT NULL,           -- 0: only named by imported messages
	made  INTEGER NOT NULL
) STRICT;
INSERT INTO "user" VALUES(1,'alice','alice',1,1700000000);
INSERT INTO "user" VALUES(2,'bob','bob',1,1700000000);
CREATE TABLE view (
	user      INTEGER NOT NULL,
	room      INTEGER NOT NULL,
	since     INTEGER NOT NULL,       -- log position at which the conversation began for this user
	read      INTEGER NOT NULL,       -- log position up to which everything is read
	read_time INTEGER NOT NULL,
	read_seq  INTEGER NOT NULL,
	cleared   INTEGER NOT NULL,       -- log position up to which everything is deleted
	PRIMARY KEY (user, room)
) STRICT, WITHOUT ROWID;
INSERT INTO "view" VALUES(1,1,1,0,1700000000,0,0);
INSERT INTO "view" VALUES(1,2,2,0,0,0,0);
INSERT INTO "view" VALUES(2,1,1,0,1700000000,0,0);
INSERT INTO "view" VALUES(2,2,2,0,0,0,0);
CREATE UNIQUE INDEX room_pair ON room (a, b) WHERE kind = 1;
CREATE INDEX room_name ON room (name) WHERE kind = 2;
CREATE INDEX member_user ON member (user);
CREATE INDEX msg_order ON msg (room, time, seq, rand);
CREATE UNIQUE INDEX msg_seq ON msg (room, seq) WHERE grp = 1;
CREATE UNIQUE INDEX own_order ON own (user, room, time, seq, rand, self);
CREATE INDEX event_online ON event (at) WHERE kind = 4;
CREATE UNIQUE INDEX chunk_order ON chunk (blob, n);
COMMIT;
