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
/* Initial-exec: in a shared library a thread's first look at it must not allocate, inside a signal handler. */
static _Thread_local const struct trap *volatile trap_current __attribute__((tls_model("initial-exec")));

/* Not ours: as if we were not there (but for SA_RESETHAND). What an instruction did happens again when the handler returns;
 * what somebody sent has to be sent again. */
static void forward(int sig, siginfo_t *info, void *context)
{
	bool sent = info->si_code <= 0;
	if (trap_previous.sa_flags & SA_SIGINFO) {
		trap_previous.sa_sigaction(sig, info, context);
	} else if (trap_previous.sa_handler == SIG_DFL || (trap_previous.sa_handler == SIG_IGN && !sent)) {
		sigaction(sig, &(struct sigaction){.sa_handler = SIG_DFL}, NULL); /* ends the process */
		if (sent)
			raise(sig);
	} else if (trap_previous.sa_handler != SIG_IGN) {
		trap_previous.sa_handler(sig);
	}
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

/* Looks each time: a client may have installed its own meanwhile. Its handler runs inside ours, so ours blocks the same. */
static bool install(void)
{
	struct sigaction now, ours = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	if (sigaction(SIGSEGV, NULL, &now))
		return false;
	if (is_ours(&now))
		return true;
	trap_previous = now;
	ours.sa_flags |= now.sa_flags & SA_NODEFER;
	ours.sa_mask = now.sa_mask;
	return sigaction(SIGSEGV, &ours, NULL) == 0;
}

/* The thread may have it blocked, as workers often do: a trap would then end the process. */
static void unblock(struct trap *t)
{
	sigset_t segv, old;
	sigemptyset(&segv);
	sigaddset(&segv, SIGSEGV);
	t->was_blocked = pthread_sigmask(SIG_UNBLOCK, &segv, &old) == 0 && sigismember(&old, SIGSEGV) == 1;
}

static void block_again(const struct trap *t)
{
	sigset_t segv;
	sigemptyset(&segv);
	sigaddset(&segv, SIGSEGV);
	if (t->was_blocked)
		pthread_sigmask(SIG_BLOCK, &segv, NULL);
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
		unblock(t);
	}
	return ok;
}

void trap_end(struct trap *t)
{
	struct sigaction now;
	trap_current = t->outer;
	block_again(t);
	pthread_mutex_lock(&trap_lock);
	if (--trap_users == 0 && sigaction(SIGSEGV, NULL, &now) == 0 && is_ours(&now))
		sigaction(SIGSEGV, &trap_previous, NULL);
	pthread_mutex_unlock(&trap_lock);
}
