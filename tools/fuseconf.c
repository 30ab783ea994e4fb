// SPDX-License-Identifier: Apache-2.0
#include "tools/fuseconf.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLANK " \t\r\n"

/* A line of it: spaces around it and what follows a # don't count. */
static bool is_allowed(FILE *fp)
{
	char line[512], *word;
	bool found = false;

	while (!found && fgets(line, sizeof(line), fp)) {
		line[strcspn(line, "#")] = '\0';
		word = line + strspn(line, BLANK);
		found = !strncmp(word, "user_allow_other", 16) &&
			word[16 + strspn(word + 16, BLANK)] == '\0';
	}
	return found;
}

int fuseconf_allow_other(const char *file, struct err *e)
{
	bool allowed = false;
	FILE *fp;

	if (geteuid() == 0)
		return 0;
	fp = fopen(file, "re");
	if (fp) {
		allowed = is_allowed(fp);
		fclose(fp);
	}
	return allowed ?
		       0 :
		       err_set(e, ERR_USAGE,
			       "-o allow_other: %s does not let users do that; root can, by a line "
			       "user_allow_other there, or mount without allow_other",
			       file);
}
