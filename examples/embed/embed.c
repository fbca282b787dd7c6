/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A board inside a program: runs the hello image with librhea, prints what its serial port says and where the core stands.
 *
 *     cc embed.c -lrhea -o embed && ./embed ../hello/test.bin
 *
 * include/rhea.h is the only header there is, and says what each call does.
 */
#include <stdio.h>

#include <rhea.h>

/* Bytes that the guest sends through serial port 0; called from inside rhea_run. */
static void serial_output(void *opaque, const uint8_t *buf, size_t len)
{
	fwrite(buf, 1, len, opaque);
}

/* Everything that can fail fills one rhea_error, and RHEA_OK is 0: calls chain with ||. */
static int build_and_run(struct rhea *m, const char *image, struct rhea_error *err)
{
	struct rhea_event event;
	uint32_t pc;
	if (rhea_load_kernel(m, image, err) || rhea_serial_callback(m, 0, serial_output, stdout, err))
		return 1;
	/* A million instructions at most. 0 would run until the guest ends, or another thread calls rhea_stop. */
	rhea_run(m, 1000000, &event);
	rhea_read_reg(m, RHEA_REG_PC, &pc);
	printf("%llu instructions, %.3f ms of the guest's time, pc = 0x%08x\n", (unsigned long long)event.insns,
	       (double)rhea_virtual_ns(m) / 1e6, pc);
	return 0;
}

int main(int argc, char **argv)
{
	/* Fields that are left out are 0, and 0 is always the usual. `icount` makes time depend on the instructions
	 * executed and on nothing else, so that every run prints the same. */
	const struct rhea_config config = {.machine = "versatilepb", .icount = true, .icount_shift = 3};
	struct rhea_error err;
	if (argc != 2) {
		fprintf(stderr, "usage: %s IMAGE\n", argv[0]);
		return 2;
	}
	struct rhea *m = rhea_new(&config, &err);
	int status = m ? build_and_run(m, argv[1], &err) : 1;
	if (status)
		fprintf(stderr, "%s\n", err.msg);
	rhea_free(m); /* closes what the machine opened; NULL is fine */
	return status;
}
