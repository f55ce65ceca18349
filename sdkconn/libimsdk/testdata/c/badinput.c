/* Calls the ten with arguments that make no sense, before TIMInit, without a login, and after TIMUninit. With "all" also with
   those that crash the real library or get no answer from it. */
#include "sdk.h"

static const struct { const char *name, *json; } inputs[] = {
	{"NULL", NULL}, {"empty", ""}, {"{", "{"}, {"not json", "not json"}, {"[]", "[]"}, {"{}", "{}"}, {"string", "\"x\""},
	{"number", "123"}, {"null", "null"}, {"unknown key", "{\"a\":1}"}, {"[1]", "[1]"}, {"[unknown key]", "[{\"a\":1}]"},
	{"trailing comma", "{\"a\":1,}"}, {"comment", "{\"a\":1}//"}, {"single quotes", "{'a':1}"}, {"second value", "{\"a\":1}{}"},
	{"spaces", " { \"a\" : 1 } "}, {"raw newline", "{\"a\":\"x\ny\"}"}, {"invalid UTF-8", "{\"a\":\"\xff\"}"},
	{"surrogates", TEXT("\\ud83d\\ude00")}, {"lone surrogate", TEXT("\\ud83d")}, {"NUL", TEXT("a\\u0000b")},
	{"emoji", TEXT("\xf0\x9f\x98\x80")}, {"wrong types", "{\"message_elem_array\":5,\"message_seq\":\"x\"}"},
	{"locators", "[{\"message_locator_time\":1}]"}, {"message without elements", "{\"message_elem_array\":[]}"},
	{"delete", "{\"msg_delete_param_msg\":{\"a\":1}}"}, {"delete of {}", "{\"msg_delete_param_msg\":{}}"},
	{"old delete", "{\"msg_delete_param_is_remble\":true}"}, {"count", "{\"msg_getmsglist_param_count\":\"3\"}"},
	{"batch", "{\"msg_batch_send_param_identifier_array\":[\"u\",\"u\",\"\"],\"msg_batch_send_param_msg\":" TEXT("x") "}"},
	{"batch without message", "{\"msg_batch_send_param_identifier_array\":[\"u\"]}"},
	{"batch of {}", "{\"msg_batch_send_param_identifier_array\":[\"u\"],\"msg_batch_send_param_msg\":{}}"},
};
static const struct { const char *name, *json; } fatal[] = {{"[{}]", "[{}]"}, {"[{},{}]", "[{},{\"a\":1}]"}};

static const char *phase;
static int silent; /* are calls made that the real library never answers */

typedef int (*about)(const char *, enum TIMConvType, const char *, TIMCommCallback, const void *);

static int download(const char *conv, enum TIMConvType type, const char *json, TIMCommCallback cb, const void *u) {
	(void)type;
	return TIMMsgDownloadElemToPath(json, conv, cb, u);
}
static int batch(const char *conv, enum TIMConvType type, const char *json, TIMCommCallback cb, const void *u) {
	(void)conv, (void)type;
	return TIMMsgBatchSend(json, cb, u);
}

static const struct { const char *name; about f; } calls[] = {
	{"TIMMsgSendNewMsg", TIMMsgSendNewMsg}, {"TIMMsgReportReaded", TIMMsgReportReaded}, {"TIMMsgRevoke", TIMMsgRevoke},
	{"TIMMsgFindByMsgLocatorList", TIMMsgFindByMsgLocatorList}, {"TIMMsgImportMsgList", TIMMsgImportMsgList},
	{"TIMMsgSaveMsg", TIMMsgSaveMsg}, {"TIMMsgGetMsgList", TIMMsgGetMsgList}, {"TIMMsgDelete", TIMMsgDelete},
	{"TIMMsgDownloadElemToPath", download}, {"TIMMsgBatchSend", batch},
};

static void one(const char *name, about f, const char *what, const char *conv, int type, const char *json) {
	char text[256];
	struct answer *a = (struct answer *)calloc(1, sizeof *a); /* an answer may come after this has given up */
	snprintf(text, sizeof text, "%s %s, %s", phase, name, what);
	finish_within(text, f(conv, (enum TIMConvType)type, json, answered, a), a, 10);
	if (f(conv, (enum TIMConvType)type, json, NULL, NULL) == 1) printf("1 is no result\n"); /* nobody wants to know */
}

