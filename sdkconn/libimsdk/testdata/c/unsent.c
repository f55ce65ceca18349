/* Prints what the library says of messages that it could not send. */
#include "sdk.h"

static void show(enum TIMConvType type, const char *json) {
	struct answer a = {0};
	int ret = TIMMsgSendNewMsg("u", type, json, answered, &a);
	if (ret == 0 && wait_for(&a.came, 1, 20)) {
		printf("%d %s\n", a.code, a.json);
	} else {
		printf("%d\n", ret);
	}
}

int main(int argc, char **argv) {
	const char *messages[] = {
		TEXT("a\\/b \\u4f60 \\n \\u0001"), TEXT("\xf0\x9f\x98\x80"),
		"{\"message_elem_array\":[{\"elem_type\":0,\"text_elem_content\":\"\\ud83d\\ude00\"},{\"elem_type\":0,\"text_elem_content\":\"kept\"}]}",
		"{\"message_elem_array\":[{\"text_elem_content\":5},{\"elem_type\":3,\"custom_elem_data\":\"d\"},7,{\"elem_type\":99}],"
			"\"message_sender\":\"me\",\"message_seq\":4,\"message_priority\":2,"
			"\"message_cloud_custom_str\":\"c\",\"message_custom_int\":3.7,\"message_is_read\":1,\"message_unknown\":true,"
			"\"message_group_at_user_array\":[\"x\"],\"message_target_group_member_array\":[\"y\"],\"message_status\":5}",
		"{\"message_elem_array\":7}",
		"{\"a\":1}",
		"{\"message_elem_array\":[{\"elem_type\":6,\"face_elem_index\":1,\"face_elem_buf\":\"b\"},{\"elem_type\":7,"
			"\"location_elem_desc\":\"d\",\"location_elem_longitude\":1.5,\"location_elem_latitude\":2}]}",
		"{\"message_elem_array\":[{\"elem_type\":1,\"image_elem_orig_path\":\"/p.png\"},{\"elem_type\":4,\"file_elem_file_path\":\"/f\"}]}",
	};
	init(argv[1]);
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		show(kTIMConv_C2C, messages[i]);
		show(kTIMConv_Group, messages[i]);
	}
	struct answer b = {0};
	TIMUninit();
	settle(0);
	TIMMsgBatchSend("{\"msg_batch_send_param_identifier_array\":[\"u\"],\"msg_batch_send_param_msg\":" TEXT("x") "}", answered, &b);
	wait_for(&b.came, 1, 20);
	printf("%d %s\n", b.code, b.json);
	return 0;
}
