/* Sends a file and a picture, and downloads them to another place. */
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

	/* There is no download type for a picture: its element carries the URL. */
	char bmp[4200];
	struct answer d = {0}, e = {0};
	snprintf(bmp, sizeof bmp, "%s/from.bmp", argv[1]);
	f = fopen(bmp, "w");
	fputs("BM as a picture", f);
	fclose(f);
	snprintf(msg, sizeof msg, "{\"message_elem_array\":[{\"elem_type\":1,\"image_elem_orig_path\":\"%s\",\"image_elem_level\":0}]}", bmp);
	finish("TIMMsgSendNewMsg of a picture", TIMMsgSendNewMsg("bob", kTIMConv_C2C, msg, answered, &d), &d);
	member(url, sizeof url, d.json, "image_elem_orig_url");
	snprintf(param, sizeof param, "{\"msg_download_elem_param_url\":\"%s\"}", url);
	snprintf(bmp, sizeof bmp, "%s/to.bmp", argv[1]);
	finish("TIMMsgDownloadElemToPath of a picture", TIMMsgDownloadElemToPath(param, bmp, answered, &e), &e);

	char got[64] = {0};
	if ((f = fopen(to, "r")) != NULL) {
		if (fgets(got, sizeof got, f) == NULL) got[0] = 0;
		fclose(f);
	}
	printf("the file is there: %s\n", strcmp(got, "what the file says") == 0 ? "yes" : "no");
	got[0] = 0;
	if ((f = fopen(bmp, "r")) != NULL) {
		if (fgets(got, sizeof got, f) == NULL) got[0] = 0;
		fclose(f);
	}
	printf("the picture is there: %s\n", strcmp(got, "BM as a picture") == 0 ? "yes" : "no");
	return 0;
}
