// SPDX-License-Identifier: Apache-2.0
/* An archive as somebody sees it who may have a node there, or none. */
#include "tools/cmd.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

/* Does the default node belong to this archive? One that --node names must work or fail aloud. */
static bool has_node(const struct ui *ui, const struct archive *a)
{
	char dir[PATH_MAX], path[PATH_MAX + 80], hex[33];
	struct stat st;

	if (ui->node)
		return true;
	if (node_default_dir(dir, sizeof(dir), NULL, NULL) < 0)
		return false;
	text_hex(hex, a->desc.id, 16);
	snprintf(path, sizeof(path), "%s/archives/%s/state.seal", dir, hex);
	return stat(path, &st) == 0;
}

static int with_node(struct cmd_view *v, struct ui *ui, const char *archive, unsigned flags,
		     struct err *e)
{
	int rc;

	archive_close(v->archive);
	v->archive = NULL;
	v->owned = false;
	rc = cmd_open(&v->station, ui, archive, flags, e);
	if (rc < 0)
		return rc;
	v->archive = v->station->archive;
	v->roster = v->station->roster;
	return 0;
}

int cmd_view_open(struct cmd_view *v, struct ui *ui, const char *archive, bool no_node,
		  unsigned flags, struct err *e)
{
	int rc;

	*v = (struct cmd_view){.owned = true};
	rc = archive_open(&v->archive, archive, e);
	if (rc < 0)
		return rc;
	if (!no_node && has_node(ui, v->archive))
		return with_node(v, ui, archive, flags, e);
	return roster_load(&v->roster, v->archive, NULL, e);
}

int cmd_view_close(struct cmd_view *v, int rc, struct err *e)
{
	if (v->owned) {
		roster_free(v->roster);
		archive_close(v->archive);
	}
	return cmd_close(v->station, rc, e);
}
