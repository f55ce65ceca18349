// Package conntest is the conformance suite of sdkconn.Conn: what every connection does, as checks that run against it.
//
// A connection's own test gives Run a Factory, which makes a fresh service, and says in Features what the connection
// cannot do:
//
//	func TestConn(t *testing.T) {
//		conntest.Run(t, func(t testing.TB) *conntest.Service {
//			clock := clockwork.NewFakeClock()
//			...
//			return &conntest.Service{Login: login, AddUser: addUser, Now: clock.Now, Advance: clock.Advance}
//		}, conntest.Features{})
//	}
//
// A check of something that is declared absent does not run; Run lists it. What can be seen from outside is checked the
// other way round: a connection declared without groups must not offer sdkconn.Groups.
//
// The checks know the rules of TIM's SDK, not of any one connection: the identity of a message, the order of a history,
// the codes of refused calls. Where the SDK leaves several codes open, any of them passes.
package conntest
