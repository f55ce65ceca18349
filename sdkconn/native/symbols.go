package native

// required are the functions without which nothing works.
var required = []string{
	"TIMInit", "TIMUninit", "TIMGetSDKVersion", "TIMSetConfig", "TIMLogin", "TIMLogout",
	"TIMMsgSendNewMsg", "TIMMsgReportReaded", "TIMMsgRevoke", "TIMMsgFindByMsgLocatorList", "TIMMsgImportMsgList",
	"TIMMsgSaveMsg", "TIMMsgGetMsgList", "TIMMsgDelete", "TIMMsgDownloadElemToPath", "TIMMsgBatchSend",
	"TIMSetMsgReadedReceiptCallback", "TIMSetMsgRevokeCallback", "TIMSetConvEventCallback",
	"TIMSetNetworkStatusListenerCallback", "TIMSetKickedOfflineCallback", "TIMSetUserSigExpiredCallback",
}

// addNewMsg are the names under which new messages are registered for: today's, and that of 2019. One is required.
var addNewMsg = []string{"TIMAddRecvNewMsgCallback", "TIMSetRecvNewMsgCallback"}

// optional are functions that older libraries lack. A call of one that is missing is CodeInterfaceNotSupport.
var optional = []string{
	"TIMRemoveRecvNewMsgCallback", "TIMSetMsgUpdateCallback", "TIMSetMsgElemUploadProgressCallback",
	"TIMMsgFindMessages", "TIMMsgModifyMessage", "TIMMsgListDelete", "TIMMsgClearHistoryMessage",
	"TIMMsgSearchLocalMessages", "TIMMsgSetLocalCustomData", "TIMMsgDownloadMergerMessage",
	"TIMMsgSetC2CReceiveMessageOpt", "TIMMsgSetGroupReceiveMessageOpt",
	"TIMConvGetConvList", "TIMConvPinConversation", "TIMConvDelete", "TIMConvGetTotalUnreadMessageCount",
	"TIMGroupCreate", "TIMGroupDelete", "TIMGroupJoin", "TIMGroupQuit", "TIMGroupInviteMember", "TIMGroupDeleteMember",
	"TIMGroupModifyMemberInfo", "TIMGroupGetMemberInfoList", "TIMGroupGetGroupInfoList", "TIMGroupGetJoinedGroupList",
	"TIMGroupModifyGroupInfo", "TIMGroupGetPendencyList", "TIMGroupHandlePendency", "TIMGroupReportPendencyReaded",
	"TIMProfileGetUserProfileList", "TIMProfileModifySelfUserProfile",
	"TIMFriendshipAddFriend", "TIMFriendshipDeleteFriend", "TIMFriendshipGetFriendProfileList",
	"TIMFriendshipAddToBlackList", "TIMFriendshipDeleteFromBlackList", "TIMFriendshipGetBlackList",
}
