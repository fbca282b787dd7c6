/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, matrices, a state machine over text, each folded into a CRC: the mix that newer embedded benchmarks use. */
#include "bench.h"

struct item { struct item *next; int16_t key, data; };

static struct item items[200];
static int16_t ma[24][24], mb[24][24];
static int32_t mc[24][24];

static NOINLINE uint16_t crc16(uint32_t v, uint16_t crc)
{
	for (int i = 0; i < 32; i++, v >>= 1)
		crc = (uint16_t)((crc >> 1) ^ (((crc ^ v) & 1) ? 0xa001 : 0));
	return crc;
}

/* Merge sort of a list, without recursion: runs of growing length. */
static NOINLINE struct item *sort(struct item *list, int by_data)
{
	for (int width = 1;; width *= 2) {
		struct item *p = list, *tail = NULL;
		int merges = 0;

		list = NULL;
		while (p) {
			struct item *q = p;
			int psize = 0, qsize = width;

			merges++;
			for (; psize < width && q; psize++)
				q = q->next;
			while (psize > 0 || (qsize > 0 && q)) {
				struct item *e;
				int left = psize && (!qsize || !q || (by_data ? p->data <= q->data : p->key <= q->key));

				if (left)
					e = p, p = p->next, psize--;
				else
					e = q, q = q->next, qsize--;
				if (tail)
					tail->next = e;
				else
					list = e;
				tail = e;
			}
			p = q;
		}
		tail->next = NULL;
		if (merges <= 1)
			return list;
	}
}

static NOINLINE uint16_t matrix(uint32_t seed, uint16_t crc)
{
	int32_t trace = 0;

	for (int i = 0; i < 24; i++)
		for (int j = 0; j < 24; j++) {
			ma[i][j] = (int16_t)(seed + (uint32_t)(i * j));
			mb[i][j] = (int16_t)(seed ^ (uint32_t)(i + 3 * j));
		}
	for (int i = 0; i < 24; i++)
		for (int j = 0; j < 24; j++) {
			int32_t s = 0;

			for (int k = 0; k < 24; k++)
				s += (int32_t)ma[i][k] * mb[k][j];
			mc[i][j] = s;
		}
	for (int i = 0; i < 24; i++)
		trace += mc[i][i] ^ mc[i][23 - i];
	return crc16((uint32_t)trace, crc);
}

enum state { START, INTEGER, FRACTION, EXPONENT, INVALID, STATES };

static NOINLINE uint16_t scan(const char *s, uint16_t crc)
{
	uint32_t count[STATES] = { 0 };
	enum state st = START;

	for (; *s; s++) {
		char c = *s;

		if (c == ',') {
			count[st]++;
			st = START;
			continue;
		}
		switch (st) {
		case START: st = c >= '0' && c <= '9' ? INTEGER : c == '+' || c == '-' ? START : c == '.' ? FRACTION : INVALID; break;
		case INTEGER: st = c >= '0' && c <= '9' ? INTEGER : c == '.' ? FRACTION : c == 'e' ? EXPONENT : INVALID; break;
		case FRACTION: st = c >= '0' && c <= '9' ? FRACTION : c == 'e' ? EXPONENT : INVALID; break;
		case EXPONENT: st = (c >= '0' && c <= '9') || c == '-' ? EXPONENT : INVALID; break;
		case INVALID:
		case STATES: break;
		}
	}
	for (int i = 0; i < STATES; i++)
		crc = crc16(count[i], crc);
	return crc;
}

uint32_t bench(uint32_t n)
{
	static const char text[] = "5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,5.500e+3,-.123e-2,-87e+832,T0.3e-1F,-T.T++Tq,1T3.4e4z,99,";
	uint16_t crc = 0;
	uint32_t seed = 1;

	for (uint32_t r = 0; r < n; r++) {
		struct item *list = items;

		for (unsigned i = 0; i < 200; i++) {
			items[i].next = i < 199 ? &items[i + 1] : NULL;
			items[i].key = (int16_t)next_random(&seed);
			items[i].data = (int16_t)(seed >> 16);
		}
		list = sort(list, 0);
		crc = crc16((uint32_t)list->key, crc);
		list = sort(list, 1);
		for (struct item *e = list; e; e = e->next->next)
			crc = crc16((uint32_t)e->data, crc);
		crc = matrix(seed, crc);
		for (int i = 0; i < 4; i++)
			crc = scan(text, crc);
	}
	return crc | seed << 16;
}
