/* SPDX-License-Identifier: Apache-2.0 */
/* Breakpoints and watchpoints: the set of them, putting it in force, and whether something meets one. */
#include <stdlib.h>
#include <string.h>

#include "runtime/vcpu.h"

/* ---- the set ---- */

static int compare(const struct stop_point *a, const struct stop_point *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	return a->size < b->size ? -1 : a->size > b->size;
}

/* Where *p is, or belongs. */
static uint32_t find(const struct stops *s, const struct stop_point *p, bool *there)
{
	uint32_t lo = 0, hi = s->n;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (compare(&s->point[mid], p) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*there = lo < s->n && compare(&s->point[lo], p) == 0;
	return lo;
}

static bool make_room(struct stops *s)
{
	if (s->n < s->cap)
		return true;
	uint32_t cap = s->cap ? 2 * s->cap : 16;
	struct stop_point *p = realloc(s->point, cap * sizeof *p);
	if (!p)
		return false;
	s->point = p;
	s->cap = cap;
	return true;
}

/* The run loop's digest. */
static void digest(struct vcpu *v)
{
	v->stop_now = v->stops.hit || v->stops.changed;
	v->stops_ahead = v->stops.pass || v->stops.n_exec;
}

/* What is wanted is another now; a run that is under way looks before its next slice. */
static void changed(struct vcpu *v)
{
	v->stops.changed = true;
	digest(v);
	vcpu_kick(v);
}

bool vcpu_add_stop(struct vcpu *v, const struct stop_point *p)
{
	struct stops *s = &v->stops;
	bool there;
	uint32_t at = find(s, p, &there);
	if (there) {
		s->point[at].owners |= p->owners;
		return true;
	}
	if (!make_room(s))
		return false;
	memmove(&s->point[at + 1], &s->point[at], (s->n - at) * sizeof *s->point);
	s->point[at] = *p;
	s->n++;
	changed(v);
	return true;
}

static void remove_at(struct vcpu *v, uint32_t at)
{
	struct stops *s = &v->stops;
	s->n--;
	memmove(&s->point[at], &s->point[at + 1], (s->n - at) * sizeof *s->point);
	changed(v);
}

bool vcpu_remove_stop(struct vcpu *v, const struct stop_point *p)
{
	struct stops *s = &v->stops;
	bool there;
	uint32_t at = find(s, p, &there);
	if (!there || !(s->point[at].owners & p->owners))
		return false;
	s->point[at].owners &= (uint8_t)~p->owners;
	if (!s->point[at].owners)
		remove_at(v, at);
	return true;
}

void vcpu_remove_stops(struct vcpu *v, uint8_t owners)
{
	struct stops *s = &v->stops;
	for (uint32_t i = s->n; i-- > 0;) {
		s->point[i].owners &= (uint8_t)~owners;
		if (!s->point[i].owners)
			remove_at(v, i);
	}
}

void vcpu_free_stops(struct vcpu *v)
{
	free(v->stops.point);
	free(v->stops.exec);
	free(v->stops.watch);
}

/* ---- in force ---- */

#define DROP_MAX 64u /* addresses that changed; with more of them all code goes */

static uint32_t first_not_below(const uint32_t *a, uint32_t n, uint32_t value)
{
	uint32_t lo = 0, hi = n;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (a[mid] < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool stops_at(const struct stops *s, uint32_t pc_key)
{
	uint32_t i = first_not_below(s->exec, s->n_exec, pc_key & ~1u);
	return i < s->n_exec && s->exec[i] == (pc_key & ~1u);
}

const uint32_t *stops_between(const struct stops *s, uint32_t addr, uint32_t size, uint32_t *n)
{
	uint32_t first = first_not_below(s->exec, s->n_exec, addr), end = first;
	while (end < s->n_exec && s->exec[end] - addr < size)
		end++;
	*n = end - first;
	return s->exec + first;
}

static bool holds(uint32_t start, uint32_t bytes, const uint32_t *addr, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (addr[i] - start <= bytes)
			return true;
	return false;
}

/* Does the block, or a part of the region, hold one of the addresses, or end there? */
static bool concerns(const struct tb *tb, const uint32_t *addr, uint32_t n)
{
	if (!tb->region)
		return holds(tb->pc_key & ~1u, tb->bytes, addr, n);
	for (unsigned k = 0; k < tb->region->n_parts; k++) {
		const struct tb_part *part = &tb->region->part[k];
		if (holds(part->pc_key & ~1u, part->bytes, addr, n))
			return true;
	}
	return false;
}

/* Drops the blocks that were made without regard to a breakpoint that is there now, or the other way round. */
static void drop_blocks(struct vcpu *v, const uint32_t *addr, uint32_t n)
{
	for (uint32_t i = 0; i < TB_PAGE_HASH_SIZE; i++)
		for (struct code_page *p = v->tbs.page_hash[i]; p; p = p->hash_next)
			for (struct tb *tb = p->tbs, *next; tb; tb = next) {
				next = tb->page_next;
				if (concerns(tb, addr, n))
					vcpu_drop_block(v, tb);
			}
}

/* The addresses that are in one of two ascending lists only. More than `max` are not listed. */
static uint32_t differing(const uint32_t *a, uint32_t na, const uint32_t *b, uint32_t nb, uint32_t *out, uint32_t max)
{
	uint32_t n = 0;
	for (uint32_t i = 0, k = 0; i < na || k < nb;) {
		if (i < na && k < nb && a[i] == b[k]) {
			i++;
			k++;
			continue;
		}
		uint32_t addr = k == nb || (i < na && a[i] < b[k]) ? a[i++] : b[k++];
		if (n < max)
			out[n] = addr;
		n++;
	}
	return n;
}

static uint32_t count_exec(const struct stops *s)
{
	uint32_t n = 0;
	while (n < s->n && s->point[n].kind == STOP_EXEC)
		n++;
	return n;
}

static bool apply_exec(struct vcpu *v)
{
	struct stops *s = &v->stops;
	uint32_t n = count_exec(s), drop[DROP_MAX];
	uint32_t *exec = malloc(MAX(n, 1u) * sizeof *exec);
	if (!exec)
		return false;
	for (uint32_t i = 0; i < n; i++)
		exec[i] = s->point[i].addr;
	uint32_t n_drop = differing(s->exec, s->n_exec, exec, n, drop, DROP_MAX);
	free(s->exec);
	s->exec = exec;
	s->n_exec = n;
	if (n_drop > DROP_MAX)
		vcpu_flush_code(v);
	else if (n_drop)
		drop_blocks(v, drop, n_drop);
	return true;
}

static bool apply_watch(struct vcpu *v)
{
	struct stops *s = &v->stops;
	uint32_t first = count_exec(s), n = s->n - first;
	if (n == s->n_watch && (!n || !memcmp(s->watch, s->point + first, n * sizeof *s->watch)))
		return true;
	struct stop_point *watch = malloc(MAX(n, 1u) * sizeof *watch);
	struct gva_span *span = malloc(MAX(n, 1u) * sizeof *span);
	bool ok = watch && span;
	for (uint32_t i = 0; ok && i < n; i++) {
		watch[i] = s->point[first + i];
		span[i] = (struct gva_span){watch[i].addr, watch[i].addr + (watch[i].size - 1)};
	}
	ok = ok && softmmu_watch(v->mmu, span, n);
	free(span);
	if (!ok) {
		free(watch);
		return false;
	}
	if (!n != !s->n_watch) /* loads that are constants are not seen */
		vcpu_flush_code(v);
	vcpu_clear_jump_cache(v);
	free(s->watch);
	s->watch = watch;
	s->n_watch = n;
	return true;
}

/* Without memory the old ones stay in force until the next change. */
void vcpu_apply_stops(struct vcpu *v)
{
	v->stops.changed = false;
	if (!apply_exec(v) || !apply_watch(v))
		log_printf(v->log, "breakpoints are not as asked for: out of host memory\n");
	digest(v);
}

/* ---- meeting one ---- */

static bool note(struct vcpu *v, const struct stop_point *p, uint32_t addr, bool write)
{
	v->stops.hit = true;
	v->stops.last_hit = (struct stop_hit){.point = *p, .addr = addr, .write = write, .insns = UINT64_MAX};
	digest(v);
	return true;
}

/* The stop as its owners know it; its point may be gone when it was taken out a moment ago. */
static struct stop_point breakpoint_at(const struct stops *s, uint32_t addr)
{
	struct stop_point p = {.addr = addr, .kind = STOP_EXEC};
	bool there;
	uint32_t i = find(s, &p, &there);
	return there ? s->point[i] : p;
}

bool vcpu_stop_before_block(struct vcpu *v)
{
	struct stops *s = &v->stops;
	uint32_t addr = v->cpu->pc & ~1u;
	if (!stops_at(s, addr))
		return false;
	struct stop_point p = breakpoint_at(s, addr);
	return note(v, &p, addr, false);
}

static bool wants(const struct stop_point *p, bool write)
{
	return p->kind == STOP_ACCESS || p->kind == (write ? STOP_WRITE : STOP_READ);
}

bool vcpu_stop_before_access(struct vcpu *v, uint32_t addr, unsigned size, bool write)
{
	const struct stops *s = &v->stops;
	if (s->pass_access || !softmmu_watched(v->mmu, GVA(addr), size))
		return false;
	for (uint32_t i = 0; i < s->n_watch; i++) {
		const struct stop_point *p = &s->watch[i];
		/* Either begins inside the other. */
		if (wants(p, write) && (addr - p->addr < p->size || p->addr - addr < size))
			return note(v, p, MAX(addr, p->addr), write);
	}
	return false;
}

void vcpu_forget_hit(struct vcpu *v)
{
	v->stops.hit = v->stops.pass = v->stops.pass_access = false;
	digest(v);
}

void vcpu_set_hit(struct vcpu *v, const struct stop_hit *hit)
{
	struct stops *s = &v->stops;
	s->last_hit = *hit;
	s->hit = true;
	digest(v);
}

void vcpu_resume_stops(struct vcpu *v)
{
	struct stops *s = &v->stops;
	s->pass = (s->hit || s->pass) && s->last_hit.pc == v->cpu->pc && s->last_hit.insns == vcpu_insns(v);
	s->pass_access = s->pass && s->last_hit.point.kind != STOP_EXEC;
	s->hit = false;
	digest(v);
}

void vcpu_passed_stop(struct vcpu *v)
{
	v->stops.pass = v->stops.pass_access = false;
	digest(v);
}
