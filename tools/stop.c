// SPDX-License-Identifier: Apache-2.0
#include "tools/stop.h"

#include <signal.h>
#include <stddef.h>

/* The one mutable global: a signal handler has no other way to tell. */
static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

void stop_catch(void)
{
	const struct sigaction stop = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
}

bool stop_asked(void)
{
	return stopped;
}
