/* Sends a message and takes it back, from inside the callback of the send. */
#include "sdk.h"

static struct answer revoked;
static int ret;

static void sent(int32_t code, const char *desc, const char *json, const void *user_data) {
	ret = TIMMsgRevoke("bob", kTIMConv_C2C, json, answered, &revoked);
	answered(code, desc, json, user_data);
}

int main(int argc, char **argv) {
	start(argc, argv);
	struct answer a = {0};
	finish("TIMMsgSendNewMsg", TIMMsgSendNewMsg("bob", kTIMConv_C2C, TEXT("oops"), sent, &a), &a);
	finish("TIMMsgRevoke", ret, &revoked);
	return 0;
}
