package sdkconn

import "strconv"

// Code is a result code of TIM. It is an error itself, so that errors.Is(err, CodeGroupNotFound) works on anything
// that wraps an *Error. Codes below 0 are what a C call returns at once; the others come through its callback. Only
// codes that something compares with or that are worth a text have a name here; every other number is kept as it came.
type Code int32

// The codes.
const (
	CodeJSON                         Code = -3     // malformed or empty JSON argument
	CodeParam                        Code = -4     // bad argument
	CodeParseResponseFailed          Code = 6001   // server reply could not be decoded
	CodeSerializeReqFailed           Code = 6002   // request could not be encoded
	CodeNoSuccResult                 Code = 6003   // batch without a single success
	CodeInvalidConversation          Code = 6004   // invalid conversation
	CodeLoadMsgFailed                Code = 6005   // local messages could not be loaded
	CodeFileTransAuthFailed          Code = 6006   // file transfer not authorised
	CodeFileTransNoServer            Code = 6007   // no file server
	CodeFileTransUploadFailed        Code = 6008   // upload failed
	CodeFileTransDownloadFailed      Code = 6009   // download failed or file expired
	CodeHTTPReqFailed                Code = 6010   // HTTP request failed
	CodeToUserInvalid                Code = 6011   // invalid recipient
	CodeRequestTimeout               Code = 6012   // request timed out
	CodeNotInitialized               Code = 6013   // not initialized
	CodeNotLoggedIn                  Code = 6014   // not logged in
	CodeInProgress                   Code = 6015   // the same operation is already running
	CodeInvalidMsgElem               Code = 6016   // invalid message element
	CodeInvalidParameters            Code = 6017   // invalid parameter
	CodeInitCoreFail                 Code = 6018   // core initialisation failed
	CodeDatabaseOperateFailed        Code = 6019   // local database operation failed
	CodeExpiredSessionNode           Code = 6020   // session node is gone
	CodeInvalidSDKObject             Code = 6021   // invalid object
	CodeIOOperationFailed            Code = 6022   // local file could not be read or written
	CodeLoggedOutBeforeLoginFinished Code = 6023   // logout during login
	CodeTLSSDKNotInitialized         Code = 6024   // ticket module not initialised
	CodeTLSSDKUserNotFound           Code = 6025   // ticket module does not know the user
	CodeNoPreviousLogin              Code = 6026   // automatic login without an earlier one
	CodeInvalidJSON                  Code = 6027   // invalid JSON
	CodeOutOfMemory                  Code = 6028   // out of memory
	CodeImageUploadFailedNotImage    Code = 6031   // the file is not an image
	CodeInvalidMsgReceiver           Code = 6032   // invalid message receiver
	CodeReqNoNetOnReq                Code = 6200   // no network when sending
	CodeReqNoNetOnRsp                Code = 6201   // no network when answering
	CodeUserSigExpired               Code = 6206   // UserSig expired
	CodeLoginKickedOffByOther        Code = 6208   // kicked by another terminal
	CodeReqKickOff                   Code = 6213   // already kicked
	CodeUserCanceled                 Code = 6222   // cancelled by the user
	CodeRevokeTimeLimitExceed        Code = 6223   // revoke window passed
	CodeAutoLoginNeedUserSig         Code = 6226   // automatic login needs a new UserSig
	CodeCrossThread                  Code = 7001   // internal threading error
	CodeTinyIDEmpty                  Code = 7002   // internal id unknown
	CodeInvalidIdentifier            Code = 7003   // user id must be 1 to 32 bytes of printable ASCII
	CodeFileNotFound                 Code = 7004   // file does not exist
	CodeFileTooLarge                 Code = 7005   // file too large
	CodeFileSizeEmpty                Code = 7006   // file is empty
	CodeFileOpenFailed               Code = 7007   // file cannot be opened
	CodeAPICallFrequencyLimit        Code = 7008   // called too often
	CodeInterrupt                    Code = 7009   // interrupted
	CodeDatabaseFailure              Code = 7010   // database failure
	CodeDatabaseNotFound             Code = 7011   // not in the database
	CodeInternalError                Code = 7012   // internal error
	CodeInterfaceNotSupport          Code = 7013   // not supported
	CodeInvalidOperation             Code = 7014   // illegal request
	CodeLoginInProcess               Code = 7501   // login already running
	CodeLogoutInProcess              Code = 7502   // logout already running
	CodeMsgBodySizeLimit             Code = 8001   // message longer than 12 KB
	CodeMsgKeyReqDifferRsp           Code = 8002   // reply does not match the request
	CodeImageConvertError            Code = 8003   // image service failed
	CodeImageCIBlock                 Code = 8004   // image service blocked
	CodeMergerMsgLayersOverLimit     Code = 8005   // merged messages nested too deep
	CodeMsgModifyConflict            Code = 8006   // somebody else modified the message meanwhile
	CodeSignalingInvalidInviteID     Code = 8010   // unknown invitation
	CodeSignalingNoPermission        Code = 8011   // no permission for this invitation
	CodeInvalidCancelMessage         Code = 8020   // message unknown or already sent
	CodeSendMessageFailedWithCancel  Code = 8021   // send cancelled
	CodeGroupInvalidID               Code = 8501   // group id must be printable ASCII, at most 48 bytes, not starting with @TGS#
	CodeGroupInvalidName             Code = 8502   // group name longer than 30 bytes
	CodeGroupInvalidIntroduction     Code = 8503   // introduction longer than 240 bytes
	CodeGroupInvalidNotification     Code = 8504   // notification longer than 300 bytes
	CodeGroupInvalidFaceURL          Code = 8505   // face URL longer than 100 bytes
	CodeGroupInvalidNameCard         Code = 8506   // name card longer than 50 bytes
	CodeGroupMemberCountLimit        Code = 8507   // too many members
	CodeGroupJoinPrivateGroupDeny    Code = 8508   // a Work group cannot be joined by request
	CodeGroupInviteSuperDeny         Code = 8509   // cannot invite as owner
	CodeGroupInviteNoMember          Code = 8510   // nobody to invite
	CodeNetNotAuth                   Code = 9503   // not authenticated
	CodeNetFreqLimit                 Code = 9506   // more than 5 requests per second
	CodeNetReqCountLimit             Code = 9507   // more than 1000 requests in flight
	CodeNetDisconnect                Code = 9508   // disconnected
	CodeNetAlreadyConn               Code = 9509   // already connected
	CodeNetConnTimeout               Code = 9510   // connect timed out
	CodeNetConnRefuse                Code = 9511   // connection refused
	CodeNetUnreach                   Code = 9512   // no route
	CodeNetWaitInQueueTimeout        Code = 9518   // timed out waiting for the queue
	CodeNetWaitSendTimeout           Code = 9519   // timed out waiting to be sent
	CodeNetWaitAckTimeout            Code = 9520   // timed out waiting for the acknowledgement
	CodeNetWaitSendRemainingTimeout  Code = 9521   // timed out waiting for the rest
	CodeNetPkgSizeLimit              Code = 9522   // packet larger than 1 MB
	CodeNetWaitInQueueTimeoutNoNet   Code = 9523   // timed out to be sent, network down
	CodeNetWaitAckTimeoutNoNet       Code = 9524   // timed out for the acknowledgement, network down
	CodeNetSendRemainingTimeoutNoNet Code = 9525   // timed out for the rest, network down
	CodeSvrGroupInternal             Code = 10002  // internal server error
	CodeSvrGroupAPINameError         Code = 10003  // unknown API
	CodeSvrGroupInvalidParameters    Code = 10004  // bad parameters
	CodeSvrGroupAccountCountLimit    Code = 10005  // too many accounts
	CodeGroupFreqLimit               Code = 10006  // operation rate exceeded
	CodeGroupPermissionDeny          Code = 10007  // no permission
	CodeGroupInvalidReq              Code = 10008  // illegal request
	CodeGroupSuperNotAllowQuit       Code = 10009  // the owner cannot leave
	CodeGroupNotFound                Code = 10010  // group does not exist
	CodeGroupAlreadyMember           Code = 10013  // already a member
	CodeGroupFullMemberCount         Code = 10014  // group is full
	CodeGroupInvalidGroupID          Code = 10015  // bad group id
	CodeGroupRejectFromThirdParty    Code = 10016  // the app's backend refused
	CodeGroupShutupDeny              Code = 10017  // muted in this group
	CodeGroupIDInUse                 Code = 10021  // group id in use
	CodeGroupSendMsgFreqLimit        Code = 10023  // group send rate exceeded
	CodeGroupReqAlreadyHandled       Code = 10024  // request already handled
	CodeGroupIDInUseForSuper         Code = 10025  // group id in use and owned by the caller
	CodeGroupRevokeMsgNotFound       Code = 10030  // message to revoke not found
	CodeGroupRevokeMsgTimeLimit      Code = 10031  // revoke window passed
	CodeGroupRevokeMsgDeny           Code = 10032  // this message cannot be revoked
	CodeGroupNotAllowRevokeMsg       Code = 10033  // the group's type does not allow revoking
	CodeSvrMsgPkgParseFailed         Code = 20001  // bad request packet
	CodeSvrMsgInternalAuthFailed     Code = 20002  // internal authentication failed
	CodeSvrMsgInvalidID              Code = 20003  // user does not exist
	CodeSvrMsgNetError               Code = 20004  // network error, retry
	CodeSvrMsgInternalError1         Code = 20005  // internal error, retry
	CodeSvrMsgPushDeny               Code = 20006  // the app's backend refused delivery
	CodeSvrMsgInPeerBlacklist        Code = 20007  // the recipient blacklisted the sender
	CodeSvrMsgBothNotFriend          Code = 20009  // neither side is a friend
	CodeSvrMsgNotPeerFriend          Code = 20010  // sender is not the recipient's friend
	CodeSvrMsgNotSelfFriend          Code = 20011  // recipient is not the sender's friend
	CodeSvrMsgShutupDeny             Code = 20012  // sender is muted
	CodeRevokeTimeLimit              Code = 20016  // revoke window passed
	CodeSvrMsgDelRambleInternalError Code = 20018  // deleting roaming messages failed
	CodeSvrCommFreqLimit1            Code = 60007  // request rate exceeded
	CodeSvrCommTimeout               Code = 60008  // server request timed out
	CodeSvrCommAdminNeeded           Code = 60010  // administrator needed
	CodeSvrCommFreqLimit2            Code = 60011  // request rate exceeded
	CodeSvrCommFreqLimit3            Code = 60018  // request rate exceeded
	CodeSvrCommFreqLimit4            Code = 60019  // request rate exceeded
	CodeSvrCommAbilityNotEnabled     Code = 60020  // the plan does not include this
	CodeSvrUserSigExpired            Code = 70001  // UserSig expired
	CodeSvrUserSigEmpty              Code = 70002  // UserSig is empty
	CodeSvrUserSigCheckFailed        Code = 70003  // UserSig is invalid
	CodeSvrUserSigMismatchKey        Code = 70009  // UserSig was made with another key
	CodeSvrUserSigMismatchID         Code = 70013  // UserSig is for another user
	CodeSvrUserSigMismatchApp        Code = 70014  // UserSig is for another app
	CodeSvrSDKAppIDNotFound          Code = 70020  // app id unknown
	CodeSvrUserSigInvalidated        Code = 70052  // UserSig was invalidated
	CodeSvrAccountNotFound           Code = 70107  // account does not exist
	CodeSvrAccountTimeout            Code = 70169  // server timed out
	CodeSvrAccountInvalidParameters  Code = 70402  // bad parameters
	CodeSvrAccountAdminNeeded        Code = 70403  // administrator needed
	CodeSvrAccountInternal           Code = 70500  // internal server error
	CodeSensitiveText                Code = 80001  // text blocked by moderation
	CodeSvrCommBodySizeLimit         Code = 80002  // body longer than 12 KB
	CodeSensitiveImage               Code = 80004  // image blocked by moderation
	CodeContentAttack                Code = 80101  // content blocked
	CodeSvrMsgJSONParseFailed        Code = 90001  // JSON could not be parsed
	CodeSvrMsgInvalidToAccount       Code = 90003  // recipient missing
	CodeSvrMsgRequireAdmin           Code = 90009  // administrator needed
	CodeSvrMsgToAccountCountLimit    Code = 90011  // more than 500 batch targets
	CodeSvrMsgToAccountNotFound      Code = 90012  // recipient not registered
	CodeSvrMsgAccountNotFound        Code = 90048  // account does not exist
	CodeSvrMsgBatchFreqLimit         Code = 90057  // batch send rate exceeded
	CodeSvrMsgInternal1              Code = 90992  // internal error, retry
	CodeSvrMsgInternal2              Code = 90994  // internal error, retry
	CodeSvrMsgInternal3              Code = 90995  // internal error, retry
	CodeSvrMsgInternal4              Code = 91000  // internal error, retry
	CodeSvrMsgBodySizeLimit          Code = 93000  // JSON body longer than 12 KB
	CodeSvrResNotFound               Code = 114000 // resource not found
)

