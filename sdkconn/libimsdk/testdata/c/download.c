/* Sends a file, and downloads it to another place. */
#include "sdk.h"

/* member copies the string of a key out of JSON, as far as one can without a parser. */
static void member(char *to, size_t size, const char *json, const char *key) {
	char quoted[128];
	snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
	const char *from = json ? strstr(json, quoted) : NULL;
	to[0] = 0;
	if (from) {
		from += strlen(quoted);
		snprintf(to, size, "%.*s", (int)strcspn(from, "\""), from);
	}
}

int main(int argc, char **argv) {
	start(argc, argv);
	char from[4096], to[4200], msg[9000], id[256], url[256], param[1024];
	snprintf(from, sizeof from, "%s/from.txt", argv[1]);
	snprintf(to, sizeof to, "%s/to.txt", argv[1]);
	FILE *f = fopen(from, "w");
	fputs("what the file says", f);
	fclose(f);

	struct answer a = {0}, b = {0}, c = {0};
	snprintf(msg, sizeof msg, "{\"message_elem_array\":[{\"elem_type\":4,\"file_elem_file_path\":\"%s\",\"file_elem_file_name\":\"from.txt\"}]}", from);
	finish("TIMMsgSendNewMsg", TIMMsgSendNewMsg("bob", kTIMConv_C2C, msg, answered, &a), &a);
	member(id, sizeof id, a.json, "file_elem_file_id");
	member(url, sizeof url, a.json, "file_elem_url");
	snprintf(param, sizeof param, "{\"msg_download_elem_param_type\":1,\"msg_download_elem_param_id\":\"%s\","
		"\"msg_download_elem_param_business_id\":0,\"msg_download_elem_param_url\":\"%s\"}", id, url);
	finish("TIMMsgDownloadElemToPath", TIMMsgDownloadElemToPath(param, to, answered, &b), &b);
	finish("TIMMsgDownloadElemToPath of nothing", TIMMsgDownloadElemToPath("{}", to, answered, &c), &c);

	char got[64] = {0};
	if ((f = fopen(to, "r")) != NULL) {
		if (fgets(got, sizeof got, f) == NULL) got[0] = 0;
		fclose(f);
	}
	printf("the file is there: %s\n", strcmp(got, "what the file says") == 0 ? "yes" : "no");
	return 0;
}
