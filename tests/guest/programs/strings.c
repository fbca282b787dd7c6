/* SPDX-License-Identifier: Apache-2.0 */
/* The library's memory and string functions at every alignment; failure: LDM/STM, byte lanes, unaligned edges. */
#include <stdlib.h>
#include <string.h>

#include "guest.h"

static unsigned char a[300], b[300];

static uint32_t sweep_copies(void)
{
	uint32_t h = 0;

	for (unsigned d = 0; d < 8; d++)
		for (unsigned s = 0; s < 8; s += 1 + d % 3)
			for (unsigned n = 0; n < 70; n += 1 + n / 9) {
				memset(b, (int)(d + s), 100);
				memcpy(b + d, a + s, n);
				memmove(b + 20, b + 20 + s - d, n);
				h = h * 31 + guest_fnv(b, 100);
			}
	return h;
}

static int order(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

int main(void)
{
	static char text[] = "the quick brown fox jumps over the lazy dog and then some more words follow the fox";
	char *word[24], *save = NULL, line[128];
	size_t n = 0;
	struct guest_rng g = { 11 };
	void *block[40] = { NULL };
	uint32_t h = 0;

	for (unsigned i = 0; i < sizeof(a); i++)
		a[i] = (unsigned char)guest_random(&g);
	printf("copies %08lx\n", (unsigned long)sweep_copies());
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		word[n++] = w;
	qsort(word, n, sizeof(*word), order);
	for (size_t i = 0; i < n; i++)
		printf("%s%c", word[i], i + 1 < n ? ' ' : '\n');
	snprintf(line, sizeof(line), "%-8s|%8s|%05d|%+d|%#x|%o|%c|%%|%.3s|%*d", "left", "right", 42, 7, 48879, 8, 'x', "abcdef", 6, -12);
	printf("%s\n%u %d %d\n", line, (unsigned)strlen(line), strncmp("abcd", "abcf", 3), strcmp("abc", "abd") < 0);
	printf("%ld %lu %ld\n", strtol("-123xyz", NULL, 10), strtoul("deadbeef", NULL, 16), strtol("0777", NULL, 0));
	printf("%s %s %s\n", strstr("hay needle stack", "needle"), strrchr("a/b/c", '/'), strchr("key=value", '='));
	for (unsigned i = 0; i < 600; i++) {
		unsigned k = guest_random(&g) % 40, size = guest_random(&g) % 700 + 1;

		if (block[k]) {
			h = h * 33 + *(unsigned char *)block[k];
			free(block[k]);
			block[k] = NULL;
		} else {
			block[k] = malloc(size);
			memset(block[k], (int)(size & 255), size);
		}
	}
	printf("heap %08lx\n", (unsigned long)h);
	return 0;
}
