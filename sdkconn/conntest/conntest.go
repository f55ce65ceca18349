package conntest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// Factory makes a new, empty service, which ends with the test (t.Cleanup). It fails the test when it cannot.
type Factory func(t testing.TB) *Service

// Service is a chat service as the suite drives it: users that come and go, and time.
type Service struct {
	// Login logs a user in, and makes the user at the first login. The suite closes what it gets.
	Login func(ctx context.Context, user string) (sdkconn.Conn, error)

	// AddUser makes a user who has never logged in.
	AddUser func(ctx context.Context, user string) error

	// Now is the service's time, and Advance lets some of it pass. Both may be nil with NoClock.
	Now     func() time.Time
	Advance func(d time.Duration)
}

// Features says what a connection cannot do. The zero value can do everything.
type Features struct {
	NoClock         bool // the service's time cannot be set
	NoIdle          bool // no sdkconn.Idler
	NoGroups        bool // no sdkconn.Groups
	NoConversations bool // no sdkconn.Conversations: no list, no unread counts
	NoFinder        bool // no sdkconn.MessageFinder
	NoProfiles      bool // no sdkconn.Profiles
	NoConvEvents    bool // no events about conversations
	NoReceipts      bool // no read receipts, and no IsPeerRead
	NoOnlineOnly    bool // no messages for those online only
	NoFiles         bool // no upload and no download
	NoLocalStore    bool // no store of one's own: no ImportMsgList, SaveMsg, Delete
	NoOffline       bool // what is sent while a user is away is not told at the next login
	NoTargets       bool // no messages for some members of a group only
	NoTips          bool // no group tips
	NoNotices       bool // no notices to single users about groups
	NoMute          bool // members of a group cannot be muted
	NoPendencies    bool // no sdkconn.GroupPendencies: nobody has to approve who joins
	NoProfileEditor bool // no sdkconn.ProfileEditor
	NoConvEditor    bool // no sdkconn.ConvEditor
	NoReceiveOpts   bool // no sdkconn.ReceiveOpts
	NoFriends       bool // no sdkconn.Friends
	NoBlackList     bool // no sdkconn.BlackList
	NoUploads       bool // no sdkconn.UploadProgress
	NoGroupEditor   bool // no sdkconn.GroupEditor
	NoKick          bool // a second login of a user does not end the first
	NoEffects       bool // a send with an effect's id that was sent before is sent again
	NoListDelete    bool // no sdkconn.MessageListDeleter
	NoClearHistory  bool // no sdkconn.HistoryClearer
	NoCustomData    bool // no sdkconn.LocalCustomData
	NoSearch        bool // no sdkconn.MessageSearcher
	NoMergers       bool // no sdkconn.MergerDownloader
	NoEdits         bool // no sdkconn.MessageModifier
	NoCaughtUp      bool // what is told late is not always marked CaughtUp
}

type feature string

const (
	clock         feature = "clock"
	groups        feature = "groups"
	conversations feature = "conversations"
	finder        feature = "finder"
	profiles      feature = "profiles"
	convEvents    feature = "conversation events"
	receipts      feature = "receipts"
	onlineOnly    feature = "online-only messages"
	files         feature = "files"
	localStore    feature = "local store"
	offline       feature = "offline messages"
	targets       feature = "target members"
	tips          feature = "tips"
	notices       feature = "notices"
	mute          feature = "mute"
	kick          feature = "kick"
	idle          feature = "idle"
	pendencies    feature = "join requests"
	profileEditor feature = "profile editor"
	convEditor    feature = "conversation editor"
	receiveOpts   feature = "receive options"
	friends       feature = "friends"
	blackList     feature = "black list"
	uploads       feature = "upload progress"
	groupEditor   feature = "group editor"
	edits         feature = "edits"
	effects       feature = "effect ids"
	searching     feature = "search"
	mergers       feature = "download of merged messages"
	listDelete    feature = "list delete"
	clearHistory  feature = "clear history"
	customData    feature = "local custom data"
	caughtUp      feature = "mark of what is told late"
)

func (f Features) absent() []feature {
	var absent []feature
	for name, no := range map[feature]bool{
		clock: f.NoClock, groups: f.NoGroups, conversations: f.NoConversations, finder: f.NoFinder, profiles: f.NoProfiles,
		convEvents: f.NoConvEvents, receipts: f.NoReceipts, onlineOnly: f.NoOnlineOnly, files: f.NoFiles,
		localStore: f.NoLocalStore, offline: f.NoOffline, targets: f.NoTargets, tips: f.NoTips, notices: f.NoNotices,
		mute: f.NoMute, kick: f.NoKick, idle: f.NoIdle, pendencies: f.NoPendencies, groupEditor: f.NoGroupEditor,
		profileEditor: f.NoProfileEditor, convEditor: f.NoConvEditor, receiveOpts: f.NoReceiveOpts,
		friends: f.NoFriends, blackList: f.NoBlackList, uploads: f.NoUploads,
		edits: f.NoEdits, effects: f.NoEffects, searching: f.NoSearch, mergers: f.NoMergers,
		listDelete: f.NoListDelete, clearHistory: f.NoClearHistory, customData: f.NoCustomData,
		caughtUp: f.NoCaughtUp,
	} {
		if no {
			absent = append(absent, name)
		}
	}
	slices.Sort(absent)
	return absent
}

