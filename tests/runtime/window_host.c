/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the window asks of the host process: the SIGSEGV handler beside a client's own, threads, machines inside callbacks,
 * limits on address space. A failure means that embedding rhea breaks the program around it. What must end a process is
 * tried in a child.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x1000u
#define HOOK 0x20000000u
#define ROUNDS 50u

/* A guest that traps: device and memory in turn; a write of the round to HOOK calls `hook`. */
struct program {
	struct guest g;
	void (*hook)(struct program *p, uint32_t round);
	void *page;       /* no access */
	unsigned calls, seen;
	struct program *inner;
};

static bool hook_read(void *opaque, uint32_t off, unsigned size, uint32_t *value)
{
	(void)opaque, (void)off, (void)size;
	*value = 0;
	return true;
}

static bool hook_write(void *opaque, uint32_t off, unsigned size, uint32_t value)
{
	struct program *p = opaque;
	(void)off, (void)size;
	p->calls++;
	if (p->hook)
		p->hook(p, value);
	return true;
}

static const struct rhea_mmio hook_ops = {hook_read, hook_write};

static void program_init(struct program *p, const struct rhea_config *cfg)
{
	struct guest *g = &p->g;
	memset(p, 0, sizeof *p);
	guest_init(g, cfg);
	assert_int_equal(rhea_map_mmio(g->m, HOOK, 0x1000, &hook_ops, p, NULL), RHEA_OK);
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
	guest_li(g, 8, GUEST_IO);
	guest_li(g, 9, 0x200000);
	guest_li(g, 10, HOOK);
	guest_li(g, 0, ROUNDS);
	uint32_t loop = g->at;
	guest_put(g, a_str(0, 8, IO_LOG));
	guest_put(g, a_ldr(1, 9, 0));
	guest_put(g, a_add(1, 1, 1));
	guest_put(g, a_str(1, 9, 0));
	guest_put(g, a_str(0, 10, 0));
	guest_put(g, a_subs(0, 0, 1));
	guest_put(g, a_bcond(NE, g->at, loop));
	guest_stop(g);
}

static void program_check(struct program *p)
{
	assert_int_equal(p->calls, ROUNDS);
	assert_int_equal(p->g.n_log, ROUNDS);
	assert_int_equal(guest_word(&p->g, 0x200000), ROUNDS);
}

static void program_run(struct program *p)
{
	guest_run(&p->g, 100000);
	program_check(p);
}

static bool uses_window(const struct program *p)
{
	return p->g.m->vcpu->window;
}

/* ---- the client's handler -------------------------------------------------------------------------------- */

static volatile sig_atomic_t client_calls;
static void *volatile client_page;
static sigjmp_buf client_out;

static void client_info(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	client_calls++;
	if (info->si_addr != client_page || mprotect(client_page, PAGE_SIZE, PROT_READ | PROT_WRITE))
		_exit(99);
}

static void client_plain(int sig)
{
	(void)sig;
	client_calls++;
	mprotect(client_page, PAGE_SIZE, PROT_READ | PROT_WRITE);
}

static void client_jumps(int sig)
{
	(void)sig;
	client_calls++;
	siglongjmp(client_out, 1);
}

static void touch(struct program *p, uint32_t round)
{
	if (round % 10 == 0) {
		mprotect(p->page, PAGE_SIZE, PROT_NONE);
		*(volatile uint8_t *)p->page = 1;
	}
}

static void touch_and_jump(struct program *p, uint32_t round)
{
	(void)round;
	if (sigsetjmp(client_out, 1) == 0)
		*(volatile uint8_t *)p->page = 1;
}

/* Without the mask: a handler that is not blocked meanwhile may leave this way. */
static void touch_and_jump_plainly(struct program *p, uint32_t round)
{
	(void)round;
	if (sigsetjmp(client_out, 0) == 0)
		*(volatile uint8_t *)p->page = 1;
}