// codeNames holds TIM's own name of each code and a short text, for people.
var codeNames = map[Code]struct{ name, text string }{
	CodeJSON:                         {"TIM_ERR_JSON", "malformed or empty JSON argument"},
	CodeParam:                        {"TIM_ERR_PARAM", "bad argument"},
	CodeParseResponseFailed:          {"ERR_PARSE_RESPONSE_FAILED", "server reply could not be decoded"},
	CodeSerializeReqFailed:           {"ERR_SERIALIZE_REQ_FAILED", "request could not be encoded"},
	CodeNoSuccResult:                 {"ERR_NO_SUCC_RESULT", "batch without a single success"},
	CodeInvalidConversation:          {"ERR_INVALID_CONVERSATION", "invalid conversation"},
	CodeLoadMsgFailed:                {"ERR_LOADMSG_FAILED", "local messages could not be loaded"},
	CodeFileTransAuthFailed:          {"ERR_FILE_TRANS_AUTH_FAILED", "file transfer not authorised"},
	CodeFileTransNoServer:            {"ERR_FILE_TRANS_NO_SERVER", "no file server"},
	CodeFileTransUploadFailed:        {"ERR_FILE_TRANS_UPLOAD_FAILED", "upload failed"},
	CodeFileTransDownloadFailed:      {"ERR_FILE_TRANS_DOWNLOAD_FAILED", "download failed or file expired"},
	CodeHTTPReqFailed:                {"ERR_HTTP_REQ_FAILED", "HTTP request failed"},
	CodeToUserInvalid:                {"ERR_TO_USER_INVALID", "invalid recipient"},
	CodeRequestTimeout:               {"ERR_REQUEST_TIME_OUT", "request timed out"},
	CodeNotInitialized:               {"ERR_SDK_NOT_INITIALIZED", "not initialized"},
	CodeNotLoggedIn:                  {"ERR_SDK_NOT_LOGGED_IN", "not logged in"},
	CodeInProgress:                   {"ERR_IN_PROGESS", "the same operation is already running"},
	CodeInvalidMsgElem:               {"ERR_INVALID_MSG_ELEM", "invalid message element"},
	CodeInvalidParameters:            {"ERR_INVALID_PARAMETERS", "invalid parameter"},
	CodeInitCoreFail:                 {"ERR_INIT_CORE_FAIL", "core initialisation failed"},
	CodeDatabaseOperateFailed:        {"ERR_DATABASE_OPERATE_FAILED", "local database operation failed"},
	CodeExpiredSessionNode:           {"ERR_EXPIRED_SESSION_NODE", "session node is gone"},
	CodeInvalidSDKObject:             {"ERR_INVALID_SDK_OBJECT", "invalid object"},
	CodeIOOperationFailed:            {"ERR_IO_OPERATION_FAILED", "local file could not be read or written"},
	CodeLoggedOutBeforeLoginFinished: {"ERR_LOGGED_OUT_BEFORE_LOGIN_FINISHED", "logout during login"},
	CodeTLSSDKNotInitialized:         {"ERR_TLSSDK_NOT_INITIALIZED", "ticket module not initialised"},
	CodeTLSSDKUserNotFound:           {"ERR_TLSSDK_USER_NOT_FOUND", "ticket module does not know the user"},
	CodeNoPreviousLogin:              {"ERR_NO_PREVIOUS_LOGIN", "automatic login without an earlier one"},
	CodeInvalidJSON:                  {"ERR_INVALID_JSON", "invalid JSON"},
	CodeOutOfMemory:                  {"ERR_OUT_OF_MEMORY", "out of memory"},
	CodeImageUploadFailedNotImage:    {"ERR_IMAGE_UPLOAD_FAILED_NOTIMAGE", "the file is not an image"},
	CodeInvalidMsgReceiver:           {"ERR_INVALID_MSG_RECEIVER", "invalid message receiver"},
	CodeReqNoNetOnReq:                {"ERR_REQ_NO_NET_ON_REQ", "no network when sending"},
	CodeReqNoNetOnRsp:                {"ERR_REQ_NO_NET_ON_RSP", "no network when answering"},
	CodeUserSigExpired:               {"ERR_USER_SIG_EXPIRED", "UserSig expired"},
	CodeLoginKickedOffByOther:        {"ERR_LOGIN_KICKED_OFF_BY_OTHER", "kicked by another terminal"},
	CodeReqKickOff:                   {"ERR_REQ_KICK_OFF", "already kicked"},
	CodeUserCanceled:                 {"ERR_USER_CANCELED", "cancelled by the user"},
	CodeRevokeTimeLimitExceed:        {"ERR_REVOKE_TIME_LIMIT_EXCEED", "revoke window passed"},
	CodeAutoLoginNeedUserSig:         {"ERR_AUTOLOGIN_NEED_USERSIG", "automatic login needs a new UserSig"},
	CodeCrossThread:                  {"ERR_SDK_COMM_CROSS_THREAD", "internal threading error"},
	CodeTinyIDEmpty:                  {"ERR_SDK_COMM_TINYID_EMPTY", "internal id unknown"},
	CodeInvalidIdentifier:            {"ERR_SDK_COMM_INVALID_IDENTIFIER", "user id must be 1 to 32 bytes of printable ASCII"},
	CodeFileNotFound:                 {"ERR_SDK_COMM_FILE_NOT_FOUND", "file does not exist"},
	CodeFileTooLarge:                 {"ERR_SDK_COMM_FILE_TOO_LARGE", "file too large"},
	CodeFileSizeEmpty:                {"ERR_SDK_COMM_FILE_SIZE_EMPTY", "file is empty"},
	CodeFileOpenFailed:               {"ERR_SDK_COMM_FILE_OPEN_FAILED", "file cannot be opened"},
	CodeAPICallFrequencyLimit:        {"ERR_SDK_COMM_API_CALL_FREQUENCY_LIMIT", "called too often"},
	CodeInterrupt:                    {"ERR_SDK_COMM_INTERRUPT", "interrupted"},
	CodeDatabaseFailure:              {"ERR_SDK_COMM_DATABASE_FAILURE", "database failure"},
	CodeDatabaseNotFound:             {"ERR_SDK_COMM_DATABASE_NOTFOUND", "not in the database"},
	CodeInternalError:                {"ERR_SDK_INTERNAL_ERROR", "internal error"},
	CodeInterfaceNotSupport:          {"ERR_SDK_INTERFACE_NOT_SUPPORT", "not supported"},
	CodeInvalidOperation:             {"ERR_SDK_INVALID_OPERATION", "illegal request"},
	CodeLoginInProcess:               {"ERR_SDK_ACCOUNT_LOGIN_IN_PROCESS", "login already running"},
	CodeLogoutInProcess:              {"ERR_SDK_ACCOUNT_LOGOUT_IN_PROCESS", "logout already running"},
	CodeMsgBodySizeLimit:             {"ERR_SDK_MSG_BODY_SIZE_LIMIT", "message longer than 12 KB"},
	CodeMsgKeyReqDifferRsp:           {"ERR_SDK_MSG_KEY_REQ_DIFFER_RSP", "reply does not match the request"},
	CodeImageConvertError:            {"ERR_SDK_IMAGE_CONVERT_ERROR", "image service failed"},
	CodeImageCIBlock:                 {"ERR_SDK_IMAGE_CI_BLOCK", "image service blocked"},
	CodeMergerMsgLayersOverLimit:     {"ERR_MERGER_MSG_LAYERS_OVER_LIMIT", "merged messages nested too deep"},
	CodeMsgModifyConflict:            {"ERR_SDK_MSG_MODIFY_CONFLICT", "somebody else modified the message meanwhile"},
	CodeSignalingInvalidInviteID:     {"ERR_SDK_SIGNALING_INVALID_INVITE_ID", "unknown invitation"},
	CodeSignalingNoPermission:        {"ERR_SDK_SIGNALING_NO_PERMISSION", "no permission for this invitation"},
	CodeInvalidCancelMessage:         {"ERR_SDK_INVALID_CANCEL_MESSAGE", "message unknown or already sent"},
	CodeSendMessageFailedWithCancel:  {"ERR_SDK_SEND_MESSAGE_FAILED_WITH_CANCEL", "send cancelled"},
	CodeGroupInvalidID:               {"ERR_SDK_GROUP_INVALID_ID", "group id must be printable ASCII, at most 48 bytes, not starting with @TGS#"},
	CodeGroupInvalidName:             {"ERR_SDK_GROUP_INVALID_NAME", "group name longer than 30 bytes"},
	CodeGroupInvalidIntroduction:     {"ERR_SDK_GROUP_INVALID_INTRODUCTION", "introduction longer than 240 bytes"},
	CodeGroupInvalidNotification:     {"ERR_SDK_GROUP_INVALID_NOTIFICATION", "notification longer than 300 bytes"},
	CodeGroupInvalidFaceURL:          {"ERR_SDK_GROUP_INVALID_FACE_URL", "face URL longer than 100 bytes"},
	CodeGroupInvalidNameCard:         {"ERR_SDK_GROUP_INVALID_NAME_CARD", "name card longer than 50 bytes"},
	CodeGroupMemberCountLimit:        {"ERR_SDK_GROUP_MEMBER_COUNT_LIMIT", "too many members"},
	CodeGroupJoinPrivateGroupDeny:    {"ERR_SDK_GROUP_JOIN_PRIVATE_GROUP_DENY", "a Work group cannot be joined by request"},
	CodeGroupInviteSuperDeny:         {"ERR_SDK_GROUP_INVITE_SUPER_DENY", "cannot invite as owner"},
	CodeGroupInviteNoMember:          {"ERR_SDK_GROUP_INVITE_NO_MEMBER", "nobody to invite"},
	CodeNetNotAuth:                   {"ERR_SDK_NET_AUTH_FAILED", "not authenticated"},
	CodeNetFreqLimit:                 {"ERR_SDK_NET_FREQ_LIMIT", "more than 5 requests per second"},
	CodeNetReqCountLimit:             {"ERR_SDK_NET_REQ_COUNT_LIMIT", "more than 1000 requests in flight"},
	CodeNetDisconnect:                {"ERR_SDK_NET_DISCONNECT", "disconnected"},
	CodeNetAlreadyConn:               {"ERR_SDK_NET_ALLREADY_CONN", "already connected"},
	CodeNetConnTimeout:               {"ERR_SDK_NET_CONN_TIMEOUT", "connect timed out"},
	CodeNetConnRefuse:                {"ERR_SDK_NET_CONN_REFUSE", "connection refused"},
	CodeNetUnreach:                   {"ERR_SDK_NET_NET_UNREACH", "no route"},
	CodeNetWaitInQueueTimeout:        {"ERR_SDK_NET_WAIT_INQUEUE_TIMEOUT", "timed out waiting for the queue"},
	CodeNetWaitSendTimeout:           {"ERR_SDK_NET_WAIT_SEND_TIMEOUT", "timed out waiting to be sent"},
	CodeNetWaitAckTimeout:            {"ERR_SDK_NET_WAIT_ACK_TIMEOUT", "timed out waiting for the acknowledgement"},
	CodeNetWaitSendRemainingTimeout:  {"ERR_SDK_NET_WAIT_SEND_REMAINING_TIMEOUT", "timed out waiting for the rest"},
	CodeNetPkgSizeLimit:              {"ERR_SDK_NET_PKG_SIZE_LIMIT", "packet larger than 1 MB"},
	CodeNetWaitInQueueTimeoutNoNet:   {"ERR_SDK_NET_WAIT_SEND_TIMEOUT_NO_NETWORK", "timed out to be sent, network down"},
	CodeNetWaitAckTimeoutNoNet:       {"ERR_SDK_NET_WAIT_ACK_TIMEOUT_NO_NETWORK", "timed out for the acknowledgement, network down"},
	CodeNetSendRemainingTimeoutNoNet: {"ERR_SDK_NET_SEND_REMAINING_TIMEOUT_NO_NETWORK", "timed out for the rest, network down"},
	CodeSvrGroupInternal:             {"ERR_SVR_GROUP_INTERNAL_ERROR", "internal server error"},
	CodeSvrGroupAPINameError:         {"ERR_SVR_GROUP_API_NAME_ERROR", "unknown API"},
	CodeSvrGroupInvalidParameters:    {"ERR_SVR_GROUP_INVALID_PARAMETERS", "bad parameters"},
	CodeSvrGroupAccountCountLimit:    {"ERR_SVR_GROUP_ACOUNT_COUNT_LIMIT", "too many accounts"},
	CodeGroupFreqLimit:               {"ERR_SVR_GROUP_FREQ_LIMIT", "operation rate exceeded"},
	CodeGroupPermissionDeny:          {"ERR_SVR_GROUP_PERMISSION_DENY", "no permission"},
	CodeGroupInvalidReq:              {"ERR_SVR_GROUP_INVALID_REQ", "illegal request"},
	CodeGroupSuperNotAllowQuit:       {"ERR_SVR_GROUP_SUPER_NOT_ALLOW_QUIT", "the owner cannot leave"},
	CodeGroupNotFound:                {"ERR_SVR_GROUP_NOT_FOUND", "group does not exist"},
	CodeGroupAlreadyMember:           {"ERR_SVR_GROUP_ALLREADY_MEMBER", "already a member"},
	CodeGroupFullMemberCount:         {"ERR_SVR_GROUP_FULL_MEMBER_COUNT", "group is full"},
	CodeGroupInvalidGroupID:          {"ERR_SVR_GROUP_INVALID_GROUPID", "bad group id"},
	CodeGroupRejectFromThirdParty:    {"ERR_SVR_GROUP_REJECT_FROM_THIRDPARTY", "the app's backend refused"},
	CodeGroupShutupDeny:              {"ERR_SVR_GROUP_SHUTUP_DENY", "muted in this group"},
	CodeGroupIDInUse:                 {"ERR_SVR_GROUP_GROUPID_IN_USED", "group id in use"},
	CodeGroupSendMsgFreqLimit:        {"ERR_SVR_GROUP_SEND_MSG_FREQ_LIMIT", "group send rate exceeded"},
	CodeGroupReqAlreadyHandled:       {"ERR_SVR_GROUP_REQ_ALLREADY_BEEN_PROCESSED", "request already handled"},
	CodeGroupIDInUseForSuper:         {"ERR_SVR_GROUP_GROUPID_IN_USED_FOR_SUPER", "group id in use and owned by the caller"},
	CodeGroupRevokeMsgNotFound:       {"ERR_SVR_GROUP_REVOKE_MSG_NOT_FOUND", "message to revoke not found"},
	CodeGroupRevokeMsgTimeLimit:      {"ERR_SVR_GROUP_REVOKE_MSG_TIME_LIMIT", "revoke window passed"},
	CodeGroupRevokeMsgDeny:           {"ERR_SVR_GROUP_REVOKE_MSG_DENY", "this message cannot be revoked"},
	CodeGroupNotAllowRevokeMsg:       {"ERR_SVR_GROUP_NOT_ALLOW_REVOKE_MSG", "the group's type does not allow revoking"},
	CodeSvrMsgPkgParseFailed:         {"ERR_SVR_MSG_PKG_PARSE_FAILED", "bad request packet"},
	CodeSvrMsgInternalAuthFailed:     {"ERR_SVR_MSG_INTERNAL_AUTH_FAILED", "internal authentication failed"},
	CodeSvrMsgInvalidID:              {"ERR_SVR_MSG_INVALID_ID", "user does not exist"},
	CodeSvrMsgNetError:               {"ERR_SVR_MSG_NET_ERROR", "network error, retry"},
	CodeSvrMsgInternalError1:         {"ERR_SVR_MSG_INTERNAL_ERROR1", "internal error, retry"},
	CodeSvrMsgPushDeny:               {"ERR_SVR_MSG_PUSH_DENY", "the app's backend refused delivery"},
	CodeSvrMsgInPeerBlacklist:        {"ERR_SVR_MSG_IN_PEER_BLACKLIST", "the recipient blacklisted the sender"},
	CodeSvrMsgBothNotFriend:          {"ERR_SVR_MSG_BOTH_NOT_FRIEND", "neither side is a friend"},
	CodeSvrMsgNotPeerFriend:          {"ERR_SVR_MSG_NOT_PEER_FRIEND", "sender is not the recipient's friend"},
	CodeSvrMsgNotSelfFriend:          {"ERR_SVR_MSG_NOT_SELF_FRIEND", "recipient is not the sender's friend"},
	CodeSvrMsgShutupDeny:             {"ERR_SVR_MSG_SHUTUP_DENY", "sender is muted"},
	CodeRevokeTimeLimit:              {"ERR_SVR_MSG_REVOKE_TIME_LIMIT", "revoke window passed"},
	CodeSvrMsgDelRambleInternalError: {"ERR_SVR_MSG_DEL_RAMBLE_INTERNAL_ERROR", "deleting roaming messages failed"},
	CodeSvrCommFreqLimit1:            {"ERR_SVR_COMM_FREQ_LIMIT_60007", "request rate exceeded"},
	CodeSvrCommTimeout:               {"ERR_SVR_COMM_REQUEST_TIMEOUT", "server request timed out"},
	CodeSvrCommAdminNeeded:           {"ERR_SVR_COMM_REQUIRE_ADMIN", "administrator needed"},
	CodeSvrCommFreqLimit2:            {"ERR_SVR_COMM_FREQ_LIMIT_60011", "request rate exceeded"},
	CodeSvrCommFreqLimit3:            {"ERR_SVR_COMM_FREQ_LIMIT_60018", "request rate exceeded"},
	CodeSvrCommFreqLimit4:            {"ERR_SVR_COMM_FREQ_LIMIT_60019", "request rate exceeded"},
	CodeSvrCommAbilityNotEnabled:     {"ERR_SVR_COMM_ABILITY_NOT_ENABLED", "the plan does not include this"},
	CodeSvrUserSigExpired:            {"ERR_SVR_ACCOUNT_USERSIG_EXPIRED", "UserSig expired"},
	CodeSvrUserSigEmpty:              {"ERR_SVR_ACCOUNT_USERSIG_EMPTY", "UserSig is empty"},
	CodeSvrUserSigCheckFailed:        {"ERR_SVR_ACCOUNT_USERSIG_CHECK_FAILED", "UserSig is invalid"},
	CodeSvrUserSigMismatchKey:        {"ERR_SVR_ACCOUNT_USERSIG_MISMATCH_PUBLICKEY", "UserSig was made with another key"},
	CodeSvrUserSigMismatchID:         {"ERR_SVR_ACCOUNT_USERSIG_MISMATCH_ID", "UserSig is for another user"},
	CodeSvrUserSigMismatchApp:        {"ERR_SVR_ACCOUNT_USERSIG_MISMATCH_SDKAPPID", "UserSig is for another app"},
	CodeSvrSDKAppIDNotFound:          {"ERR_SVR_ACCOUNT_SDKAPPID_NOT_FOUND", "app id unknown"},
	CodeSvrUserSigInvalidated:        {"ERR_SVR_ACCOUNT_INVALID_USERSIG", "UserSig was invalidated"},
	CodeSvrAccountNotFound:           {"ERR_SVR_ACCOUNT_NOT_FOUND", "account does not exist"},
	CodeSvrAccountTimeout:            {"ERR_SVR_ACCOUNT_TIMEOUT", "server timed out"},
	CodeSvrAccountInvalidParameters:  {"ERR_SVR_ACCOUNT_INVALID_PARAMETERS", "bad parameters"},
	CodeSvrAccountAdminNeeded:        {"ERR_SVR_ACCOUNT_REQUIRE_ADMIN", "administrator needed"},
	CodeSvrAccountInternal:           {"ERR_SVR_ACCOUNT_INTERNAL_ERROR", "internal server error"},
	CodeSensitiveText:                {"ERR_SVR_COMM_SENSITIVE_TEXT", "text blocked by moderation"},
	CodeSvrCommBodySizeLimit:         {"ERR_SVR_COMM_BODY_SIZE_LIMIT", "body longer than 12 KB"},
	CodeSensitiveImage:               {"ERR_SVR_COMM_SENSITIVE_IMAGE", "image blocked by moderation"},
	CodeContentAttack:                {"ERR_REQ_CONTENT_ATTACK", "content blocked"},
	CodeSvrMsgJSONParseFailed:        {"ERR_SVR_MSG_JSON_PARSE_FAILED", "JSON could not be parsed"},
	CodeSvrMsgInvalidToAccount:       {"ERR_SVR_MSG_INVALID_TO_ACCOUNT", "recipient missing"},
	CodeSvrMsgRequireAdmin:           {"ERR_SVR_MSG_REQUIRE_ADMIN", "administrator needed"},
	CodeSvrMsgToAccountCountLimit:    {"ERR_SVR_MSG_TO_ACCOUNT_COUNT_LIMIT", "more than 500 batch targets"},
	CodeSvrMsgToAccountNotFound:      {"ERR_SVR_MSG_TO_ACCOUNT_NOT_FOUND", "recipient not registered"},
	CodeSvrMsgAccountNotFound:        {"ERR_SVR_MSG_ACCOUNT_NOT_FOUND", "account does not exist"},
	CodeSvrMsgBatchFreqLimit:         {"ERR_SVR_MSG_BATCH_FREQ_LIMIT_90057", "batch send rate exceeded"},
	CodeSvrMsgInternal1:              {"ERR_SVR_MSG_INTERNAL_90992", "internal error, retry"},
	CodeSvrMsgInternal2:              {"ERR_SVR_MSG_INTERNAL_90994", "internal error, retry"},
	CodeSvrMsgInternal3:              {"ERR_SVR_MSG_INTERNAL_90995", "internal error, retry"},
	CodeSvrMsgInternal4:              {"ERR_SVR_MSG_INTERNAL_91000", "internal error, retry"},
	CodeSvrMsgBodySizeLimit:          {"ERR_SVR_MSG_BODY_SIZE_LIMIT", "JSON body longer than 12 KB"},
	CodeSvrResNotFound:               {"ERR_SVR_RES_NOT_FOUND", "resource not found"},
}

