/* Deletes a message. Without one 8.0 refuses: TIMMsgClearHistoryMessage clears a conversation. */
#include "sdk.h"

int main(int argc, char **argv) {
	start(argc, argv);
	struct answer a = {0}, b = {0}, c = {0}, d = {0}, e = {0};
	finish("TIMMsgSendNewMsg", TIMMsgSendNewMsg("bob", kTIMConv_C2C, TEXT("hello"), answered, &a), &a);
	finish("TIMMsgDelete without a message",
		TIMMsgDelete("bob", kTIMConv_C2C, "{\"msg_delete_param_msg\":{},\"msg_delete_param_is_ramble\":false}", answered, &b), &b);
	char *param = (char *)malloc(strlen(a.json) + 64);
	sprintf(param, "{\"msg_delete_param_msg\":%s,\"msg_delete_param_is_ramble\":false}", a.json);
	finish("TIMMsgDelete", TIMMsgDelete("bob", kTIMConv_C2C, param, answered, &c), &c);
	finish("TIMMsgGetMsgList", TIMMsgGetMsgList("bob", kTIMConv_C2C, "{\"msg_getmsglist_param_count\":20}", answered, &d), &d);
	finish("TIMMsgClearHistoryMessage", TIMMsgClearHistoryMessage("bob", kTIMConv_C2C, answered, &e), &e);
	return 0;
}
