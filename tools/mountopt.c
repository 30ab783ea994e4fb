// SPDX-License-Identifier: Apache-2.0
#include "tools/mountopt.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What mount(8), fstab and systemd add, and what a read-only mount of ours is anyway. */
static bool ignored(const char *o)
{
	static const char *const words[] = {
		"ro",	      "rw",	    "auto",	   "noauto",	    "user",
		"nouser",     "users",	    "nofail",	   "_netdev",	    "owner",
		"group",      "dev",	    "nodev",	   "suid",	    "nosuid",
		"exec",	      "noexec",	    "defaults",	   "async",	    "sync",
		"dirsync",    "atime",	    "noatime",	   "diratime",	    "nodiratime",
		"relatime",   "norelatime", "strictatime", "nostrictatime", "lazytime",
		"nolazytime", "symfollow",  "nosymfollow", "silent",	    "loud",
		"iversion",   "noiversion", "mand",	   "nomand"};

	/* user=NAME is how mount(8) passes on who was allowed to by "user" */
	if (!strncmp(o, "x-", 2) || !strncmp(o, "X-", 2) || !strncmp(o, "comment=", 8) ||
	    !strncmp(o, "user=", 5))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!strcmp(o, words[i]))
			return true;
	}
	return false;
}

static int number(const char *s, unsigned *out, struct err *e)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || *end || v > UINT_MAX - 1)
		return err_set(e, ERR_USAGE, "%s: not a number", s);
	*out = (unsigned)v;
	return 0;
}

int mountopt_idle(const char *s, unsigned *seconds, struct err *e)
{
	unsigned n = 0;

	if (number(s, &n, NULL) < 0 || n == 0 || n > MOUNTOPT_IDLE_MAX)
		return err_set(e, ERR_USAGE, "%s: after how many seconds of idleness? 1 to %u", s,
			       MOUNTOPT_IDLE_MAX);
	*seconds = n;
	return 0;
}

static int one(struct mountopt *o, const char *word, struct err *e)
{
	if (!*word || ignored(word))
		return 0;
	if (!strcmp(word, "allow_other"))
		o->allow_other = true;
	else if (!strcmp(word, "noviews"))
		o->noviews = true;
	else if (!strcmp(word, "foreground"))
		o->foreground = true;
	else if (!strcmp(word, "debug"))
		o->debug = o->foreground = true;
	else if (!strcmp(word, "remount"))
		return err_set(
			e, ERR_USAGE,
			"-o remount: a mount can't be changed; unmount it, and mount it anew");
	else if (!strncmp(word, "node=", 5))
		o->node = word + 5;
	else if (!strncmp(word, "passphrase-file=", 16))
		o->pass_file = word + 16;
	else if (!strncmp(word, "uid=", 4))
		return number(word + 4, &o->uid, e);
	else if (!strncmp(word, "gid=", 4))
		return number(word + 4, &o->gid, e);
	else if (!strncmp(word, "idle=", 5))
		return mountopt_idle(word + 5, &o->idle, e);
	else
		return err_set(e, ERR_USAGE, "-o %s: unknown mount option", word);
	return 0;
}

int mountopt_parse(struct mountopt *o, char *list, struct err *e)
{
	char *save = NULL, *word;
	int rc = 0;

	for (word = strtok_r(list, ",", &save); word && rc == 0; word = strtok_r(NULL, ",", &save))
		rc = one(o, word, e);
	return rc;
}
