package local

import (
	"context"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/usersig"
)

// SetSecret has CheckUserSig verify signatures from now on: those of this app, made with this key. Who is logged in stays so.
// The key lies in the chat file as it is, for whoever may read the file. Errors: CodeInvalidParameters without an app or a key.
func (c *Chat) SetSecret(ctx context.Context, appID uint64, key string) error {
	const op = "SetSecret"
	if appID == 0 || key == "" {
		return fail(op, sdkconn.CodeInvalidParameters, "a secret has an app and a key")
	}
	if err := c.check(op); err != nil {
		return err
	}
	return c.e.write(ctx, op, nil, func(t *tx) error {
		return t.exec(`INSERT INTO secret VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET app = excluded.app, key = excluded.key`,
			int64(appID), key)
	})
}

// ClearSecret has CheckUserSig accept any signature again.
func (c *Chat) ClearSecret(ctx context.Context) error {
	const op = "ClearSecret"
	if err := c.check(op); err != nil {
		return err
	}
	return c.e.write(ctx, op, nil, func(t *tx) error { return t.exec(`DELETE FROM secret`) })
}

// CheckUserSig verifies the signature with which a program logs in, and returns when it ends. A chat without a secret accepts
// any, for ever: the zero time. Login does not ask it: who opened the file needs no signature to read what is in it.
//
// Errors: CodeInvalidIdentifier, CodeSvrSDKAppIDNotFound for an app that is not the chat's, CodeSvrUserSigEmpty,
// CodeSvrUserSigCheckFailed for what is no UserSig, CodeSvrUserSigMismatchID, CodeSvrUserSigMismatchApp,
// CodeSvrUserSigMismatchKey, CodeSvrUserSigExpired.
func (c *Chat) CheckUserSig(ctx context.Context, appID uint64, user, sig string) (expires time.Time, err error) {
	const op = "CheckUserSig"
	if !validUser(user) {
		return expires, fail(op, sdkconn.CodeInvalidIdentifier, "user id %q", user)
	}
	if err := c.check(op); err != nil {
		return expires, err
	}
	var app uint64
	var key string
	err = c.e.read(ctx, op, func(l *lookup) error {
		_, err := l.db.one(func(s *sqlite3.Stmt) { app, key = uint64(s.ColumnInt64(0)), s.ColumnText(1) },
			`SELECT app, key FROM secret`)
		return err
	})
	if err != nil || key == "" {
		return expires, err
	}
	if app != appID {
		return expires, fail(op, sdkconn.CodeSvrSDKAppIDNotFound, "the chat is that of app %d, not of %d", app, appID)
	}
	if sig == "" {
		return expires, fail(op, sdkconn.CodeSvrUserSigEmpty, "no UserSig")
	}
	s, err := usersig.Parse(sig)
	if err != nil {
		return expires, fail(op, sdkconn.CodeSvrUserSigCheckFailed, "%v", err)
	}
	end := s.Expires()
	switch {
	case s.User != user:
		err = fail(op, sdkconn.CodeSvrUserSigMismatchID, "the UserSig is for user %q, the login for %q", s.User, user)
	case s.AppID != appID:
		err = fail(op, sdkconn.CodeSvrUserSigMismatchApp, "the UserSig is for app %d, the login for %d", s.AppID, appID)
	case !s.SignedBy(key):
		err = fail(op, sdkconn.CodeSvrUserSigMismatchKey, "the UserSig was made with another key than the chat's, or changed")
	case !end.After(c.e.clock.Now()):
		err = fail(op, sdkconn.CodeSvrUserSigExpired, "the UserSig expired on %s", end.UTC().Format(time.RFC3339))
	}
	if err != nil {
		return expires, err
	}
	return end, nil
}

// secretSchema is the first one that has loginSecret.
const secretSchema = 9

// loginSecret is what UserSigs are verified with.
const loginSecret = `
CREATE TABLE secret (
	id  INTEGER PRIMARY KEY CHECK (id = 1),
	app INTEGER NOT NULL,             -- SDKAppID
	key TEXT NOT NULL                 -- the app's secret key
) STRICT;
`
