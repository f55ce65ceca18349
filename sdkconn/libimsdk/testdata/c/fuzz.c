/* Calls the ten with each line of a file. */
#include "sdk.h"

static int came;

static void count(int32_t code, const char *desc, const char *json, const void *user_data) {
	(void)code, (void)user_data;
	if (!desc || !json || strlen(desc) > (1 << 20)) abort();
	pthread_mutex_lock(&mutex);
	came += !(code == 0 && strcmp(desc, "downloading") == 0);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

int main(int argc, char **argv) {
	start(argc, argv);
	FILE *f = fopen(argv[2], "r");
	char *line = NULL, path[4096];
	size_t size = 0;
	int lines = 0, accepted = 0;
	snprintf(path, sizeof path, "%s/download", argv[1]);
	for (ssize_t n; (n = getline(&line, &size, f)) > 0; lines++) {
		if (line[n - 1] == '\n') line[n - 1] = 0;
		for (int type = 1; type <= 2; type++) {
			const char *conv = type == 1 ? "bob" : "group";
			enum TIMConvType t = (enum TIMConvType)type;
			accepted += TIMMsgSendNewMsg(conv, t, line, count, NULL) == 0;
			accepted += TIMMsgReportReaded(conv, t, line, count, NULL) == 0;
			accepted += TIMMsgRevoke(conv, t, line, count, NULL) == 0;
			accepted += TIMMsgFindByMsgLocatorList(conv, t, line, count, NULL) == 0;
			accepted += TIMMsgImportMsgList(conv, t, line, count, NULL) == 0;
			accepted += TIMMsgSaveMsg(conv, t, line, count, NULL) == 0;
			accepted += TIMMsgGetMsgList(conv, t, line, count, NULL) == 0;
			accepted += TIMMsgDelete(conv, t, line, count, NULL) == 0;
			accepted += TIMMsgDownloadElemToPath(line, path, count, NULL) == 0;
			accepted += TIMMsgBatchSend(line, count, NULL) == 0;
		}
	}
	fprintf(stderr, "%d lines, %d calls accepted\n", lines, accepted);
	printf("every accepted call was answered: %s\n", lines > 0 && wait_for(&came, accepted, 60) ? "yes" : "no");
	printf("TIMUninit: %d\n", TIMUninit());
	return 0;
}
