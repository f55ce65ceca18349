/* Sends a message. */
#include "sdk.h"

int main(int argc, char **argv) {
	start(argc, argv);
	struct answer a = {0};
	finish("TIMMsgSendNewMsg", TIMMsgSendNewMsg("bob", kTIMConv_C2C, TEXT("hello 你好"), answered, &a), &a);

	struct answer b = {0};
	char id[128] = {0};
	finish("TIMMsgSendMessage", TIMMsgSendMessage("bob", kTIMConv_C2C, TEXT("hello"), id, answered, &b), &b);
	/* The id is there when the call returns, whatever becomes of the message. */
	printf("the id is that of the message: %s\n", id[0] && b.json && strstr(b.json, id) ? "yes" : "no");

	struct answer c = {0};
	finish("TIMMsgSendNewMsg to nobody", TIMMsgSendNewMsg("nobody", kTIMConv_C2C, TEXT("hello"), answered, &c), &c);
	return 0;
}
