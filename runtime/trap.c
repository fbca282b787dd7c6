/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's SIGSEGV handler (trap.h). The handler belongs to the process and its question "is this mine?" to the
 * thread, so this file has the library's only mutable file-scope data: the handler that was there before, how many
 * vCPUs run, and each thread's current trap. Machines share nothing else through them.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "runtime/trap.h"

static pthread_mutex_t trap_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction trap_previous;
static unsigned trap_users;
static _Thread_local const struct trap *volatile trap_current;

/* Not ours: as if we were not there. */
static void forward(int sig, siginfo_t *info, void *context)
{
	if (trap_previous.sa_flags & SA_SIGINFO)
		trap_previous.sa_sigaction(sig, info, context);
	else if (trap_previous.sa_handler == SIG_DFL || trap_previous.sa_handler == SIG_IGN)
		sigaction(sig, &(struct sigaction){.sa_handler = SIG_DFL}, NULL); /* happens again, and ends the process */
	else
		trap_previous.sa_handler(sig);
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	const struct trap *t = trap_current;
	uint64_t pc = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
	uint64_t to = t && info->si_code > 0 && pc - t->code < t->size ? t->redirect(t->opaque, pc) : 0;
	if (to)
		uc->uc_mcontext.gregs[REG_RIP] = (greg_t)to;
	else
		forward(sig, info, context);
}

static bool is_ours(const struct sigaction *sa)
{
	return (sa->sa_flags & SA_SIGINFO) && sa->sa_sigaction == on_trap;
}

/* Looks each time: a client may have installed its own meanwhile. */
static bool install(void)
{
	struct sigaction now, ours = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	if (sigaction(SIGSEGV, NULL, &now))
		return false;
	if (is_ours(&now))
		return true;
	trap_previous = now;
	sigemptyset(&ours.sa_mask);
	return sigaction(SIGSEGV, &ours, NULL) == 0;
}

bool trap_begin(struct trap *t)
{
	pthread_mutex_lock(&trap_lock);
	bool ok = install();
	trap_users += ok;
	pthread_mutex_unlock(&trap_lock);
	if (ok) {
		t->outer = trap_current;
		trap_current = t;
	}
	return ok;
}

void trap_end(struct trap *t)
{
	struct sigaction now;
	trap_current = t->outer;
	pthread_mutex_lock(&trap_lock);
	if (--trap_users == 0 && sigaction(SIGSEGV, NULL, &now) == 0 && is_ours(&now))
		sigaction(SIGSEGV, &trap_previous, NULL);
	pthread_mutex_unlock(&trap_lock);
}
