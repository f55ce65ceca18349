/* Sends one message to several users. */
#include "sdk.h"

int main(int argc, char **argv) {
	start(argc, argv);
	struct answer a = {0};
	finish("TIMMsgBatchSend", TIMMsgBatchSend("{\"msg_batch_send_param_identifier_array\":[\"bob\",\"carol\"],\"msg_batch_send_param_msg\":"
		TEXT("hello all") "}", answered, &a), &a);
	return 0;
}
