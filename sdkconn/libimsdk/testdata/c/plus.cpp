// The headers in C++, as they are, with lambdas for callbacks.
#include <cstdio>
#include <future>
#include <string>

#include "TIMCloud.h"

extern "C" int TIMGetVersion(); // in no header, in both libraries

using result = std::promise<std::string>;

static void done(int32_t code, const char *desc, const char *json, const void *user_data) {
	static_cast<result *>(const_cast<void *>(user_data))->set_value(std::to_string(code) + " " + desc + (json[0] ? " and JSON" : ""));
}

template <typename... Before, typename... Args> static std::string ask(int (*f)(Before...), Args... args) {
	result r;
	int ret = f(args..., done, &r);
	return ret ? "returns " + std::to_string(ret) : r.get_future().get();
}

int main(int argc, char **argv) {
	std::string config = std::string("{\"sdk_config_config_file_path\":\"") + argv[1] + "\"}";
	std::promise<std::string> heard;
	TIMAddRecvNewMsgCallback([](const char *json, const void *p) {
		static_cast<result *>(const_cast<void *>(p))->set_value(json);
	}, &heard);
	std::printf("TIMInit %d\n", TIMInit(1400000000, config.c_str()));
	std::printf("TIMLogin %s\n", ask(TIMLogin, "bob", "any").c_str());
	std::printf("TIMLogin %s\n", ask(TIMLogin, "alice", "any").c_str());
	const char *msg = "{\"message_elem_array\":[{\"elem_type\":0,\"text_elem_content\":\"from C++\"}]}";
	std::printf("TIMMsgSendNewMsg %s\n", ask(TIMMsgSendNewMsg, "bob", kTIMConv_C2C, msg).c_str());
	std::printf("TIMConvPinConversation %s\n", ask(TIMConvPinConversation, "bob", kTIMConv_C2C, true).c_str());
	std::printf("TIMMsgSetC2CReceiveMessageOpt %s\n", ask(TIMMsgSetC2CReceiveMessageOpt, "[\"bob\"]", kTIMRecvMsgOpt_Not_Notify).c_str());
	std::printf("TIMMsgTranslateText %s\n", ask(TIMMsgTranslateText, "[]", "en", "zh").c_str());
	std::printf("TIMLogin %s\n", ask(TIMLogin, "bob", "any").c_str());
	std::printf("heard: %s\n", heard.get_future().get().find("from C++") != std::string::npos ? "yes" : "no");
	std::printf("TIMConvSetDraft %d, TIMGetVersion %d\n", TIMConvSetDraft("bob", kTIMConv_C2C, "{}"), TIMGetVersion());
	std::printf("TIMUninit %d\n", TIMUninit());
}
