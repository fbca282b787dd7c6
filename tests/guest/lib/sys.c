/* SPDX-License-Identifier: Apache-2.0 */
/* Console, exit, default exception handlers, and the few system calls that newlib asks for. */
#include <errno.h>
#include <sys/stat.h>

#include "guest.h"

int _write(int fd, const char *buf, int len);
int _read(int fd, char *buf, int len);
void *_sbrk(ptrdiff_t n);
int _close(int fd);
int _fstat(int fd, struct stat *st);
int _isatty(int fd);
int _lseek(int fd, int off, int whence);
int _getpid(void);
int _kill(int pid, int sig);
void _exit(int code) __attribute__((noreturn));
void _fini(void);

static void dump_and_exit(struct trap_frame *f)
{
	printf("unexpected exception %lu: lr %08lx spsr %08lx dfsr %lx far %08lx\n", (unsigned long)f->vector,
	       (unsigned long)f->lr, (unsigned long)f->spsr, (unsigned long)cp15_get_dfsr(), (unsigned long)cp15_get_far());
	guest_exit(99);
}

static void unexpected_irq(void)
{
	guest_puts("unexpected interrupt\n");
	guest_exit(98);
}

void (*guest_traps[8])(struct trap_frame *f) = {
	dump_and_exit, dump_and_exit, dump_and_exit, dump_and_exit, dump_and_exit, dump_and_exit, dump_and_exit, dump_and_exit,
};
void (*guest_irq_handler)(void) = unexpected_irq;
void (*guest_fiq_handler)(void) = unexpected_irq;

void guest_trap(struct trap_frame *f)
{
	guest_traps[f->vector](f);
}

void guest_putc(int c)
{
	while (MMIO32(UART0 + 0x18) & 0x20)
		;
	MMIO32(UART0) = (unsigned char)c;
}

void guest_puts(const char *s)
{
	while (*s)
		guest_putc(*s++);
}

/* SYS_EXIT_EXTENDED with ADP_Stopped_ApplicationExit. */
void guest_exit(int code)
{
	uint32_t arg[2] = { 0x20026, (uint32_t)code };

	for (;;)
		guest_semihost(0x20, arg);
}

uint32_t guest_fnv(const void *p, size_t n)
{
	const unsigned char *b = p;
	uint32_t h = 2166136261u;

	while (n--)
		h = (h ^ *b++) * 16777619u;
	return h;
}

/* newlib's exit() runs it after the destructors. */
void _fini(void)
{
}

void _exit(int code)
{
	guest_exit(code);
}

int _write(int fd, const char *buf, int len)
{
	(void)fd;
	for (int i = 0; i < len; i++)
		guest_putc(buf[i]);
	return len;
}

int _read(int fd, char *buf, int len)
{
	(void)fd, (void)buf, (void)len;
	return 0;
}

void *_sbrk(ptrdiff_t n)
{
	extern char heap_begin[], heap_finish[];
	static char *top;
	char *old = top ? top : heap_begin;

	if (n > heap_finish - old) {
		errno = ENOMEM;
		return (void *)-1;
	}
	top = old + n;
	return old;
}

int _close(int fd)
{
	(void)fd;
	return -1;
}

int _fstat(int fd, struct stat *st)
{
	(void)fd;
	st->st_mode = S_IFCHR;
	return 0;
}

int _isatty(int fd)
{
	(void)fd;
	return 1;
}

int _lseek(int fd, int off, int whence)
{
	(void)fd, (void)off, (void)whence;
	return 0;
}

int _getpid(void)
{
	return 1;
}

int _kill(int pid, int sig)
{
	(void)pid, (void)sig;
	guest_exit(97);
}
