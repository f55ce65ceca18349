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
	long first = 0;
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
		fprintf(stderr, "%d calls: %ld KiB\n", came, resident());
		if (round == 2) first = resident();
	}
	long more = resident() - first;
	printf("%d answers, grown by less than 8 MiB: %s\n", came, more < 8192 ? "yes" : "no");
	return 0;
}
