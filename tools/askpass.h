/* SPDX-License-Identifier: Apache-2.0 */
/*
 * askpass: asks for a passphrase with systemd-ask-password(1), which hands the question to whoever is there:
 * the console of a machine that starts, plymouth, systemd-tty-ask-password-agent(1).
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_ASKPASS_H
#define CUSTODY_TOOLS_ASKPASS_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/err.h"

/* Is this root, in a unit of systemd's (INVOCATION_ID)? Others can't ask, or have nobody to answer. */
bool askpass_is_here(void);
/* As pinentry_ask(). Waits for an answer as long as the program does, 90 seconds. */
long askpass_ask(const char *what, bool confirm, char *buf, size_t cap, struct err *e);

#endif
