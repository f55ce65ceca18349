/* Waits until the user logs in elsewhere. */
#include "sdk.h"

static int kicked, told;

static void on_kicked(const void *user_data) {
	pthread_mutex_lock(&mutex);
	kicked = user_data == (void *)7 ? 1 : 2;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static void on_new(const char *json, const void *user_data) {
	(void)user_data;
	printf("new: %s\n", json);
	fflush(stdout);
	pthread_mutex_lock(&mutex);
	told++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

int main(int argc, char **argv) {
	TIMSetKickedOfflineCallback(on_kicked, (void *)7);
	TIMAddRecvNewMsgCallback(on_new, NULL);
	start(argc, argv);
	printf("ready\n");
	fflush(stdout);
	if (!wait_for(&told, 1, 30)) printf("no message\n");
	printf("got it\n");
	fflush(stdout);
	if (!wait_for(&kicked, 1, 30)) printf("not kicked\n");
	struct answer a = {0};
	finish("TIMMsgSendNewMsg", TIMMsgSendNewMsg("bob", kTIMConv_C2C, TEXT("still here?"), answered, &a), &a);
	printf("kicked %d, status %d\n", kicked, TIMGetLoginStatus());
	return TIMUninit();
}
