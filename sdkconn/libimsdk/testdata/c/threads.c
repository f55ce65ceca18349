/* What the library promises about its callbacks: one thread of its own, one answer for each call in the order of the calls,
   user_data as it was given, strings that may be overwritten, and calls from inside a callback, TIMUninit included. */
#include "sdk.h"

#define THREADS 8
#define CALLS 200

static pthread_t from; /* which thread the callbacks came on */
static int same = 1, count, seen[THREADS * CALLS], out_of_order, next[THREADS];

static void listed(int32_t code, const char *desc, const char *json, const void *user_data) {
	uintptr_t n = (uintptr_t)user_data; /* no pointer at all */
	(void)desc;
	pthread_mutex_lock(&mutex);
	if (count++ == 0) from = pthread_self();
	same &= pthread_equal(from, pthread_self());
	if (code != 6017 || strcmp(json, "[]") != 0) printf("answer %d %s\n", code, json);
	seen[n]++;
	if (next[n / CALLS] != (int)(n % CALLS)) out_of_order++;
	next[n / CALLS] = (int)(n % CALLS) + 1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static void *calls(void *arg) {
	int thread = (int)(intptr_t)arg;
	for (int i = 0; i < CALLS; i++) {
		char *conv = strdup("bob"), *json = strdup("{\"msg_getmsglist_param_count\":0}");
		if (TIMMsgGetMsgList(conv, kTIMConv_C2C, json, listed, (void *)(intptr_t)(thread * CALLS + i)) != 0) printf("refused\n");
		memset(conv, 'X', 3); /* the library has its own */
		memset(json, 'X', strlen(json));
		free(conv), free(json);
	}
	return NULL;
}

static int depth, nested;

static void again(int32_t code, const char *desc, const char *json, const void *user_data) {
	(void)desc, (void)json;
	pthread_mutex_lock(&mutex);
	same &= pthread_equal(from, pthread_self());
	if (code != 0) printf("nested answer %d\n", code);
	int go_on = ++depth < 50;
	if (!go_on) nested = 1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
	char id[128] = {0};
	if (go_on && TIMMsgSendMessage("bob", kTIMConv_C2C, TEXT("again"), id, again, user_data) != 0) printf("refused\n");
	if (go_on && !id[0]) printf("no id\n");
}

static int ended;

static void end(int32_t code, const char *desc, const char *json, const void *user_data) {
	(void)code, (void)desc, (void)json, (void)user_data;
	int ret = TIMUninit();
	printf("TIMUninit in a callback: %d, then %d\n", ret, TIMGetLoginStatus());
	pthread_mutex_lock(&mutex);
	ended = 1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static int late;

static void never(int32_t code, const char *desc, const char *json, const void *user_data) {
	(void)code, (void)desc, (void)json, (void)user_data;
	__sync_fetch_and_add(&late, 1);
}

int main(int argc, char **argv) {
	start(argc, argv);
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, calls, (void *)(intptr_t)i);
	for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
	wait_for(&count, THREADS * CALLS, 30);
	int wrong = 0;
	for (int i = 0; i < THREADS * CALLS; i++) wrong += seen[i] != 1;
	printf("%d answers, %d calls without exactly one, %d out of order, one thread: %d, the caller's: %d\n", count, wrong,
		out_of_order, same, pthread_equal(from, pthread_self()));

	TIMMsgSendNewMsg("bob", kTIMConv_C2C, TEXT("again"), again, &nested);
	printf("nested calls: %d, one thread: %d\n", wait_for(&nested, 1, 30), same);

	TIMMsgSendNewMsg("bob", kTIMConv_C2C, TEXT("the end"), end, NULL);
	printf("ended: %d\n", wait_for(&ended, 1, 30));

	init(argv[1]);
	struct answer a = {0}, b = {0};
	finish("TIMLogin", TIMLogin("alice", "any", answered, &a), &a);
	char user[128] = {0};
	TIMGetLoginUserID(user);
	printf("status %d, user %s\n", TIMGetLoginStatus(), user);
	finish("TIMMsgGetMsgList", TIMMsgGetMsgList("bob", kTIMConv_C2C, "{\"msg_getmsglist_param_count\":100}", answered, &b), &b);

	for (int i = 0; i < 1000; i++) TIMMsgSendNewMsg("bob", kTIMConv_C2C, TEXT("cut off"), never, NULL);
	int ret = TIMUninit();
	int until = __sync_fetch_and_add(&late, 0);
	usleep(100000); /* for what must not come */
	printf("TIMUninit: %d, answers after it: %d\n", ret, __sync_fetch_and_add(&late, 0) - until);
	return 0;
}
