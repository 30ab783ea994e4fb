// SPDX-License-Identifier: Apache-2.0
#include "tools/askpass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "tools/dialogue.h"

bool askpass_is_here(void)
{
	return geteuid() == 0 && getenv("INVOCATION_ID");
}

static long once(const char *what, const char *twice, char *buf, size_t cap, struct err *e)
{
	char text[512], id[512];
	char *const argv[] = {"systemd-ask-password", "--no-tty", id, "--", text, NULL};
	struct dialogue d;
	bool fine;
	long n;
	int rc;

	snprintf(id, sizeof(id), "--id=custodyfs:%s", what);
	snprintf(text, sizeof(text), "Passphrase for %s%s:", what, twice);
	rc = dialogue_open(&d, argv);
	if (rc == ERR_NOTFOUND)
		return rc;
	if (rc < 0)
		return err_set(e, ERR_PASSPHRASE, "systemd-ask-password can't be started");
	n = dialogue_hear(&d, buf, cap);
	fine = dialogue_close(&d);
	if (fine && n > 0)
		return n;
	secret_wipe(buf, cap);
	return err_set(e, ERR_PASSPHRASE,
		       "systemd-ask-password gave no passphrase: nobody answered, or with none");
}

long askpass_ask(const char *what, bool confirm, char *buf, size_t cap, struct err *e)
{
	char second[1024];
	long n = once(what, "", buf, cap, e), m;

	if (n <= 0 || !confirm)
		return n;
	m = once(what, " (again)", second, sizeof(second), e);
	if (m > 0 && (m != n || memcmp(buf, second, (size_t)n) != 0))
		m = err_set(e, ERR_PASSPHRASE, "the two passphrases differ");
	secret_wipe(second, sizeof(second));
	if (m <= 0)
		secret_wipe(buf, cap);
	return m;
}
