/* SPDX-License-Identifier: Apache-2.0 */
/* guest-flags: --specs=rdimon.specs -Wl,-Ttext-segment=0x10000 */
/* An ordinary C program as newlib's rdimon start-up runs it: arguments, files and console by semihosting. Failure:
 * that start-up (stack and heap from SYS_HEAPINFO, command line) or stdio on semihosting handles. Exit status 42. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	char line[64] = "";
	FILE *f = fopen("rdimon.tmp", "w");
	unsigned long sum = 0;

	for (int i = 1; i < argc; i++)
		printf("argument %d: %s\n", i, argv[i]);
	for (int i = 0; f && i < 100; i++)
		fprintf(f, "%d squared is %d\n", i, i * i);
	if (!f || fclose(f))
		return 1;
	f = fopen("rdimon.tmp", "r");
	while (f && fgets(line, sizeof(line), f))
		sum += strtoul(strrchr(line, ' '), NULL, 10);
	printf("sum of squares %lu, last line %s", sum, line);
	fclose(f);
	printf("remove %d\n", remove("rdimon.tmp"));
	f = fopen("rdimon.tmp", "r");
	printf("gone: %d errno %d\n", f == NULL, f ? 0 : errno);
	return 42;
}
