/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping. What HTML could take for its own (<, >, &) and what is not printable ASCII goes out as \u. */
#include "debug/json.h"

/* Length of the UTF-8 sequence at `s` (Unicode 15, table 3-7), its code point in *c; 0 when it is none. */
static unsigned utf8(const unsigned char *s, uint32_t *c)
{
	unsigned n = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	if (!n)
		return 0;
	*c = s[0] & (0x7fu >> n);
	for (unsigned i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s[i] & 0x3fu);
	}
	bool bad = (n == 3 && (*c < 0x800 || (*c >= 0xd800 && *c < 0xe000))) || (n == 4 && (*c < 0x10000 || *c > 0x10ffff));
	return bad ? 0 : n;
}

static void print_unit(FILE *out, uint32_t c)
{
	fprintf(out, "\\u%04x", c);
}

void json_string(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	fputc('"', out);
	while (*s) {
		uint32_t c = *s;
		unsigned n = 1;
		if (c >= 0x80) {
			n = utf8(s, &c);
			c = n ? c : 0xfffd;
			n = n ? n : 1;
		}
		if (c >= 0x10000) {
			print_unit(out, 0xd800 + ((c - 0x10000) >> 10));
			print_unit(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
		} else if (c < ' ' || c >= 0x7f || c == '<' || c == '>' || c == '&' || c == '"' || c == '\\' || c == '\'') {
			print_unit(out, c);
		} else {
			fputc((int)c, out);
		}
		s += n;
	}
	fputc('"', out);
}
