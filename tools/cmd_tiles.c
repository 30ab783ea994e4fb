// SPDX-License-Identifier: Apache-2.0
#include "tools/cmd_tiles.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/tiles.h"
#include "index/file.h"
#include "tools/ui_json.h"

static void print(const struct ui *ui, const struct roster_node *n, const char *dir,
		  const struct tiles_sum *sum)
{
	struct ui_json j = {0};

	if (ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_id(&j, "node", n->pub.id);
		ui_json_text(&j, "name", n->name);
		ui_json_bytes(&j, "directory", dir, strlen(dir));
		ui_json_number(&j, "size", sum->size);
		ui_json_number(&j, "before", sum->before);
		ui_json_number(&j, "files", sum->files);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	} else if (!ui->quiet) {
		ui_put_name(dir, strlen(dir));
		printf(": %" PRIu64 " event%s, %" PRIu64 " new, %" PRIu64 " file%s written\n",
		       sum->size, ui_s(sum->size), sum->size - sum->before, sum->files,
		       ui_s(sum->files));
	}
}

static int publish(const struct ui *ui, const struct archive *a, const struct roster_node *n,
		   int top, const char *top_name, struct err *e)
{
	char hex[33], name[PATH_MAX];
	struct tiles_sum sum;
	int dir, rc;

	text_hex(hex, n->pub.id, 16);
	snprintf(name, sizeof(name), "%s/%s", top_name, hex);
	rc = file_mkdir(top, hex, 0755, e);
	dir = rc ? rc : file_opendir(top, hex, e);
	if (dir < 0)
		return err_prefix(e, dir, "%s", top_name);
	rc = tiles_write(dir, name, a, n, &sum, e);
	close(dir);
	if (rc == 0)
		print(ui, n, name, &sum);
	/* A node that never wrote has nothing to publish. */
	if (rc == ERR_NOTFOUND) {
		unlinkat(top, hex, AT_REMOVEDIR);
		ui_say(ui, "%s has no checkpoint", n->name);
		rc = 0;
	}
	return rc;
}

int cmd_tiles(struct ui *ui, const struct cmd_view *v, const struct roster_node *only,
	      const char *dir, int *code, struct err *e)
{
	int top, rc = 0;

	*code = 0;
	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return err_sys(e, "can't make %s", dir);
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return err_sys(e, "can't open %s", dir);
	for (size_t i = 0; rc == 0 && i < roster_count(v->roster); i++) {
		const struct roster_node *n = roster_at(v->roster, i);
		struct err why = {0};
		int one;

		if (only && only != n)
			continue;
		one = publish(ui, v->archive, n, top, dir, &why);
		if (one == ERR_NOMEM)
			rc = err_set(e, one, "%s", why.text);
		else if (one < 0)
			one = ui_fail(ui, one, &why);
		*code = *code ? *code : one > 0 ? one : 0;
	}
	close(top);
	return rc;
}
