package conntest

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// mutants opens services whose connections have the mutation.
func mutants(m *mutation) Factory {
	return func(t testing.TB) *Service {
		clock := clockwork.NewFakeClock()
		chat, err := local.Open(t.Context(), local.Memory, local.Config{Clock: clock, RevokeWindow: m.window})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := chat.Close(); err != nil {
				t.Error(err)
			}
		})
		return &Service{
			Login: func(ctx context.Context, user string) (sdkconn.Conn, error) {
				c, err := chat.Login(ctx, user)
				if err != nil {
					return nil, err
				}
				return &mutant{Conn: c, m: m}, nil
			},
			AddUser: func(ctx context.Context, user string) error { return chat.AddUser(ctx, user, "") },
			Now:     clock.Now, Advance: clock.Advance,
		}
	}
}

// Every fault is found by the checks that are there to find it.
func TestChecksFindFaults(t *testing.T) {
	before := patience
	patience = time.Second // a check that waits for what a mutant never does
	t.Cleanup(func() { patience = before })
	all := checks()
	faults := mutations()
	maps.Copy(faults, peopleMutations())
	for name, m := range faults {
		t.Run(name, func(t *testing.T) {
			if len(m.fails) == 0 {
				t.Fatal("no check is named")
			}
			for _, want := range m.fails {
				ran, noticed := 0, false
				for _, c := range all {
					if c.name == want || strings.HasSuffix(want, "/") && strings.HasPrefix(c.name, want) {
						ran++
						if noticed = record(t, c, mutants(&m), Features{}) != nil; noticed {
							break
						}
					}
				}
				if ran == 0 {
					t.Errorf("there is no check %q", want)
				} else if !noticed {
					t.Errorf("%q passes", want)
				}
			}
		})
	}
}

// The working connection passes what the mutants fail, through the same recorder.
func TestChecksPassWithoutFaults(t *testing.T) {
	for _, c := range checks() {
		if said := record(t, c, mutants(new(mutation)), Features{}); said != nil {
			t.Errorf("%s: %q", c.name, said)
		}
	}
}

func TestChecksAreNamed(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range checks() {
		topic, sentence, ok := strings.Cut(c.name, "/")
		if !ok || topic == "" || sentence == "" || strings.Contains(sentence, "/") || seen[c.name] || c.run == nil {
			t.Errorf("check %q", c.name)
		}
		seen[c.name] = true
	}
}

// bare is a connection that can do what every connection can, and nothing else.
type bare struct{ sdkconn.Conn }

// The suite runs on a connection without any further ability, and says what it left out.
func TestBareConnection(t *testing.T) {
	Run(t, func(t testing.TB) *Service {
		s := mutants(new(mutation))(t)
		return &Service{AddUser: s.AddUser, Login: func(ctx context.Context, user string) (sdkconn.Conn, error) {
			c, err := s.Login(ctx, user)
			if err != nil {
				return nil, err
			}
			return bare{c}, nil
		}}
	}, Features{
		NoClock: true, NoIdle: true, NoGroups: true, NoConversations: true, NoFinder: true, NoProfiles: true, NoConvEvents: true,
		NoReceipts: true, NoOnlineOnly: true, NoFiles: true, NoLocalStore: true, NoOffline: true, NoTargets: true, NoTips: true,
		NoNotices: true, NoMute: true, NoKick: true, NoPendencies: true, NoGroupEditor: true, NoProfileEditor: true, NoConvEditor: true,
		NoReceiveOpts: true, NoFriends: true, NoBlackList: true, NoUploads: true,
		NoEdits: true, NoEffects: true,
		NoListDelete: true, NoSearch: true, NoMergers: true, NoClearHistory: true, NoCustomData: true,
	})
}

// What a connection offers and what it says of itself must agree.
func TestAbilitiesAreCompared(t *testing.T) {
	c := check{name: "abilities", run: abilities}
	if said := record(t, c, mutants(new(mutation)), Features{}); said != nil {
		t.Errorf("true features: %q", said)
	}
	if said := record(t, c, mutants(new(mutation)), Features{NoGroups: true, NoIdle: true}); len(said) != 2 {
		t.Errorf("two false ones: %q", said)
	}
}
