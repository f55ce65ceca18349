/* What the test programs share: Tencent's headers as plain C takes them, and calls that wait for their answer. */
#ifndef SDK_H
#define SDK_H

#include "TIMCloudDef.h"
#ifndef __cplusplus /* C++ needs none of this */
typedef enum TIMConvType TIMConvType;
typedef enum TIMLoginStatus TIMLoginStatus;
typedef enum TIMReceiveMessageOpt TIMReceiveMessageOpt;
typedef enum TIMGroupMessageReadMembersFilter TIMGroupMessageReadMembersFilter;
#endif
#include "TIMCloud.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One answer. */
struct answer {
	int came; /* how many times */
	int32_t code;
	char *desc, *json;
	char *shown; /* of the progress of a download */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void answered(int32_t code, const char *desc, const char *json, const void *user_data) {
	struct answer *a = (struct answer *)user_data;
	if (code == 0 && strcmp(desc, "downloading") == 0) { /* not the end yet */
		return;
	}
	pthread_mutex_lock(&mutex);
	a->code = code;
	a->desc = strdup(desc);
	a->json = strdup(json);
	a->came++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

/* wait_for blocks until *n is at least want, at most for seconds, and tells whether it is. */
static int wait_for(int *n, int want, int seconds) {
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&mutex);
	while (*n < want && pthread_cond_timedwait(&changed, &mutex, &until) == 0) {
	}
	int ok = *n >= want;
	pthread_mutex_unlock(&mutex);
	return ok;
}

/* kind says what JSON is: a message, an array with so many elements, an object, or nothing. */
static const char *kind(const char *json) {
	static char text[64];
	if (json[0] == 0) {
		return "nothing";
	}
	if (json[0] == '[') {
		int depth = 0, n = json[1] != ']', quoted = 0;
		for (const char *c = json; *c; c++) {
			if (quoted) {
				if (*c == '\\') c++;
				else if (*c == '"') quoted = 0;
			} else if (*c == '"') quoted = 1;
			else if (*c == '[' || *c == '{') depth++;
			else if (*c == ']' || *c == '}') depth--;
			else if (*c == ',' && depth == 1) n++;
		}
		snprintf(text, sizeof text, "array of %d", n);
		return text;
	}
	return strstr(json, "\"message_elem_array\"") ? "message" : "object";
}

/* finish waits for the answer to a call that returned ret and prints both; seconds is how long. */
static void finish_within(const char *name, int ret, struct answer *a, int seconds) {
	if (ret != 0) {
		printf("%s: returns %d\n", name, ret);
	} else if (!wait_for(&a->came, 1, seconds)) {
		printf("%s: returns 0, no answer\n", name);
	} else {
		printf("%s: returns 0, answers %d \"%s\", %s\n", name, a->code, a->desc, kind(a->json));
	}
	fflush(stdout);
}

static void finish(const char *name, int ret, struct answer *a) { finish_within(name, ret, a, 20); }

/* settle waits until calls are answered as before TIMInit, or not any more: the real TIMInit and TIMUninit return before they
   are done. */
static void settle(int begun) {
	for (int tries = 0; tries < 2000; tries++) {
		struct answer *a = (struct answer *)calloc(1, sizeof *a);
		TIMMsgSendNewMsg("nobody", kTIMConv_C2C, "{\"message_elem_array\":[]}", answered, a);
		if (wait_for(&a->came, 1, 1) && (a->code != 6013) == begun) return;
		usleep(10000);
	}
	printf("TIMInit or TIMUninit: never done\n");
	exit(1);
}

/* init begins with a folder for the library's files. */
static void init(const char *folder) {
	char config[4096];
	snprintf(config, sizeof config, "{\"sdk_config_config_file_path\":\"%s\",\"sdk_config_log_file_path\":\"%s\"}", folder, folder);
	TIMSetConfig("{\"set_config_is_log_output_console\":false,\"set_config_log_level\":0}", NULL, NULL);
	int ret = TIMInit(1400000000, config);
	if (ret != 0) {
		printf("TIMInit: %d\n", ret);
		exit(1);
	}
	settle(1);
}

/* start begins with the folder in argv[1], and logs in when the environment says as whom. */
static void start(int argc, char **argv) {
	if (argc < 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		exit(2);
	}
	init(argv[1]);
	/* Others whom one can write to have been here before. */
	const char *users[] = {"bob", "carol", getenv("TEST_USER")};
	for (int i = 0; i < 3 && users[2] != NULL; i++) {
		struct answer a = {0};
		finish("TIMLogin", TIMLogin(users[i], "any", answered, &a), &a);
	}
}

#define TEXT(text) "{\"message_elem_array\":[{\"elem_type\":0,\"text_elem_content\":\"" text "\"}]}"

#endif
