// SPDX-License-Identifier: Apache-2.0
#include "tools/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/text.h"

void exposition_family(const char *name, const char *help)
{
	printf("# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* Backslash, quote and line feed are escaped; other control characters would be no harm, but nobody wants
 * them in a terminal. */
static void put_value(const char *s)
{
	size_t left = strlen(s), n;

	for (; left > 0; s += n, left -= n) {
		n = text_utf8(s, left);
		if (*s == '\n')
			fputs("\\n", stdout);
		else if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if (n == 0 || (unsigned char)*s < 0x20 || *s == 0x7f)
			fputs("\xef\xbf\xbd", stdout);
		else
			fwrite(s, 1, n, stdout);
		n = n ? n : 1;
	}
}

void exposition_sample(const char *name)
{
	fputs(name, stdout);
}

void exposition_labels(const char *name, const char *const pairs[])
{
	exposition_sample(name);
	for (size_t i = 0; pairs[i]; i += 2) {
		printf("%s%s=\"", i ? "," : "{", pairs[i]);
		put_value(pairs[i + 1]);
		putchar('"');
	}
	putchar('}');
}

void exposition_number(uint64_t value)
{
	printf(" %" PRIu64 "\n", value);
}

void exposition_time(int64_t ms)
{
	printf(" %" PRId64 ".%03" PRId64 "\n", ms / 1000, ms % 1000);
}

void exposition_gauge(const char *name, const char *help, uint64_t value)
{
	exposition_family(name, help);
	exposition_sample(name);
	exposition_number(value);
}
