/* Finds a message by its locator and by its id, and its conversation in the list. */
#include "sdk.h"

/* number is that of a key in JSON, as far as one can see without a parser. */
static unsigned long long number(const char *json, const char *key) {
	char quoted[128];
	snprintf(quoted, sizeof quoted, "\"%s\":", key);
	const char *from = json ? strstr(json, quoted) : NULL;
	return from ? strtoull(from + strlen(quoted), NULL, 10) : 0;
}

int main(int argc, char **argv) {
	start(argc, argv);
	struct answer a = {0}, b = {0}, c = {0}, d = {0}, e = {0}, f = {0};
	char id[128] = {0}, text[1024];
	finish("TIMMsgSendMessage", TIMMsgSendMessage("bob", kTIMConv_C2C, TEXT("where am I?"), id, answered, &a), &a);
	snprintf(text, sizeof text, "[{\"message_locator_time\":%llu,\"message_locator_seq\":%llu,\"message_locator_rand\":%llu,"
		"\"message_locator_is_self\":true}]",
		number(a.json, "message_server_time"), number(a.json, "message_seq"), number(a.json, "message_rand"));
	finish("TIMMsgFindByMsgLocatorList", TIMMsgFindByMsgLocatorList("bob", kTIMConv_C2C, text, answered, &b), &b);
	printf("it is the message: %s\n", b.json && strstr(b.json, id) && strstr(b.json, "where am I?") ? "yes" : "no");
	/* One value that is another finds nothing. */
	finish("TIMMsgFindByMsgLocatorList elsewhere", TIMMsgFindByMsgLocatorList("carol", kTIMConv_C2C, text, answered, &c), &c);
	snprintf(text, sizeof text, "[\"%s\",\"1-1-1\"]", id);
	finish("TIMMsgFindMessages", TIMMsgFindMessages(text, answered, &d), &d);
	printf("it is the message: %s\n", d.json && strstr(d.json, "where am I?") ? "yes" : "no");
	finish("TIMMsgFindMessages of none", TIMMsgFindMessages("[]", answered, &e), &e);
	finish("TIMConvGetConvList", TIMConvGetConvList(answered, &f), &f);
	printf("its last message is this one: %s\n", f.json && strstr(f.json, "where am I?") ? "yes" : "no");
	return 0;
}
