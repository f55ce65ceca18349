// Package native is a connection through Tencent's own SDK: the library libImSDK, loaded at run time, without cgo.
//
//	conn, err := sdkconn.Open(ctx, "native:?lib=/opt/im/libImSDK.so&sdkappid=1400000000&user=bot&secret_env=TIM_SECRET",
//		sdkconn.Config{})
//
// # The program
//
// The SDK has one login in a process, and some inputs crash it. So each connection runs the library in a child process: the
// running program once more, in which Main does that and nothing else. A program that opens native connections must call
// Main first thing in main; Open says so when it did not. A child ends with its parent, whichever way that ends.
//
// A child that ends is replaced: at once when it ran for a minute, else after 0.5 s, 1 s, 2 s, up to a minute. Calls that were
// in flight end with CodeInterrupt, of which sdkconn.EffectUnknown is true. Those that come meanwhile wait for the new one to be
// logged in, up to 20 s, and answer CodeReqNoNetOnReq then. Subscribe goes on: it is told EventNetworkStatus (disconnected, then connected), and then, as CaughtUp,
// the messages of the history that it was not told. With isolate=off the library runs in this process and takes it
// along when it crashes; only one connection can be so.
//
// # URL
//
//	native:?lib=PATH&sdkappid=N&user=ID&...
//
//	lib          the library. A path is relative to Config.Dir; a bare name is looked for as the system does
//	sdkappid     the app's number in the console
//	user         who to log in
//	secret_env   the variable that holds the app's secret key, or
//	secret_file  the file that does: UserSigs are made with it
//	sig_env      the variable, or
//	sig_file     the file that holds a UserSig
//	sig_cmd      a shell command that prints one; it finds TIM_USER and TIM_SDKAPPID in its environment
//	sig_url      an address that answers with one, alone or as userSig in JSON; asked with ?user=ID&sdkappid=N
//	sig_token_env the variable whose value sig_url gets as a bearer token
//	sig_life     how long UserSigs that are made here are good for (168h)
//	data         the SDK's folder for its database and logs (.timbot/native/APP-USER, the user in hex)
//	timeout      how long a call may take without a sign of progress (30s)
//	log          how much the SDK logs into its folder: off, error, warn, info, debug (warn)
//	isolate      off: the library runs in this process
//
// One of secret_env to sig_url must be there. Secrets are never in the URL, in a log, in an error, or in the child's
// environment. A new UserSig is got when a tenth of the old one's life is left, and when the service says that it expired; calls
// wait while the login changes over.
//
// # The library
//
// That of 8.0 is known best; those since 2019 have the same calls, and the old spellings of keys are read and, where a library
// may want them, written. A function that a library lacks answers CodeInterfaceNotSupport. It is made for Linux on amd64 and arm64;
// for macOS (libImSDKForMac_CPP) and Windows (ImSDK.dll) the package builds, and the same functions are looked for.
// A program built with -tags nonative has no such connection, and needs no system library then.
//
// Inputs that crash the library, or that it never answers, are refused before the call. What the library tells comes on
// its own thread, where it is copied and queued, so that no handler ever holds the SDK up. Of what a handler has not taken, 4096
// events wait in memory and the others in a file in the data folder, which has no name and ends with the process. When that
// cannot be written, the library's process is not read until the handler took something; one that has 64 MiB to tell then ends,
// and the history is read back. Group tips are told as the messages that they are.
//
// A user's own messages from other devices are told too, with IsFromSelf.
package native
