/* SPDX-License-Identifier: Apache-2.0 */
// C++ without its library: virtual calls, several bases, templates, static constructors, operator new, RAII.
#include "guest.h"

namespace {

char pool[16384];
size_t used;
int alive;

} // namespace

void *operator new(size_t n) { size_t at = used; used += (n + 7) & ~size_t(7); return pool + at; }
void *operator new[](size_t n) { return operator new(n); }
void operator delete(void *) noexcept {}
void operator delete(void *, size_t) noexcept {}
void operator delete[](void *) noexcept {}
void operator delete[](void *, size_t) noexcept {}
extern "C" void __cxa_pure_virtual() { guest_exit(95); }
extern "C" int __cxa_atexit(void (*)(void *), void *, void *) { return 0; }
extern "C" int __aeabi_atexit(void *, void (*)(void *), void *) { return 0; }
void *__dso_handle;

namespace {

struct node {
	node() { alive++; }
	virtual ~node() { alive--; }
	virtual int eval(int x) const = 0;
	virtual int size() const { return 1; }
};

struct constant : node {
	explicit constant(int v) : v(v) {}
	int eval(int) const override { return v; }
	int v;
};

struct variable : node {
	int eval(int x) const override { return x; }
};

struct counted {
	virtual ~counted() {}
	virtual int uses() { return ++n; }
	int n = 0;
};

template <typename Op> struct binary final : node, counted {
	binary(node *l, node *r) : l(l), r(r) {}
	~binary() override { delete l; delete r; }
	int eval(int x) const override { return Op()(l->eval(x), r->eval(x)); }
	int size() const override { return 1 + l->size() + r->size(); }
	int uses() override { return counted::uses() * 10; }
	node *l, *r;
};

struct plus { int operator()(int a, int b) const { return a + b; } };
struct minus { int operator()(int a, int b) const { return a - b; } };
struct times { int operator()(int a, int b) const { return a * b; } };

counted *last;

node *build(guest_rng &g, int depth)
{
	if (depth == 0)
		return guest_random(&g) & 1 ? static_cast<node *>(new constant(int(guest_random(&g) % 9) - 4)) : new variable;
	node *l = build(g, depth - 1), *r = build(g, depth - 1 - int(guest_random(&g) % unsigned(depth)));
	switch (guest_random(&g) % 3) {
	case 0: { auto *b = new binary<plus>(l, r); last = b; return b; }
	case 1: { auto *b = new binary<minus>(l, r); last = b; return b; }
	default: { auto *b = new binary<times>(l, r); last = b; return b; }
	}
}

struct early {
	early() { value = 4711; }
	int value;
} global;

struct scope {
	explicit scope(const char *n) : n(n) { printf("enter %s\n", n); }
	~scope() { printf("leave %s\n", n); }
	const char *n;
};

int (constant::*member)(int) const = &constant::eval;

} // namespace

int main()
{
	guest_rng g = { 2024 };
	printf("constructed before main: %d\n", global.value);
	{
		scope outer("outer");
		node *t = build(g, 6);
		scope inner("inner");
		printf("nodes %d alive %d\n", t->size(), alive);
		for (int x = -3; x <= 3; x++)
			printf("f(%d) = %d\n", x, t->eval(x));
		printf("uses %d %d\n", last->uses(), last->uses());
		delete t;
	}
	constant c(5);
	printf("alive %d member %d\n", alive, (c.*member)(0));
	static scope once("static");
	return 0;
}
