/* A million calls, and how much memory is left behind. */
#include "sdk.h"

#define ROUND 100000

static int came;

static void count(int32_t code, const char *desc, const char *json, const void *user_data) {
	(void)code, (void)desc, (void)json, (void)user_data;
	pthread_mutex_lock(&mutex);
	if (++came % 1000 == 0) pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static long resident(void) {
	long size, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (fscanf(f, "%ld %ld", &size, &pages) != 2) pages = 0;
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int argc, char **argv) {
	start(argc, argv);
	long first = 0, last = 0; /* the most in the first rounds, the least in the last ones: a collector comes and goes */
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < ROUND; i++) {
			int ret;
			switch (i % 4) {
			case 0: ret = TIMMsgGetMsgList("bob", kTIMConv_C2C, "{\"msg_getmsglist_param_count\":0}", count, NULL); break;
			case 1: ret = TIMMsgFindByMsgLocatorList("bob", kTIMConv_C2C, "[{\"message_locator_time\":1}]", count, NULL); break;
			case 2: ret = TIMMsgDownloadElemToPath("{}", "/nowhere/at/all", count, NULL); break;
			default: ret = TIMMsgSendNewMsg("nobody", kTIMConv_C2C, "{\"message_elem_array\":[]}", count, NULL);
			}
			if (ret != 0) {
				printf("refused: %d\n", ret);
				return 1;
			}
			if (i % 20000 == 19999) wait_for(&came, round * ROUND + i + 1, 60);
		}
		long now = resident();
		fprintf(stderr, "%d calls: %ld KiB\n", came, now);
		if (round < 3 && now > first) first = now;
		if (round >= 7 && (last == 0 || now < last)) last = now;
	}
	/* One small string lost in each call would be more than 20 MiB. */
	printf("%d answers, grown by less than 10 MiB: %s\n", came, last - first < 10240 ? "yes" : "no");
	return 0;
}
