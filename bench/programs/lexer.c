/* SPDX-License-Identifier: Apache-2.0 */
/* A tokeniser: character classes and a table of states split 8 KiB of program text; identifiers are looked up in a hash table. */
#include "bench.h"

enum class { SPACE, LETTER, DIGIT, QUOTE, SLASH, STAR, NEWLINE, OPERATOR, OTHER, CLASSES };
enum state { BETWEEN, WORD, NUMBER, STRING, MAYBE_COMMENT, COMMENT, COMMENT_STAR, LINE, SYMBOL, STATES };
enum { EMIT = 0x80 };
struct name { char text[12]; uint8_t len; uint32_t uses; };

static char source[8192];
static uint8_t class_of[256], table[STATES][CLASSES];
static struct name names[256];

static void make_tables(void)
{
	memset(class_of, OTHER, sizeof(class_of));
	for (unsigned c = 0; c < 256; c++)
		if ((c | 32) - 'a' < 26 || c == '_')
			class_of[c] = LETTER;
		else if (c - '0' < 10)
			class_of[c] = DIGIT;
	for (const char *p = "+-=<>!&|^%(){}[];,."; *p; p++)
		class_of[(uint8_t)*p] = OPERATOR;
	class_of[' '] = class_of['\t'] = SPACE;
	class_of['\n'] = NEWLINE, class_of['"'] = QUOTE, class_of['/'] = SLASH, class_of['*'] = STAR;
	for (int s = 0; s < STATES; s++) {
		static const uint8_t fresh[CLASSES] = { BETWEEN, WORD, NUMBER, STRING, MAYBE_COMMENT, SYMBOL, BETWEEN, SYMBOL, SYMBOL };

		for (int c = 0; c < CLASSES; c++)
			table[s][c] = (uint8_t)(fresh[c] | (s == BETWEEN ? 0 : EMIT));
	}
	table[WORD][LETTER] = table[WORD][DIGIT] = WORD;
	table[NUMBER][DIGIT] = table[NUMBER][LETTER] = NUMBER;
	for (int c = 0; c < CLASSES; c++) {
		table[STRING][c] = c == QUOTE ? SYMBOL : c == NEWLINE ? BETWEEN | EMIT : STRING;
		table[COMMENT][c] = c == STAR ? COMMENT_STAR : COMMENT;
		table[COMMENT_STAR][c] = c == SLASH ? SYMBOL : c == STAR ? COMMENT_STAR : COMMENT;
		table[LINE][c] = c == NEWLINE ? BETWEEN | EMIT : LINE;
	}
	table[MAYBE_COMMENT][STAR] = COMMENT;
	table[MAYBE_COMMENT][SLASH] = LINE;
}

static NOINLINE uint32_t intern(const char *s, uint32_t len)
{
	uint32_t h = len;

	if (len > sizeof(names->text))
		len = sizeof(names->text);
	for (uint32_t i = 0; i < len; i++)
		h = h * 33 + (uint8_t)s[i];
	for (;; h++) {
		struct name *n = &names[h & 255];

		if (!n->len) {
			memcpy(n->text, s, len);
			n->len = (uint8_t)len;
		}
		if (n->len == len && !memcmp(n->text, s, len)) {
			n->uses++;
			return h & 255;
		}
	}
}

static NOINLINE uint32_t number(const char *s, uint32_t len)
{
	uint32_t v = 0, base = 10;

	if (len > 2 && s[0] == '0' && s[1] == 'x')
		base = 16, s += 2, len -= 2;
	for (; len--; s++)
		v = v * base + (class_of[(uint8_t)*s] == DIGIT ? (uint32_t)(*s - '0') : (uint32_t)((*s | 32) - 'a' + 10));
	return v;
}

static NOINLINE uint32_t scan(const char *p)
{
	const char *from = p;
	uint32_t h = 0;
	unsigned state = BETWEEN;

	for (; *p; p++) {
		unsigned next = table[state][class_of[(uint8_t)*p]];

		if (next & EMIT) {
			uint32_t len = (uint32_t)(p - from);

			switch ((enum state)state) {
			case WORD: h = h * 31 + intern(from, len); break;
			case NUMBER: h ^= number(from, len); break;
			case STRING:
			case SYMBOL: h = h * 5 + (uint8_t)*from + len; break;
			case MAYBE_COMMENT: h += '/'; break;
			case LINE: h++; break;
			case BETWEEN:
			case COMMENT:
			case COMMENT_STAR:
			case STATES: break;
			}
		}
		if (next & EMIT || state == BETWEEN)
			from = p;
		state = next & ~(unsigned)EMIT;
	}
	return h;
}

static void make_source(void)
{
	static const char *const parts[] = { "if (", "x1 = ", "count", "while ", "0x1f4a ", " + ", "buffer[i]", "; // note\n", "return ", "(a, b);\n", "1234 ", "/* why */ ", "\"text\" ", "struct node ", "->next", "\n\t" };
	uint32_t s = 23, n = 0;

	while (n + 20 < sizeof(source)) {
		uint32_t r = next_random(&s);

		for (const char *w = parts[r >> 9 & 15]; *w; w++)
			source[n++] = *w;
		if (r & 1)
			source[n++] = (char)('a' + (r >> 3 & 15));
	}
	source[n] = 0;
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0;

	make_tables();
	make_source();
	for (uint32_t r = 0; r < n; r++) {
		memset(names, 0, sizeof(names));
		h = h * 7 + scan(source);
		h += names[h & 255].uses;
		source[r & 4095] ^= class_of[(uint8_t)source[r & 4095]] == LETTER ? 2 : 0;
	}
	return h;
}