static void with_client(struct sigaction sa, void (*hook)(struct program *p, uint32_t round), int calls)
{
	struct program p;
	struct sigaction before, now;
	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaction(SIGSEGV, &sa, &before);
	program_init(&p, &(struct rhea_config){.compile_at_once = true});
	assert_true(uses_window(&p));
	p.hook = hook;
	client_page = p.page = mmap(NULL, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	client_calls = 0;
	program_run(&p);
	assert_true(p.g.m->vcpu->stats.window_traps > 0);
	assert_int_equal(client_calls, calls);
	sigaction(SIGSEGV, &before, &now); /* it is back as it was */
	assert_ptr_equal(now.sa_handler, sa.sa_handler);
	assert_int_equal(now.sa_flags & ~0x04000000, sa.sa_flags); /* SA_RESTORER */
	assert_true(sigismember(&now.sa_mask, SIGUSR2) == 1 && sigismember(&now.sa_mask, SIGUSR1) == 0);
	munmap(p.page, PAGE_SIZE);
	guest_free(&p.g);
}

static void a_client_s_handler_sees_its_own(void **state)
{
	(void)state;
	with_client((struct sigaction){.sa_sigaction = client_info, .sa_flags = SA_SIGINFO}, NULL, 0);
	with_client((struct sigaction){.sa_sigaction = client_info, .sa_flags = SA_SIGINFO | SA_RESTART}, touch, ROUNDS / 10);
	with_client((struct sigaction){.sa_handler = client_plain}, touch, ROUNDS / 10);
	with_client((struct sigaction){.sa_handler = client_jumps}, touch_and_jump, ROUNDS);
	with_client((struct sigaction){.sa_handler = client_jumps, .sa_flags = SA_NODEFER}, touch_and_jump_plainly, ROUNDS);
}

/* A handler that the client installs while the guest runs, and hands on what it does not know. */
static struct sigaction replaced;

static void client_chains(int sig, siginfo_t *info, void *context)
{
	client_calls++;
	if (replaced.sa_flags & SA_SIGINFO)
		replaced.sa_sigaction(sig, info, context);
	else
		_exit(98);
}

static void install_once(struct program *p, uint32_t round)
{
	if (round == ROUNDS) {
		sigaction(SIGSEGV, &(struct sigaction){.sa_sigaction = client_chains, .sa_flags = SA_SIGINFO}, &replaced);
		p->seen = (unsigned)p->g.m->vcpu->stats.window_traps;
	}
}

static void a_handler_installed_meanwhile_stays(void **state)
{
	(void)state;
	struct program p;
	struct sigaction before, now;
	sigaction(SIGSEGV, NULL, &before);
	program_init(&p, &(struct rhea_config){.compile_at_once = true});
	p.hook = install_once;
	client_calls = 0;
	program_run(&p);
	assert_int_equal(client_calls, p.g.m->vcpu->stats.window_traps - p.seen);
	assert_true(client_calls > 0);
	sigaction(SIGSEGV, &before, &now);
	assert_ptr_equal(now.sa_sigaction, client_chains);
	guest_free(&p.g);
}

/* ---- in a child -------------------------------------------------------------------------------------------- */

/* What becomes of a child that runs the program with `hook`, `act` being its disposition of SIGSEGV. */
static int child(void (*hook)(struct program *p, uint32_t round), void (*act)(int), rlim_t space, bool no_window)
{
	pid_t pid = fork();
	if (pid == 0) {
		static struct program p;
		struct rlimit limit, core = {0};
		setrlimit(RLIMIT_CORE, &core);
		signal(SIGSEGV, act);
		getrlimit(RLIMIT_AS, &limit);
		limit.rlim_cur = space ? space : limit.rlim_cur;
		setrlimit(RLIMIT_AS, &limit);
		program_init(&p, &(struct rhea_config){.compile_at_once = true, .no_window = no_window});
		p.hook = hook;
		guest_run(&p.g, 100000);
		_exit(uses_window(&p) ? 11 : 10);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void crash(struct program *p, uint32_t round)
{
	p->page = mmap(NULL, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (round == 3)
		*(volatile uint8_t *)p->page = 1;
}

static void be_killed(struct program *p, uint32_t round)
{
	(void)p;
	if (round == 3)
		kill(getpid(), SIGSEGV);
}

/* 11 and 10: it lived, with the window and without. */
static void the_process_dies_when_it_should(void **state)
{
	(void)state;
	for (unsigned no_window = 0; no_window < 2; no_window++) {
		int lives = W_EXITCODE(no_window ? 10 : 11, 0);
		assert_int_equal(child(NULL, SIG_DFL, 0, no_window), lives);
		assert_int_equal(child(crash, SIG_DFL, 0, no_window), SIGSEGV);
		assert_int_equal(child(crash, SIG_IGN, 0, no_window), SIGSEGV);
		assert_int_equal(child(be_killed, SIG_DFL, 0, no_window), SIGSEGV);
		assert_int_equal(child(be_killed, SIG_IGN, 0, no_window), lives);
	}
}

static void little_address_space_is_enough(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* they need terabytes themselves */
#endif
	assert_int_equal(child(NULL, SIG_DFL, UINT64_C(3) << 30, false), W_EXITCODE(10, 0));
}

/* ---- no_window ------------------------------------------------------------------------------------------- */

static void look_at_handler(struct program *p, uint32_t round)
{
	struct sigaction now;
	(void)round;
	sigaction(SIGSEGV, NULL, &now);
	p->seen += now.sa_handler != client_plain;
}

static void without_a_window_no_handler(void **state)
{
	(void)state;
	for (unsigned no_window = 0; no_window < 2; no_window++) {
		struct program p;
		struct sigaction sa = {.sa_handler = client_plain}, before;
		sigaction(SIGSEGV, &sa, &before);
		program_init(&p, &(struct rhea_config){.no_window = no_window});
		p.hook = look_at_handler;
		program_run(&p);
		sigaction(SIGSEGV, &before, NULL);
		assert_int_equal(p.seen, no_window ? 0 : ROUNDS);
		guest_free(&p.g);
	}
}

/* ---- threads and machines inside machines ------------------------------------------------------------------ */

static void run_inner(struct program *p, uint32_t round)
{
	struct program *in = p->inner;
	if (round % 10)
		return;
	guest_set_pc(&in->g, CODE);
	in->calls = in->g.n_log = 0;
	guest_set_word(&in->g, 0x200000, 0);
	program_run(in);
}

static void a_machine_inside_a_callback(void **state)
{
	(void)state;
	for (unsigned ways = 0; ways < 4; ways++) { /* either may be without a window */
		struct program outer, inner;
		program_init(&outer, &(struct rhea_config){.compile_at_once = true, .no_window = ways & 1});
		program_init(&inner, &(struct rhea_config){.compile_at_once = true, .no_window = ways & 2});
		outer.hook = run_inner;
		outer.inner = &inner;
		program_run(&outer);
		guest_free(&inner.g);
		guest_free(&outer.g);
	}
}

/* Workers often have all signals blocked, which would make a trap deadly. The mask is theirs again afterwards. */
static void *work(void *arg)
{
	struct program *p = arg;
	sigset_t all, now;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (unsigned i = 0; i < 20; i++) {
		guest_set_pc(&p->g, CODE);
		p->calls = p->g.n_log = 0;
		guest_set_word(&p->g, 0x200000, 0);
		vcpu_flush_code(p->g.m->vcpu); /* so that it traps each time */
		program_run(p);
		pthread_sigmask(SIG_BLOCK, NULL, &now);
		p->seen += sigismember(&now, SIGSEGV) == 1;
	}
	return NULL;
}

static void threads_with_all_signals_blocked(void **state)
{
	(void)state;
	struct program p[3];
	pthread_t t[3];
	struct sigaction before, after;
	sigaction(SIGSEGV, NULL, &before);
	for (unsigned i = 0; i < 3; i++) {
		program_init(&p[i], &(struct rhea_config){.compile_at_once = true});
		assert_int_equal(pthread_create(&t[i], NULL, work, &p[i]), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(p[i].seen, 20);
		assert_true(p[i].g.m->vcpu->stats.window_traps >= 40);
		guest_free(&p[i].g);
	}
	sigaction(SIGSEGV, NULL, &after);
	assert_ptr_equal(after.sa_sigaction, before.sa_sigaction);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_s_handler_sees_its_own), cmocka_unit_test(a_handler_installed_meanwhile_stays),
		cmocka_unit_test(the_process_dies_when_it_should), cmocka_unit_test(little_address_space_is_enough),
		cmocka_unit_test(without_a_window_no_handler), cmocka_unit_test(a_machine_inside_a_callback),
		cmocka_unit_test(threads_with_all_signals_blocked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
