/* Reads a page of a conversation's history. */
#include "sdk.h"

int main(int argc, char **argv) {
	start(argc, argv);
	for (int i = 0; i < 3; i++) {
		struct answer a = {0};
		finish("TIMMsgSendNewMsg", TIMMsgSendNewMsg("bob", kTIMConv_C2C, TEXT("hello"), answered, &a), &a);
	}
	struct answer a = {0}, b = {0};
	finish("TIMMsgGetMsgList", TIMMsgGetMsgList("bob", kTIMConv_C2C, "{\"msg_getmsglist_param_count\":2}", answered, &a), &a);
	finish("TIMMsgGetMsgList of a new conversation",
		TIMMsgGetMsgList("carol", kTIMConv_C2C, "{\"msg_getmsglist_param_count\":2}", answered, &b), &b);
	struct answer c = {0};
	finish("TIMMsgReportReaded", TIMMsgReportReaded("bob", kTIMConv_C2C, NULL, answered, &c), &c);
	return 0;
}
