/* What one process hears: it is several users in turn, which offline messages make possible. */
#include "sdk.h"

enum { NEW, REVOKED, RECEIPT, UPDATED, TIP, SYNC, UPLOADED, SELF, WRONG, KINDS };
static const char *names[] = {"new messages", "revocations", "receipts", "updates", "group tips", "starts and ends of a sync",
	"uploads", "own profiles", "things that are wrong"};
static int events, counts[KINDS]; /* of things told, however many came together */

static void note(int what, int n) {
	pthread_mutex_lock(&mutex);
	events += n;
	counts[what] += n;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static const void *me = "mine";
static void mine(const void *user_data) {
	if (user_data != me) note(WRONG, 1);
}

/* several notes each element of an array. */
static void several(int what, const char *json, const void *user_data) {
	int n = 0;
	mine(user_data);
	if (sscanf(kind(json), "array of %d", &n) != 1 || n == 0) note(WRONG, 1);
	note(what, n);
}

static void on_new(const char *json, const void *u) { several(NEW, json, u); }
static void on_new_too(const char *json, const void *u) { several(WRONG, json, u); }
static void on_revoke(const char *json, const void *u) { several(REVOKED, json, u); }
static void on_receipt(const char *json, const void *u) { several(RECEIPT, json, u); }
static void on_update(const char *json, const void *u) { several(UPDATED, json, u); }
static void on_tip(const char *json, const void *u) { mine(u); note(strcmp(kind(json), "object") ? WRONG : TIP, 1); }
static void on_conv(enum TIMConvEvent event, const char *json, const void *u) {
	mine(u);
	if (event == kTIMConvEvent_Start || event == kTIMConvEvent_Finish) note(json[0] ? WRONG : SYNC, 1);
	else if (strncmp(kind(json), "array", 5) != 0) note(WRONG, 1);
}
static void on_upload(const char *json, uint32_t index, uint32_t now, uint32_t all, const void *u) {
	mine(u);
	if (now == all) note(strstr(json, "file_elem_file_path") && index == 0 && all == 4 ? UPLOADED : WRONG, 1);
}
static void on_self(const char *json, const void *u) {
	mine(u);
	note(strstr(json, "\"user_profile_nick_name\":\"Alice\"") ? SELF : WRONG, 1);
}

static void as(const char *user) {
	struct answer a = {0};
	finish(user, TIMLogin(user, "any", answered, &a), &a);
}

/* hear waits for so much and shows it. */
static void hear(int n) {
	wait_for(&events, n, 20);
	usleep(50000); /* for what should not come */
	pthread_mutex_lock(&mutex);
	for (int i = 0; i < KINDS; i++) {
		if (counts[i]) printf("  %d %s\n", counts[i], names[i]);
		counts[i] = 0;
	}
	events = 0;
	pthread_mutex_unlock(&mutex);
}

#define DO(call) do { struct answer x = {0}; finish(#call, call, &x); } while (0)
#define X answered, &x

int main(int argc, char **argv) {
	start(argc, argv);
	usleep(100000); /* what the logins in start told is over */
	TIMAddRecvNewMsgCallback(on_new, me);
	TIMAddRecvNewMsgCallback(on_new_too, me);
	TIMRemoveRecvNewMsgCallback(on_new_too);
	TIMSetMsgRevokeCallback(on_revoke, me);
	TIMSetMsgReadedReceiptCallback(on_receipt, me);
	TIMSetMsgUpdateCallback(on_update, me);
	TIMSetGroupTipsEventCallback(on_tip, me);
	TIMSetConvEventCallback(on_conv, me);
	TIMSetMsgElemUploadProgressCallback(on_upload, me);
	TIMSetSelfInfoUpdatedCallback(on_self, me);
	as("alice");

	struct answer m = {0}, r = {0};
	finish("send", TIMMsgSendNewMsg("bob", kTIMConv_C2C, TEXT("first"), answered, &m), &m);
	finish("send", TIMMsgSendNewMsg("bob", kTIMConv_C2C, TEXT("second"), answered, &r), &r);
	DO(TIMMsgRevoke("bob", kTIMConv_C2C, r.json, X));
	DO(TIMProfileModifySelfUserProfile("{\"user_profile_item_nick_name\":\"Alice\"}", X));
	DO(TIMGroupCreate("{\"create_group_param_group_name\":\"Three\",\"create_group_param_group_id\":\"three\",\"create_group_param_group_type\":2}", X));
	DO(TIMGroupInviteMember("{\"group_invite_member_param_group_id\":\"three\",\"group_invite_member_param_identifier_array\":[\"bob\"]}", X));
	char msg[9000];
	snprintf(msg, sizeof msg, "%s/four.txt", argv[1]);
	FILE *f = fopen(msg, "w");
	fputs("four", f);
	fclose(f);
	snprintf(msg, sizeof msg, "{\"message_elem_array\":[{\"elem_type\":4,\"file_elem_file_path\":\"%s/four.txt\"}]}", argv[1]);
	DO(TIMMsgSendNewMsg("three", kTIMConv_Group, msg, X));
	hear(4);

	as("bob"); /* logs alice out */
	hear(9);
	DO(TIMMsgReportReaded("alice", kTIMConv_C2C, "", X));
	DO(TIMConvGetTotalUnreadMessageCount(X));
	DO(TIMConvPinConversation("alice", kTIMConv_C2C, true, X));
	DO(TIMGroupGetMemberInfoList("{\"group_get_members_info_list_param_group_id\":\"three\"}", X));
	DO(TIMGroupModifyGroupInfo("{\"group_modify_info_param_group_id\":\"three\",\"group_modify_info_param_modify_flag\":1,"
		"\"group_modify_info_param_group_name\":\"Other\"}", X));
	DO(TIMGroupQuit("three", X));
	DO(TIMGroupGetJoinedGroupList(X));
	DO(TIMConvGetConvList(X));
	DO(TIMCommunityGetJoinedCommunityList(X));
	DO(callExperimentalAPI("{\"request_internal_operation\":\"internal_operation_none\"}", X));
	as("alice");
	hear(5);
	return 0;
}
