/* Imports messages, saves one, and finds one of them by its locator. */
#include "sdk.h"

#define OLD(time, rand) "{\"message_elem_array\":[{\"elem_type\":0,\"text_elem_content\":\"old\"}],\"message_sender\":\"bob\"," \
	"\"message_client_time\":" time ",\"message_server_time\":" time ",\"message_seq\":1,\"message_rand\":" rand "}"

int main(int argc, char **argv) {
	start(argc, argv);
	struct answer a = {0}, b = {0}, c = {0}, d = {0};
	finish("TIMMsgImportMsgList",
		TIMMsgImportMsgList("bob", kTIMConv_C2C, "[" OLD("1600000000", "7") "," OLD("1600000001", "8") "]", answered, &a), &a);
	finish("TIMMsgSaveMsg", TIMMsgSaveMsg("bob", kTIMConv_C2C, TEXT("a note"), answered, &b), &b);
	finish("TIMMsgFindByMsgLocatorList", TIMMsgFindByMsgLocatorList("bob", kTIMConv_C2C,
		"[{\"message_locator_time\":1600000001,\"message_locator_seq\":1,\"message_locator_rand\":8,\"message_locator_is_self\":false},"
		"{\"message_locator_time\":1,\"message_locator_seq\":1,\"message_locator_rand\":8,\"message_locator_is_self\":false}]",
		answered, &c), &c);
	finish("TIMMsgGetMsgList", TIMMsgGetMsgList("bob", kTIMConv_C2C, "{\"msg_getmsglist_param_count\":20}", answered, &d), &d);
	return 0;
}