// check is one thing that every connection does.
type check struct {
	name  string // topic/sentence
	needs []feature
	run   func(e *env)
}

func checks() []check {
	return slices.Concat(sendChecks, groupSendChecks, effectChecks, historyChecks, groupHistoryChecks, locatorChecks, revokeChecks,
		editChecks, receiptChecks, importSaveChecks, deleteChecks, ownViewChecks, searchChecks, mergerChecks, downloadChecks,
		batchChecks, groupChecks, eventChecks, lifeChecks, pendencyChecks, groupEditChecks, profileChecks, convEditChecks,
		relationChecks, pictureChecks, conversationChecks, errorChecks, faultChecks, modelChecks, groupModelChecks)
}

// Run runs every check against a service of its own, each as a subtest named topic/sentence. With topics it runs theirs only,
// for a second way through a connection that has passed all of them.
func Run(t *testing.T, open Factory, features Features, topics ...string) {
	absent := features.absent()
	var left []string
	known := make(map[string]bool)
	for _, c := range checks() {
		topic, _, _ := strings.Cut(c.name, "/")
		known[topic] = true
		if len(topics) > 0 && !slices.Contains(topics, topic) {
			continue
		}
		if i := slices.IndexFunc(c.needs, func(f feature) bool { return slices.Contains(absent, f) }); i >= 0 {
			left = append(left, c.name+" ("+string(c.needs[i])+")")
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.run(newEnv(t, open, features)) })
	}
	t.Run("abilities", func(t *testing.T) { abilities(newEnv(t, open, features)) })
	for _, topic := range topics {
		if !known[topic] {
			t.Errorf("no check is about %q", topic)
		}
	}
	if len(left) > 0 {
		t.Logf("declared absent, not checked:\n\t%s", strings.Join(left, "\n\t"))
	}
}

// abilities checks that what a connection offers is what its Features say.
func abilities(e *env) {
	conn := e.connect("alice").Conn
	_, hasGroups := conn.(sdkconn.Groups)
	_, hasConversations := conn.(sdkconn.Conversations)
	_, hasFinder := conn.(sdkconn.MessageFinder)
	_, hasProfiles := conn.(sdkconn.Profiles)
	_, hasIdle := conn.(sdkconn.Idler)
	_, hasPendencies := conn.(sdkconn.GroupPendencies)
	_, hasProfileEditor := conn.(sdkconn.ProfileEditor)
	_, hasConvEditor := conn.(sdkconn.ConvEditor)
	_, hasReceiveOpts := conn.(sdkconn.ReceiveOpts)
	_, hasFriends := conn.(sdkconn.Friends)
	_, hasBlackList := conn.(sdkconn.BlackList)
	_, hasUploads := conn.(sdkconn.UploadProgress)
	_, hasGroupEditor := conn.(sdkconn.GroupEditor)
	_, hasEdits := conn.(sdkconn.MessageModifier)
	_, hasMergers := conn.(sdkconn.MergerDownloader)
	_, hasSearch := conn.(sdkconn.MessageSearcher)
	_, hasListDelete := conn.(sdkconn.MessageListDeleter)
	_, hasClearHistory := conn.(sdkconn.HistoryClearer)
	_, hasCustomData := conn.(sdkconn.LocalCustomData)
	for name, has := range map[feature]bool{
		mergers: hasMergers, searching: hasSearch, listDelete: hasListDelete, clearHistory: hasClearHistory, customData: hasCustomData, edits: hasEdits,
		groups: hasGroups, conversations: hasConversations, finder: hasFinder, profiles: hasProfiles, idle: hasIdle,
		pendencies: hasPendencies, groupEditor: hasGroupEditor, profileEditor: hasProfileEditor,
		convEditor: hasConvEditor, receiveOpts: hasReceiveOpts, friends: hasFriends, blackList: hasBlackList, uploads: hasUploads,
	} {
		if absent := slices.Contains(e.features.absent(), name); has == absent {
			e.Errorf("%s: offered is %v, declared absent is %v", name, has, absent)
		}
	}
}