// Name is TIM's name of the code, or "" for one that has none here.
func (c Code) Name() string { return codeNames[c].name }

// Text is a short description, or "".
func (c Code) Text() string { return codeNames[c].text }

// Error returns for instance "10010 ERR_SVR_GROUP_NOT_FOUND".
func (c Code) Error() string {
	s := strconv.Itoa(int(c))
	if name := c.Name(); name != "" {
		s += " " + name
	}
	return s
}

// Retryable reports whether the same call may succeed later without a change.
func (c Code) Retryable() bool {
	if c.frequencyLimit() {
		return true
	}
	switch c {
	case CodeRequestTimeout, CodeReqNoNetOnReq, CodeReqNoNetOnRsp, CodeSvrGroupInternal, CodeSvrMsgNetError,
		CodeSvrMsgInternalError1, CodeSvrCommTimeout, CodeSvrAccountTimeout, CodeSvrAccountInternal, CodeDatabaseFailure,
		CodeInterrupt:
		return true
	case CodeNetAlreadyConn, CodeNetPkgSizeLimit:
		return false
	}
	return c >= CodeNetFreqLimit && c <= CodeNetSendRemainingTimeoutNoNet || c >= CodeSvrMsgInternal1 && c <= CodeSvrMsgInternal4
}

// frequencyLimit reports whether c refuses a call because there were too many.
func (c Code) frequencyLimit() bool {
	switch c {
	case CodeAPICallFrequencyLimit, CodeNetFreqLimit, CodeNetReqCountLimit, CodeGroupFreqLimit, CodeGroupSendMsgFreqLimit,
		CodeSvrCommFreqLimit1, CodeSvrCommFreqLimit2, CodeSvrCommFreqLimit3, CodeSvrCommFreqLimit4, CodeSvrMsgBatchFreqLimit:
		return true
	}
	return false
}

// effectUnknown reports whether a call that ended with c may have taken effect.
func (c Code) effectUnknown() bool {
	switch c {
	case CodeRequestTimeout, CodeReqNoNetOnRsp, CodeInterrupt, CodeParseResponseFailed, CodeMsgKeyReqDifferRsp,
		CodeSvrMsgNetError, CodeSvrCommTimeout, CodeSvrAccountTimeout, CodeNetDisconnect, CodeNetWaitAckTimeout,
		CodeNetWaitSendRemainingTimeout, CodeNetWaitAckTimeoutNoNet, CodeNetSendRemainingTimeoutNoNet:
		return true
	}
	return c >= 9513 && c <= 9517 // the connection broke
}