static void all(void) {
	char *huge = (char *)malloc(1 << 20);
	memset(huge, 'x', 1 << 20);
	memcpy(huge, "{\"message_elem_array\":[{\"elem_type\":0,\"text_elem_content\":\"", 59);
	memcpy(huge + (1 << 20) - 5, "\"}]}", 5);
	for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
		const char *name = calls[c].name;
		about f = calls[c].f;
		for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
			if (f == batch && !silent && strncmp(inputs[i].name, "batch", 5) != 0) {
				if (inputs[i].json && strchr(inputs[i].json, '{') && strcmp(inputs[i].name, "[unknown key]") != 0) continue;
			}
			one(name, f, inputs[i].name, "u", kTIMConv_C2C, inputs[i].json);
		}
		if (silent)
			for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) one(name, f, fatal[i].name, "u", kTIMConv_C2C, fatal[i].json);
		if (f != batch) {
			one(name, f, "1 MB", "u", kTIMConv_C2C, huge);
			one(name, f, "no conversation", NULL, kTIMConv_C2C, TEXT("x"));
			one(name, f, "empty conversation", "", kTIMConv_C2C, TEXT("x"));
		}
		if (f != batch && f != download) {
			one(name, f, "type 0", "u", 0, TEXT("x"));
			one(name, f, "type 3", "u", 3, TEXT("x"));
			one(name, f, "type 99", "u", 99, TEXT("x"));
			one(name, f, "group", "u", kTIMConv_Group, TEXT("x"));
		}
	}
	free(huge);
}

static void other(void) {
	struct answer a[40];
	memset(a, 0, sizeof a);
	int n = 0;
	char id[128] = {0}, user[128] = "untouched";
#define TRY(call) finish(#call, call, &a[n]), n++
#define CB answered, &a[n]
	printf("%s\n", phase);
	printf("status %d, user id %d %s, version %s\n", TIMGetLoginStatus(), TIMGetLoginUserID(user), user, TIMGetSDKVersion());
	printf("the time is now: %d\n", llabs((long long)TIMGetServerTime() - (long long)time(NULL)) < 5);
	TRY(TIMLogin(NULL, "sig", CB));
	TRY(TIMLogin("u", NULL, CB));
	TRY(TIMLogin("u", "", CB));
	TRY(TIMLogout(CB));
	TRY(TIMSetConfig("{\"set_config_log_level\":0}", CB));
	TRY(TIMSetConfig("{", CB));
	TRY(TIMSetConfig(NULL, CB));
	TRY(TIMConvGetConvList(CB));
	TRY(TIMConvCreate("u", kTIMConv_C2C, CB));
	TRY(TIMConvCleanConversationUnreadMessageCount("c2c_u", 0, 0, CB));
	TRY(TIMMsgSendMessage("u", kTIMConv_C2C, TEXT("x"), id, CB));
	printf("an id: %s\n", id[0] ? "yes" : "no");
	TRY(TIMMsgSendMessage("u", kTIMConv_C2C, TEXT("x"), NULL, CB));
	TRY(TIMMsgModifyMessage(TEXT("x"), CB));
	TRY(TIMMsgCancelSend("u", kTIMConv_C2C, "1-1-1", CB));
	TRY(TIMMsgFindMessages("[\"1-1-1\"]", CB));
	TRY(TIMMsgSearchLocalMessages("{\"msg_search_param_keyword_array\":[\"x\"]}", CB));
	TRY(TIMMsgListDelete("u", kTIMConv_C2C, "[]", CB));
	TRY(TIMMsgListDelete("u", kTIMConv_C2C, "[1]", CB));
	TRY(TIMMsgListDelete("u", kTIMConv_C2C, "[{\"a\":1}]", CB));
	TRY(TIMMsgClearHistoryMessage("u", kTIMConv_C2C, CB));
	TRY(TIMMsgSetLocalCustomData(TEXT("x"), CB));
	TRY(TIMGroupCreate("{\"create_group_param_group_name\":\"g\"}", CB));
	TRY(TIMGroupJoin("g", "hello", CB));
	TRY(TIMGroupGetMemberInfoList("{\"group_get_members_info_list_param_group_id\":\"g\"}", CB));
	TRY(TIMGroupHandlePendency("{}", CB));
}

int main(int argc, char **argv) {
	silent = argc > 2 && strcmp(argv[2], "all") == 0;
	TIMSetConfig("{\"set_config_is_log_output_console\":false,\"set_config_log_level\":0}", NULL, NULL);
	phase = "before TIMInit:";
	all();
	other();
	printf("TIMInit: %d %d %d %d %d\n", TIMInit(1400000000, NULL), TIMInit(1400000000, ""), TIMInit(1400000000, "{"),
		TIMInit(1400000000, "[]"), TIMInit(0, "{}"));
	init(argv[1]);
	printf("again: %d\n", TIMInit(1400000001, "{}"));
	phase = "without a login:";
	all();
	other();
	printf("TIMUninit: %d %d\n", TIMUninit(), TIMUninit());
	settle(0);
	phase = "after TIMUninit:";
	all();
	other();
	return 0;
}
