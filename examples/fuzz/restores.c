/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzzer's inner loop: a machine is set up once, and each input starts from a snapshot of it.
 *
 *     cc restores.c -o restores -lrhea && ./restores [COUNT]
 *
 * The "firmware" parses a message of type, length and bytes at 0x8000; a length that nobody checked lets it run over its
 * buffer. What is printed: the inputs that found it, and how many inputs a second were run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rhea.h>

#define MESSAGE 0x8000u
#define CANARY 0x9010u

/* r0 = message; copies r2 = message[1] bytes to 0x9000 when message[0] is 'M', then stops by writing to the port. */
static const uint32_t firmware[] = {
	0xe3a00902, /* mov r0, #0x8000 */
	0xe5d01000, /* ldrb r1, [r0] */
	0xe351004d, /* cmp r1, #'M' */
	0x1a000007, /* bne done */
	0xe5d02001, /* ldrb r2, [r0, #1] */
	0xe2800002, /* add r0, r0, #2 */
	0xe3a03a09, /* mov r3, #0x9000 */
	0xe2522001, /* next: subs r2, r2, #1 */
	0x4a000002, /* bmi done */
	0xe4d04001, /* ldrb r4, [r0], #1 */
	0xe4c34001, /* strb r4, [r3], #1 */
	0xeafffffa, /* b next */
	0xe3a05201, /* done: mov r5, #0x10000000 */
	0xe5850000, /* str r0, [r5] */
	0xeafffffe, /* b . */
};

static bool port_write(void *opaque, uint32_t off, unsigned size, uint32_t value)
{
	(void)off, (void)size, (void)value;
	rhea_stop(opaque);
	return true;
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct rhea *set_up(struct rhea_error *err)
{
	static const struct rhea_mmio port = {.write = port_write};
	struct rhea_config cfg = {.machine = "none", .icount = true, .no_window = true};
	struct rhea *m = rhea_new(&cfg, err);
	if (m && !rhea_map_ram(m, 0, 1 << 20, err) && !rhea_map_mmio(m, 0x10000000, 4096, &port, m, err) &&
	    !rhea_write_phys(m, 0, firmware, sizeof firmware))
		return m;
	rhea_free(m);
	return NULL;
}

/* One input; true when the canary died. */
static bool run_one(struct rhea *m, const uint8_t *message, size_t n)
{
	struct rhea_event ev;
	uint32_t canary = 0;
	rhea_write_phys(m, MESSAGE, message, n);
	rhea_run(m, 10000, &ev);
	rhea_read_phys(m, CANARY, &canary, sizeof canary);
	return canary != 0;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 0) : 200000, found = 0;
	struct rhea_error err = {0};
	struct rhea *m = set_up(&err);
	struct rhea_snapshot *start = m ? rhea_snapshot_take(m, &err) : NULL;
	if (!start)
		return fprintf(stderr, "%s\n", err.msg), 1;
	double from = seconds();
	uint8_t message[32] = {0};
	for (unsigned long i = 0; i < count; i++) {
		message[0] = (uint8_t)('A' + i % 26);
		message[1] = (uint8_t)(i / 26 % 28);
		memset(message + 2, 'x', sizeof message - 2);
		found += run_one(m, message, sizeof message);
		if (rhea_snapshot_restore(m, start, &err))
			return fprintf(stderr, "%s\n", err.msg), 1;
	}
	double took = seconds() - from;
	printf("%lu inputs, %lu of them overran the buffer; %.0f inputs a second\n", count, found, (double)count / took);
	rhea_snapshot_free(m, start);
	rhea_free(m);
	return found == 0;
}
