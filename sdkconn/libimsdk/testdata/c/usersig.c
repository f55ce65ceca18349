/* Logs in with the signatures in the environment to a chat that verifies them. */
#include "sdk.h"

static int expired;

static void on_expired(const void *user_data) {
	pthread_mutex_lock(&mutex);
	expired = user_data == (void *)7 ? 1 : 2;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static int32_t login(const char *what, const char *user, const char *sig) {
	struct answer a = {0};
	int ret = TIMLogin(user, sig, answered, &a);
	if (ret != 0 || !wait_for(&a.came, 1, 20)) printf("%s: returns %d, answers %d times\n", what, ret, a.came);
	else printf("%s: %d, status %d\n", what, a.code, TIMGetLoginStatus());
	return a.code;
}

int main(int argc, char **argv) {
	if (argc < 2) return 2;
	init(argv[1]); /* as app 1400000000 */
	TIMSetUserSigExpiredCallback(on_expired, (void *)7);
	login("no UserSig", "alice", "any");
	login("somebody else's", "bob", getenv("SIG_ALICE"));
	login("another app's", "alice", getenv("SIG_APP"));
	login("another key's", "alice", getenv("SIG_KEY"));
	login("an old one", "alice", getenv("SIG_OLD"));
	login("alice's", "alice", getenv("SIG_ALICE"));
	login("the same again", "alice", getenv("SIG_ALICE"));
	login("a wrong one, while logged in", "alice", getenv("SIG_KEY"));
	if (login("one that ends soon", "bob", getenv("SIG_SOON")) == 0) {
		wait_for(&expired, 1, 30);
		printf("expired %d, status %d\n", expired, TIMGetLoginStatus());
	}
	struct answer a = {0};
	finish("TIMMsgSendNewMsg", TIMMsgSendNewMsg("alice", kTIMConv_C2C, TEXT("too late"), answered, &a), &a);
	login("alice's, after that", "alice", getenv("SIG_ALICE"));
	TIMUninit();
	settle(0);
	printf("TIMInit as another app: %d\n", TIMInit(1400000001, "{}"));
	settle(1);
	login("where there is no such app", "alice", getenv("SIG_APP"));
	return TIMUninit();
}
